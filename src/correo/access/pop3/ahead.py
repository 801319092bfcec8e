"""The messages that a client will ask for next: most fetch one after the other, and to read several at once costs little more."""

from __future__ import annotations

from correo import mailbox
from correo.access.pop3.maildrop import Drop, Maildrop
from correo.storage.db import Database

AHEAD = 128 * 1024  # octets that are kept for one session; reading them takes less than a millisecond
MOST = 64  # messages


class ReadAhead:
    """Messages of one maildrop, for a client that goes through it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: dict[int, bytes] = {}  # by message number
        self._last = 0  # the number of the message that was asked for last

    async def read(self, maildrop: Maildrop, drop: Drop) -> bytes:
        """The whole message `drop`. Raises Refused NOT_FOUND or BROKEN."""
        follows, self._last = drop.number == self._last + 1, drop.number
        message = self._kept.pop(drop.number, None)
        if message is not None:
            return message
        self._kept.clear()
        if follows and drop.number > 1:
            message = await self._read_more(maildrop, drop)
        if message is not None:
            return message
        return await self._db.read(mailbox.raw, drop.content_id)

    async def _read_more(self, maildrop: Maildrop, drop: Drop) -> bytes | None:
        """None where it cannot be had, as `mailbox.raw` will say."""
        wanted = maildrop.following(drop.number, MOST, AHEAD)
        found = await self._db.read(mailbox.raw_many, [one.content_id for one in wanted])
        self._kept = {one.number: found[one.content_id] for one in wanted if one.content_id in found}
        return self._kept.pop(drop.number, None)
