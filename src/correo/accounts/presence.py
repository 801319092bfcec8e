"""Who is logged in to one process, and must leave when his account is shut out.

A visit knows which change was the last when its login was read, so that one that comes while somebody logs in is not missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from correo.accounts.account import Account
from correo.accounts.shut_out import KEPT, ShutOut


def do_nothing() -> None:
    pass


class Visit:
    """Of one session: from `begin`, when somebody is logged in, to `end`, which may be said at any time."""

    def __init__(self, presence: Presence, wake: Callable[[], None] = do_nothing) -> None:
        """`wake` makes the session look at `over` soon, and only takes note."""
        self._presence = presence
        self._wake = wake
        self.account: Account | None = None
        self.over = False  # whoever was logged in has been shut out, and must leave

    def begin(self, account: Account) -> None:
        self.end()
        self.account = account
        self._presence.add(self, account)

    def end(self) -> None:
        if self.account is not None:
            self._presence.remove(self, self.account)
            self.account = None

    def shut_out(self, number: int) -> None:
        if self.account and (self.account.as_of is None or number > self.account.as_of):
            self.over = True
            self._wake()


@dataclass(slots=True)
class Presence:
    """The visits of one process."""

    seen: int = 0  # the last change that was heard of
    _visits: dict[int, set[Visit]] = field(default_factory=dict)  # by account
    _last: dict[int, int] = field(default_factory=dict)  # change of each account, of those that were heard of

    def add(self, visit: Visit, account: Account) -> None:
        self._visits.setdefault(account.id, set()).add(visit)
        if account.as_of is not None:
            visit.shut_out(self._last.get(account.id, 0))

    def remove(self, visit: Visit, account: Account) -> None:
        visits = self._visits.get(account.id, set())
        visits.discard(visit)
        if not visits:
            self._visits.pop(account.id, None)

    def hear(self, changes: Sequence[ShutOut]) -> None:
        """Oldest first."""
        if changes and self.seen and changes[0].number > self.seen + 1:
            self._missed(changes[0].number - 1)
        for number, account_id in changes:
            self.seen = number
            self._last.pop(account_id, None)
            self._last[account_id] = number
            for visit in self._visits.get(account_id, ()):
                visit.shut_out(number)
        while len(self._last) > KEPT:
            del self._last[next(iter(self._last))]

    def _missed(self, number: int) -> None:
        """Changes up to this one are not kept any more: they may have been about anybody."""
        for visits in self._visits.values():
            for visit in visits:
                visit.shut_out(number)
