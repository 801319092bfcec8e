"""LOGIN-DELAY (RFC 2449 §6.5): how soon after a login the next one may follow."""

from __future__ import annotations


class Delays:
    """When each account last opened its maildrop, in this process. Those for whom the delay is over are forgotten."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}  # in the order of time

    def enter(self, account_id: int, now: int, delay: int) -> bool:
        """Whether the account may open its maildrop again (µs); if so, this is when it last did."""
        while self._last and not 0 <= now - next(iter(self._last.values())) < delay:
            del self._last[next(iter(self._last))]
        if account_id in self._last:
            return False
        if delay:
            self.note(account_id, now)
        return True

    def note(self, account_id: int, now: int) -> None:
        """The account opens its maildrop."""
        self._last.pop(account_id, None)
        self._last[account_id] = now
