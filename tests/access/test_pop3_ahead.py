"""What is read ahead for a client that fetches one message after the other: always the message that was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from correo import mailbox
from correo.access.pop3.ahead import AHEAD, MOST, ReadAhead
from correo.access.pop3.maildrop import Maildrop
from correo.clock.virtual import START, SeededChance
from correo.mail.errors import Kind, Refused
from correo.storage.db import Op, P, Tx
from correo.storage.db.sqlite import Sqlite
from correo.wire.pop3.reply import Lines

T = TypeVar("T")
COUNT = 80
TEXT = b"Subject: %d\r\n\r\n" + 2_000 * b"x"
CHANCE = SeededChance(2)


class Counting(Sqlite):
    """Counts what is read."""

    reads = 0

    async def read(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.reads += 1
        return await super().read(op, *args, **kwargs)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Counting]:
    await (await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False)).close()
    db = Counting(tmp_path / "correo.db", threaded=False)
    yield db
    await db.close()


async def furnish(tx: Tx) -> list[tuple[int, int, int]]:
    rows = []
    for number in range(1, COUNT + 1):
        prepared = mailbox.prepare(TEXT % number)
        content_id = await mailbox.store(tx, prepared, CHANCE.id(START), START)
        rows.append((number, content_id, prepared.size))
    return rows


def answer(message: bytes) -> Lines:
    return Lines("", message, ready=True)


def maildrop_of(rows: list[tuple[int, int, int]]) -> Maildrop:
    return Maildrop(1, 1, list(rows), {})


async def test_who_goes_through_all_is_served_by_few_reads(db: Counting) -> None:
    maildrop = maildrop_of(await db.write(furnish))
    ahead = ReadAhead(db, answer)
    for number in range(1, COUNT + 1):
        assert await ahead.read(maildrop, maildrop.find(number)) == TEXT % number
    assert db.reads < COUNT / 10


async def test_who_looks_at_one_has_no_others_read(db: Counting) -> None:
    maildrop = maildrop_of(await db.write(furnish))
    ahead = ReadAhead(db, answer)
    for number in (1, 5, 3, 80, 7, 7):
        assert await ahead.read(maildrop, maildrop.find(number)) == TEXT % number
    assert db.reads == 6
    assert await ahead.read(maildrop, maildrop.find(8)) == TEXT % 8
    assert await ahead.read(maildrop, maildrop.find(20)) == TEXT % 20  # was read with it
    assert await ahead.read(maildrop, maildrop.find(2)) == TEXT % 2  # in no order any more
    assert await ahead.read(maildrop, maildrop.find(22)) == TEXT % 22
    assert db.reads == 9


async def test_what_is_marked_meanwhile_changes_nothing(db: Counting) -> None:
    maildrop = maildrop_of(await db.write(furnish))
    ahead = ReadAhead(db, answer)
    for number in range(1, COUNT + 1):
        assert await ahead.read(maildrop, maildrop.find(number)) == TEXT % number
        maildrop.deleted.add(number)
    assert [one.number for one in maildrop.following(1, MOST, AHEAD)] == []


async def test_what_is_gone_is_refused(db: Counting) -> None:
    rows = await db.write(furnish)
    rows[9] = (10, 123, 15)
    maildrop = maildrop_of(rows)
    ahead = ReadAhead(db, answer)
    for number in range(1, 10):
        await ahead.read(maildrop, maildrop.find(number))
    with pytest.raises(Refused) as refused:
        await ahead.read(maildrop, maildrop.find(10))
    assert refused.value.kind is Kind.NOT_FOUND
    assert await ahead.read(maildrop, maildrop.find(11)) == TEXT % 11


async def test_the_next_answer_is_made_while_the_client_reads_the_last(db: Counting) -> None:
    maildrop = maildrop_of(await db.write(furnish))
    ahead = ReadAhead(db, answer)
    made = 0
    for number in range(1, COUNT + 1):
        drop = maildrop.find(number)
        prepared = ahead.take(drop)
        if prepared is None:
            assert await ahead.read(maildrop, drop) == TEXT % number
        else:
            made += 1
            assert prepared.body == TEXT % number
        for _ in range(3):
            ahead.prepare_soon()
        assert ahead.take(maildrop.find(max(1, number - 1))) is None
        await asyncio.sleep(0)
    assert made > COUNT * 3 / 4
    assert db.reads < COUNT / 10


async def test_an_answer_is_not_given_to_another_question(db: Counting) -> None:
    maildrop = maildrop_of(await db.write(furnish))
    ahead = ReadAhead(db, answer)
    for number in (1, 2):
        await ahead.read(maildrop, maildrop.find(number))
    ahead.prepare_soon()
    await asyncio.sleep(0)
    for number in (2, 4):
        assert ahead.take(maildrop.find(number)) is None
    assert await ahead.read(maildrop, maildrop.find(2)) == TEXT % 2
    assert ahead.take(maildrop.find(3)) is None  # the client has gone back
    assert await ahead.read(maildrop, maildrop.find(3)) == TEXT % 3


async def test_what_is_damaged_is_not_answered_ahead(db: Counting) -> None:
    rows = await db.write(furnish)
    await db.write(damage, rows[4][1])
    maildrop = maildrop_of(rows)
    ahead = ReadAhead(db, answer)
    for number in range(1, 5):
        await ahead.read(maildrop, maildrop.find(number))
    ahead.prepare_soon()
    await asyncio.sleep(0)
    assert ahead.take(maildrop.find(5)) is None
    with pytest.raises(Refused) as refused:
        await ahead.read(maildrop, maildrop.find(5))
    assert refused.value.kind is Kind.BROKEN
    assert await ahead.read(maildrop, maildrop.find(6)) == TEXT % 6


async def damage(tx: Tx, content_id: int) -> None:
    await tx.run("UPDATE mailbox_content SET header = $2 WHERE id = $1", content_id, b"damaged")


@given(
    st.lists(st.integers(0, 50_000), max_size=30), st.sets(st.integers(1, 30)), st.integers(1, 30), st.data()
)
def test_never_more_than_there_is_room_for(
    sizes: list[int], deleted: set[int], first: int, data: st.DataObject
) -> None:
    maildrop = Maildrop(1, 1, [(at, at, size) for at, size in enumerate(sizes, 1)], {})
    maildrop.deleted |= deleted
    most, octets = data.draw(st.integers(1, 9)), data.draw(st.integers(0, 100_000))
    found = maildrop.following(first, most, octets)
    assert len(found) <= most
    assert sum(one.size for one in found) <= octets
    numbers = [one.number for one in found]
    assert numbers == sorted(set(numbers) - deleted)
    assert all(first <= number <= len(sizes) for number in numbers)
