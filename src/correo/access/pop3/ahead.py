"""The messages that a client will ask for next: most fetch one after the other, and to read several at once costs little more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from correo import mailbox
from correo.access.pop3.maildrop import Drop, Maildrop
from correo.mail.errors import Refused
from correo.mailbox import Kept
from correo.storage.db import Database
from correo.wire.pop3.reply import Lines

AHEAD = 256 * 1024  # octets of messages that are kept, packed, for one session: read in under 1 ms
MOST = 64  # messages


class ReadAhead:
    """Messages of one maildrop, for a client that goes through it; and the answer to its next RETR, made while it reads the last."""

    def __init__(self, db: Database, made: Callable[[bytes], Lines]) -> None:
        """`made`: the answer with a message."""
        self._db = db
        self._made = made
        self._call_soon = asyncio.get_running_loop().call_soon  # kept: to ask for the loop is a system call
        self._kept: dict[int, Kept] = {}  # by message number
        self._last = 0  # the number of the message that was asked for last
        self._answer: Lines | None = None  # with the message behind that
        self._preparing = False

    async def read(self, maildrop: Maildrop, drop: Drop) -> bytes:
        """The whole message `drop`. Raises Refused NOT_FOUND or BROKEN."""
        follows, self._last = drop.number == self._last + 1, drop.number
        self._answer = None
        kept = self._kept.pop(drop.number, None)
        if kept is None:
            self._kept.clear()
            if follows and drop.number > 1:
                kept = await self._read_more(maildrop, drop)
        if kept is None:
            return await self._db.read(mailbox.raw, drop.content_id)
        return kept.whole()

    def take(self, drop: Drop) -> Lines | None:
        """The answer with this message, if it has been made."""
        answer = self._answer
        if answer is None or drop.number != self._last + 1:
            return None
        self._last, self._answer = drop.number, None
        del self._kept[drop.number]
        return answer

    def prepare_soon(self) -> None:
        """Make the answer with the next message, if it has been read, as soon as what is being answered is on its way."""
        if not self._preparing and self._last + 1 in self._kept:
            self._preparing = True
            self._call_soon(self._prepare)

    def _prepare(self) -> None:
        self._preparing = False
        kept = self._kept.get(self._last + 1)
        if kept is not None and self._answer is None:
            try:
                self._answer = self._made(kept.whole())
            except Refused:
                pass  # as `read` will say, should the client ask for it

    async def _read_more(self, maildrop: Maildrop, drop: Drop) -> Kept | None:
        """None where it is not there, as `mailbox.raw` will say."""
        wanted = maildrop.following(drop.number, MOST, AHEAD)
        found = await self._db.read(mailbox.kept_many, [one.content_id for one in wanted])
        self._kept = {one.number: found[one.content_id] for one in wanted if one.content_id in found}
        return self._kept.pop(drop.number, None)
