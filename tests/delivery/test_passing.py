"""Mail that was taken for mail to pass on, and comes to somebody here after all: he finds all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from correo import mailbox, queue
from correo.accounts import add_account, add_domain
from correo.clock.virtual import START, SeededChance
from correo.delivery import Incoming, QueueTimes, Recipient, accept
from correo.delivery.held import file_held
from correo.mail.address import Address
from correo.mail.instant import DAY, HOUR
from correo.mail.terms import PLAIN, Terms
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

EVA = 8
RAW = b"Return-Path: <ana@there.example>\r\nFrom: ana@there.example\r\nSubject: hello\r\n\r\nbody\r\n"
CHANCE = SeededChance(3)


async def furnish(tx: Tx) -> None:
    await add_domain(tx, "here.example", START)
    await add_account(tx, id=EVA, address=Address.parse("eva@here.example"), shared=True, now=START)
    await mailbox.open_account(tx, EVA, CHANCE, START)


async def envelopes(tx: Tx) -> list[bytes]:
    inbox = await mailbox.inbox(tx, EVA)
    assert inbox
    return [
        (await mailbox.content(tx, one.content_id)).envelope for one in await mailbox.messages(tx, inbox.id)
    ]


@pytest.mark.parametrize("terms", [PLAIN, Terms(hold_until=START + HOUR)], ids=["at once", "held"])
async def test_he_finds_all_of_it(tmp_path: Path, terms: Terms) -> None:
    db = await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False)
    await db.write(furnish)
    told = ("bob@elsewhere.example", "eva@here.example")
    incoming = Incoming(
        id=CHANCE.id(START),
        sender=Address.parse("ana@there.example"),
        recipients=tuple(Recipient(Address.parse(one)) for one in told),
        prepared=mailbox.prepare(RAW, passing=True),
        return_path_size=RAW.index(b"From"),
        body="7BIT",
        utf8=False,
        protocol="submission",
        source="192.0.2.1",
        account=None,
        queue=QueueTimes(START + DAY, 0),
        terms=terms,
    )
    await db.write(accept, incoming, CHANCE, START)
    later = START + HOUR
    waiting = await db.write(queue.claim, owner="w", now=later, lease_until=later + HOUR, limit=10)
    for one in waiting:
        if one.local:
            await db.write(file_held, one, later)
    assert await db.read(envelopes) == [mailbox.prepare(RAW).summary.envelope]
    await db.close()
