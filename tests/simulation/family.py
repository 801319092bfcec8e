"""Several processes of one server on one machine: what they hold for all, and the word that goes from one to the others.

As `storage.holds` and `net.kin` do it with locks and sockets of the system. What is said arrives a turn of the loop later, unless he
who said it, or he who would hear it, is dead by then; of a death all others are told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.simulation.process import Process

from correo.storage.bus.family import Hear

Word = tuple[str, int]


class Held:
    """The numbers that processes of one machine hold. One for each process, over the same `holders`."""

    def __init__(self, holders: dict[int, Held]) -> None:
        self._holders = holders

    def take(self, number: int) -> bool:
        if number in self._holders:
            return False
        self._holders[number] = self
        return True

    def give(self, number: int) -> None:
        if self._holders.get(number) is self:
            del self._holders[number]

    def close(self) -> None:
        for number in [number for number, holder in self._holders.items() if holder is self]:
            self.give(number)


class Family:
    """Who lives on one machine."""

    def __init__(self) -> None:
        self._hearers: dict[Process, Hear] = {}
        self._missed: dict[Process, Callable[[], None]] = {}

    def share(self, process: Process, hear: Hear) -> Hear:
        self._hearers[process] = hear

        def tell(name: str, number: int) -> None:
            asyncio.get_running_loop().call_soon(self._say, process, (name, number))

        return tell

    def start(self, process: Process, missed: Callable[[], None]) -> None:
        self._missed[process] = missed

    def leave(self, process: Process) -> None:
        self._hearers.pop(process, None)
        self._missed.pop(process, None)

    def alarm(self) -> None:
        """Somebody is dead, perhaps before he could say what he had done."""
        for process, missed in list(self._missed.items()):
            process.call(missed)

    def _say(self, speaker: Process, word: Word) -> None:
        if speaker.dead:
            return
        for process, hear in list(self._hearers.items()):
            if process is not speaker and not process.dead:
                process.call(hear, *word)
