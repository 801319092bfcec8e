"""Something changed: from whoever committed it to the sessions that wait for it.

A topic says where, never what: the listener reads the change log. Publishing before the commit is a fault, publishing twice is
harmless.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Topic = tuple[str, int]

QUEUE: Topic = ("queue", 0)  # something may be due for another server
LOGINS: Topic = ("logins", 0)  # somebody may have been shut out
RIGHTS: Topic = ("rights", 0)  # somebody may see other mailboxes than before


def account(account_id: int) -> Topic:
    """Something changed in the mailboxes of this account."""
    return ("account", account_id)


class Bus(Protocol):
    def publish(self, topic: Topic) -> None:
        """Call everybody who listens to `topic`, soon and at most once each before they look."""
        ...

    def publish_all(self) -> None:
        """Call everybody: another process committed, and nobody knows what."""
        ...

    def subscribe(self, topic: Topic, callback: Callable[[], None]) -> Callable[[], None]:
        """Listen; the result stops it. Callbacks only take note and must not raise."""
        ...
