"""Every IMAP transcript, in every framing.

Header lines of this protocol: `starttls: no`, `plaintext: no` (both are yes otherwise), `tls: yes` (the connection is under TLS from
the start), `append: 1000` (octets of the longest message APPEND takes), `memory: 1000`
(octets of literals that all connections together may have in the air), `messages: 3` and `saves: 3` (the limits of RFC 9738),
`outbox: Outbox` (the name of the mailbox that shows what waits in the queue; there is none otherwise),
`slow: 4` (seconds for each read of rows, and for whatever touches many messages).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.transcripts.runner import SPLITS, Script, World, play, scripts, tls_of

from correo import mailbox
from correo.access.imap.octets import Octets
from correo.access.imap.options import ImapOptions, Services
from correo.access.imap.session import ImapSession
from correo.net import Stream
from correo.net.limits import Budget
from correo.storage.db import Database, Op, P, T


class Slow:
    """A database on a disk that takes its time."""

    def __init__(self, db: Database, seconds: float) -> None:
        self._db = db
        self._seconds = seconds
        self.write = db.write
        self.note = db.note
        self.join = db.join
        self.changed_elsewhere = db.changed_elsewhere
        self.close = db.close

    async def bulk(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        await asyncio.sleep(self._seconds)
        return await self._db.bulk(op, *args, **kwargs)

    async def read(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        await asyncio.sleep(self._seconds if op is mailbox.fetch_rows else 0)
        return await self._db.read(op, *args, **kwargs)

    async def scan(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        await asyncio.sleep(self._seconds)
        return await self._db.scan(op, *args, **kwargs)


class Imap:
    """The factory, and the memory its sessions share."""

    def __init__(self, script: Script) -> None:
        self.budget = Budget(int(script.one("memory", "10000000")))

    def __call__(self, world: World, script: Script, stream: Stream) -> ImapSession:
        options = ImapOptions(
            hostname="mail.example.org",
            starttls=script.one("starttls", "yes") == "yes",
            allow_plaintext=script.one("plaintext", "yes") == "yes",
            idle=1800.0,
            login_time=60.0,
            append_limit=int(script.one("append", "100000")),
            message_limit=int(script.one("messages", "0")),
            save_limit=int(script.one("saves", "0")),
            outbox=script.one("outbox"),
        )
        slow = float(script.one("slow", "0"))
        db = Slow(world.db, slow) if slow else world.db
        services = Services(
            db, world.bus, world.clock, world.chance, world.logins, options, Octets(), self.budget
        )
        tls = tls_of(script)
        return ImapSession(services, stream.peer, tls, stream.wake)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("script", scripts("imap"), ids=lambda script: script.path.stem)
def test_transcript(script: Script, split: str, tmp_path: Path) -> None:
    factory = Imap(script)
    play(script, factory, split, tmp_path)
    assert factory.budget.used == 0, "a session kept memory that it had taken"
