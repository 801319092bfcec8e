"""Servers of others, which answer as they please."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tests.journeys.far import HANG_UP, HUSH, Far, Taken

from correo.net.memory import MemoryStream

NEAR, MOODY, DEAD = "near.example", "moody.example", "dead.example"
OUTSIDE = (f"friend@{NEAR}", f"list@{NEAR}")
WELL, MOODS = (1, 0, 0, 0, 0, 0), (5, 2, 1, 1, 1, 1)  # how often `Neighbour` is in which
GARBAGE = ("\x00\x01\x02", "250", "2", "999 what?", "ok", "250-" + "x" * 3_000, "-" * 600, "354 go on", "")
STAGES = ("connect", "EHLO", "MAIL", "RCPT", "DATA", ".")


@dataclass(frozen=True, slots=True)
class Copy:
    """That something arrived."""

    source: str  # addresses
    target: str
    moments: tuple[
        float, ...
    ]  # when, in seconds on the loop's clock; several where the clock there was set meanwhile
    sure: bool = True  # whoever brought it was told so


@dataclass(slots=True)
class Neighbour:
    """Of each mood so many connections: well, 4xx, 5xx, garbage, an end without a word, silence."""

    dice: Random
    moods: tuple[int, ...]
    learn: Callable[[bytes], str]  # is told of every message, which may be a notice; knows its Message-ID
    copies: list[tuple[str, tuple[str, ...], Copy]] = field(
        default_factory=list
    )  # with Message-ID and recipients
    connections: int = 0

    async def serve(self, stream: MemoryStream) -> None:
        self.connections += 1
        (mood,) = self.dice.choices(tuple(_MOODS), self.moods)
        stage = self.dice.choice(STAGES)

        def answer(line: str) -> str | None:
            if stage == "." and line == ".":
                return _MOODS[mood](self.dice)
            return _MOODS[mood](self.dice) if stage != "." and line.startswith(stage) else None

        def hear(taken: Taken) -> None:
            at = asyncio.get_running_loop().time()
            copy = Copy(stream.peer.address, stream.local.address, (at,), sure=mood == "well")
            self.copies.append((self.learn(taken.text), taken.recipients, copy))

        await Far(answer=answer, hear=hear).serve(stream)

    def well(self) -> None:
        self.moods = WELL


_MOODS: dict[str, Callable[[Random], str | None]] = {
    "well": lambda dice: None,
    "later": lambda dice: "451 4.3.0 not now",
    "never": lambda dice: "550 5.7.1 never",
    "garbage": lambda dice: dice.choice(GARBAGE),
    "gone": lambda dice: HANG_UP,
    "silent": lambda dice: HUSH,
}
