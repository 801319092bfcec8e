"""The accounts a session is told of by the bus: its own, and those whose mailboxes it looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

from correo.storage.bus import Bus, Topic


class Listening:
    """Topics are kept by the reason for which they are listened to; one that has several reasons is subscribed once."""

    def __init__(self, bus: Bus, stirred: Callable[[], None]) -> None:
        """`stirred` only takes note, and must not raise."""
        self._bus = bus
        self._stirred = stirred
        self._wanted: dict[str, tuple[Topic, ...]] = {}
        self._stops: dict[Topic, Callable[[], None]] = {}

    def to(self, reason: str, topics: Iterable[Topic]) -> None:
        """From now on these are listened to for that reason, in place of those before."""
        self._wanted[reason] = tuple(topics)
        wanted = frozenset(chain.from_iterable(self._wanted.values()))
        for topic in self._stops.keys() - wanted:
            self._stops.pop(topic)()
        for topic in wanted - self._stops.keys():
            self._stops[topic] = self._bus.subscribe(topic, self._stirred)

    def stop(self) -> None:
        """Listen to nothing."""
        self._wanted.clear()
        for stop in self._stops.values():
            stop()
        self._stops.clear()
