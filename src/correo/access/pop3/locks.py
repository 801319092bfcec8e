"""RFC 1939 §4: a maildrop is open in at most one session."""

from __future__ import annotations

from correo.storage.holds import Holds


class Locks:
    """The accounts whose maildrop is open in this process; with `holds`, in no other either."""

    def __init__(self, holds: Holds | None = None) -> None:
        self.held: set[int] = set()
        self._holds = holds

    def acquire(self, account_id: int) -> bool:
        if account_id in self.held or (self._holds and not self._holds.take(account_id)):
            return False
        self.held.add(account_id)
        return True

    def release(self, account_id: int) -> None:
        self.held.discard(account_id)
        if self._holds:
            self._holds.give(account_id)
