"""The bus of several processes that serve together: what one publishes, all hear."""

from __future__ import annotations

from collections.abc import Callable

from correo.storage.bus import Topic
from correo.storage.bus.local import LocalBus

Hear = Callable[[str, int], None]


class FamilyBus(LocalBus):
    """`share` joins this bus to those of the others: it is given what to call when one of them publishes, and gives what tells them."""

    def __init__(self, share: Callable[[Hear], Hear]) -> None:
        super().__init__()
        self._tell = share(lambda name, number: self.call((name, number)))

    def publish(self, topic: Topic) -> None:
        self.call(topic)
        self._tell(*topic)
