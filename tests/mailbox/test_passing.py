"""Mail that was only to be passed on: what readers ask for is made up for before somebody can read it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from correo import mailbox
from correo.clock.virtual import START
from correo.mailbox import Content, Prepared
from correo.storage.db import Row, Tx
from correo.storage.db.sqlite import Sqlite

HEADER = b"From: ana@here.example\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\nMessage-ID: <1@here.example>\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n"
RAW = (
    HEADER + b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n" + b"text\r\n" * 99 + b"--a--\r\n"
)
OTHER = b"X: y\r\n" + HEADER + b"\r\n"
FULL, PASSING, COPY = 1, 2, 3


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Sqlite]:
    db = await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False)
    yield db
    await db.close()


async def keep(tx: Tx, *kept: tuple[Prepared, int]) -> None:
    for prepared, id in kept:
        await mailbox.store(tx, prepared, id, START)


async def seen(tx: Tx, id: int) -> tuple[Content, Row | None]:
    known = replace(await mailbox.content(tx, id), id=0, body_id=0)
    return known, await tx.one("SELECT preview FROM mailbox_content WHERE id = $1", id)


async def test_it_is_what_it_would_have_been(db: Sqlite) -> None:
    await db.write(keep, (mailbox.prepare(RAW), FULL), (mailbox.prepare(RAW, passing=True), PASSING))
    assert (await db.read(mailbox.content, PASSING)).envelope == b""
    await db.write(mailbox.complete, PASSING)
    assert await db.read(seen, PASSING) == await db.read(seen, FULL)
    assert await db.read(mailbox.raw, PASSING) == RAW


async def test_what_is_complete_or_not_there_stays_as_it_is(db: Sqlite) -> None:
    await db.write(keep, (mailbox.prepare(RAW), FULL))
    before = await db.read(seen, FULL)
    await db.write(mailbox.complete, FULL)
    await db.write(mailbox.complete, PASSING)
    assert await db.read(seen, FULL) == before


async def test_a_copy_under_another_header_is_for_readers(db: Sqlite) -> None:
    await db.write(keep, (mailbox.prepare(RAW), FULL), (mailbox.prepare(RAW, passing=True), PASSING))
    await db.write(mailbox.rehead, PASSING, OTHER, COPY, START)
    copied, whole = await db.read(mailbox.content, COPY), await db.read(mailbox.content, FULL)
    assert (copied.envelope, copied.bodystructure) == (whole.envelope, whole.bodystructure)
    assert copied.parts


async def test_what_the_disk_has_damaged_can_be_listed(db: Sqlite) -> None:
    await db.write(keep, (mailbox.prepare(RAW, passing=True), PASSING))
    await db.write(damage)
    await db.write(mailbox.complete, PASSING)
    found = await db.read(mailbox.content, PASSING)
    assert found.envelope == mailbox.prepare(b"").summary.envelope
    assert found.subject == "café"


async def damage(tx: Tx) -> None:
    await tx.run("UPDATE mailbox_body SET data = $1", b"no frame")
