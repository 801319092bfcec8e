"""Askers of the same question at the same time share one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    waiting: int = 0


class Flights(Generic[K, T]):
    __slots__ = ("_flying",)

    def __init__(self) -> None:
        self._flying: dict[K, _Flight[T]] = {}

    async def share(self, key: K, start: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of `start()`, or of the one already under way for `key`. It ends early only if nobody waits any more."""
        flight = self._flying.get(key)
        if flight is None:
            flight = self._flying[key] = _Flight(asyncio.ensure_future(start()))
            flight.task.add_done_callback(lambda task: self._land(key, task))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                flight.task.cancel()
                # Whoever asks next must not be given the cancelled one.
                self._forget(key, flight.task)

    def _land(self, key: K, task: asyncio.Task[T]) -> None:
        self._forget(key, task)
        if not task.cancelled():
            task.exception()  # if nobody was left to see it, asyncio need not complain about it

    def _forget(self, key: K, task: asyncio.Task[T]) -> None:
        flight = self._flying.get(key)
        if flight is not None and flight.task is task:
            del self._flying[key]
