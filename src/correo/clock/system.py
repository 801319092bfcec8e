"""The machine's own clock and randomness: the only module that reads them."""

from __future__ import annotations

import secrets
import time
from random import Random

# An id is 43 bits of milliseconds since 2020 (enough until 2298), then 20 bits of which the first is random for each
# millisecond and the rest count up: two processes that start in the same millisecond still part ways, most likely. Processes that
# know of each other do so for certain: each has a seat, and its ids are those that leave its number over, divided by the seats.
_EPOCH_MS = 1_577_836_800_000
_SEQUENCE_BITS = 20


def processor() -> float:
    """Seconds of processor that this process has taken so far, in all its threads."""
    return time.process_time()


class SystemClock:
    __slots__ = ()

    def now(self) -> int:
        return time.time_ns() // 1000


class SystemChance:
    __slots__ = ("_last", "_seat", "_step", "random")

    def __init__(self, seat: int = 0, seats: int = 1) -> None:
        """`seats`: a power of two of at most 1024, so that there is enough left to chance."""
        self.random = Random(secrets.randbits(128))
        self._last = seat
        self._seat = seat
        self._step = seats

    def id(self, now: int) -> int:
        millisecond = now // 1000 - _EPOCH_MS
        if millisecond > self._last >> _SEQUENCE_BITS:
            drawn = self.random.getrandbits(_SEQUENCE_BITS)
            self._last = millisecond << _SEQUENCE_BITS | drawn - drawn % self._step + self._seat
        else:
            self._last += (
                self._step
            )  # the same millisecond, or a clock that was set back and must not repeat ids
        return self._last

    def secret(self, size: int) -> bytes:
        return secrets.token_bytes(size)
