"""The bus inside one process."""

from __future__ import annotations

from collections.abc import Callable

from correo.storage.bus import Topic


class LocalBus:
    def __init__(self) -> None:
        self._listeners: dict[Topic, dict[int, Callable[[], None]]] = {}
        self._next = 0

    def publish(self, topic: Topic) -> None:
        self.call(topic)

    def publish_all(self) -> None:
        for topic in list(self._listeners):
            self.call(topic)

    def call(self, topic: Topic) -> None:
        """Everybody in this process who listens to `topic`."""
        listeners = self._listeners.get(topic)
        if listeners:
            for callback in list(listeners.values()):
                callback()

    def subscribe(self, topic: Topic, callback: Callable[[], None]) -> Callable[[], None]:
        self._next += 1
        key = self._next
        self._listeners.setdefault(topic, {})[key] = callback

        def stop() -> None:
            listeners = self._listeners.get(topic)
            if listeners and listeners.pop(key, None) and not listeners:
                del self._listeners[topic]

        return stop
