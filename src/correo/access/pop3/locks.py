"""RFC 1939 §4: a maildrop is open in at most one session."""

from __future__ import annotations


class Locks:
    """The accounts whose maildrop is open in this process."""

    def __init__(self) -> None:
        self.held: set[int] = set()

    def acquire(self, account_id: int) -> bool:
        if account_id in self.held:
            return False
        self.held.add(account_id)
        return True

    def release(self, account_id: int) -> None:
        self.held.discard(account_id)
