"""Time and chance as arguments.

`Clock` tells the time of day, `Chance` makes ids, tokens and random choices. `clock.system` reads the machine's,
`clock.virtual` gives tests a loop whose time jumps when everyone waits. Waiting itself goes through the event loop
(`asyncio.sleep`, `asyncio.timeout`), which the virtual loop turns.
"""

from __future__ import annotations

from random import Random
from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """Microseconds since 1970-01-01 UTC; may be set back by the operator."""
        ...


class Chance(Protocol):
    @property
    def random(self) -> Random:
        """For jitter, shuffles and simulated faults: never for secrets."""
        ...

    def id(self, now: int) -> int:
        """A new id, 0 < id < 2**63: unique in this installation, and later ids are larger."""
        ...

    def secret(self, size: int) -> bytes:
        """`size` unguessable octets."""
        ...
