"""The short way out: what has just been accepted goes to a worker of this process at once, without being looked for in the queue.

It is in the queue all the same, from the commit that accepted it, with a lease of that worker: after a crash it is taken back
as whatever a worker has claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from correo.queue import Lease, QueuedRecipient


class Offer:
    """Room that a worker has, for `size` octets. In it, what came of the transaction that was given the `lease`."""

    def __init__(self, lease: Lease, size: int) -> None:
        self.lease = lease
        self.size = size
        self.claimed: Sequence[QueuedRecipient] = ()
        self.raw = b""  # the content of their message

    def fill(self, claimed: Sequence[QueuedRecipient], raw: bytes) -> None:
        """After the commit."""
        self.claimed, self.raw = claimed, raw


class Courier(Protocol):
    def offer(self, destinations: Iterable[str], size: int) -> Offer | None:
        """Room for a message of `size` octets to some of the destinations. What is offered must be taken back by `accept`."""
        ...

    def accept(self, offer: Offer) -> None:
        """Begin with what was put in; never raises."""
        ...


class Outlet:
    """Where sessions find the worker of their process; it may change while they talk."""

    def __init__(self) -> None:
        self.courier: Courier | None = None  # None: the queue is the only way

    @contextmanager
    def offer(self, destinations: Iterable[str], size: int) -> Iterator[Offer | None]:
        """For as long as the transaction takes; what is filled in is begun with at the end."""
        courier = self.courier
        offered = courier.offer(destinations, size) if courier else None
        try:
            yield offered
        finally:
            if courier and offered:
                courier.accept(offered)
