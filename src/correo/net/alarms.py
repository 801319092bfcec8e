"""Alarms of connections that wait for minutes: one timer of the event loop for all that are due at about the same time.

A timer of each connection's own weighs more than everything else that a stream has, and setting it takes longer than reading a command.
"""

from __future__ import annotations

import asyncio
from math import ceil
from typing import Protocol

GRAIN = 2.0  # seconds: alarms ring less than this too late, and never too early
NEAR = 20.0  # seconds: of what is due sooner that would be too much, and it has a timer of its own


class Sleeper(Protocol):
    def ring(self) -> None:
        """It is time. Must not raise."""
        ...


class Slot:
    """Those who are due at one time."""

    __slots__ = ("_sleepers",)

    def __init__(self) -> None:
        self._sleepers: set[Sleeper] = set()

    def add(self, sleeper: Sleeper) -> None:
        self._sleepers.add(sleeper)

    def forget(self, sleeper: Sleeper) -> None:
        """Also where it has rung."""
        self._sleepers.discard(sleeper)

    def ring(self) -> None:
        sleepers, self._sleepers = self._sleepers, set()
        for sleeper in sleepers:
            sleeper.ring()


class Own:
    """A timer for one alone."""

    __slots__ = ("_timer",)

    def __init__(self, loop: asyncio.AbstractEventLoop, at: float, sleeper: Sleeper) -> None:
        self._timer = loop.call_at(at, sleeper.ring)

    def forget(self, sleeper: Sleeper) -> None:
        self._timer.cancel()


class Alarms:
    """For the connections of one event loop that share them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[int, Slot] = {}

    def set(self, at: float, sleeper: Sleeper) -> Slot | Own:
        """Ring at this time of the loop. What is returned forgets it."""
        if at - self._loop.time() < NEAR:
            return Own(self._loop, at, sleeper)
        number = ceil(at / GRAIN)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = Slot()
            self._loop.call_at(number * GRAIN, self._ring, number)
        slot.add(sleeper)
        return slot

    def _ring(self, number: int) -> None:
        self._slots.pop(number).ring()
