"""Memory for the long messages that people are reading: whoever does not find enough waits for others to be done."""

from __future__ import annotations

import asyncio

from correo.mail.errors import Kind, Refused
from correo.net.limits import READING, Budget

LOOK = 0.25  # seconds between looks: other workers, who cannot tell, have the same budget
LOOKS = 80  # before it is refused: programs wait for half a minute at least


async def room_to_read(budget: Budget, size: int) -> int:
    """Take memory for a message of this size; how much is to be given back. Raises Refused(UNAVAILABLE) where it does not come."""
    size = budget.of_reader(size)
    for _ in range(LOOKS):
        if budget.take(size, READING):
            return size
        await asyncio.sleep(LOOK)
    raise Refused(Kind.UNAVAILABLE, "too many long messages are being read")
