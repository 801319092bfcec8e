"""What was sent in the last hour and the last day, and when that is too much."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from correo.accounts import SendLimits, Sent, count_sent, forget_sent, sent
from correo.accounts.sending import window
from correo.clock.virtual import START
from correo.mail.instant import HOUR
from correo.storage.db.sqlite import Sqlite

AT = START // HOUR * HOUR  # the beginning of an hour
ANY = SendLimits()


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Sqlite]:
    db = await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False)
    yield db
    await db.close()


def test_the_window_slides() -> None:
    hour = AT // HOUR
    rows = [(hour - 25, 100, 100), (hour - 24, 8, 80), (hour - 1, 4, 40), (hour, 2, 20)]
    assert window(rows, AT) == Sent(6, 60, 14, 140)
    assert window(rows, AT + HOUR // 2) == Sent(4, 40, 10, 100)
    assert window(rows, AT + HOUR) == Sent(2, 20, 6, 60)
    assert window([], AT) == Sent()


def test_what_is_too_much() -> None:
    has = Sent(2, 20, 6, 60)
    assert not has.exceeds(ANY, 1_000, 1_000)
    assert not has.exceeds(SendLimits(3, 21, 7, 61), 1, 1)
    for limits in (SendLimits(2), SendLimits(0, 20), SendLimits(0, 0, 6), SendLimits(0, 0, 0, 60)):
        assert has.exceeds(limits, 1, 1)
    assert not ANY
    assert SendLimits(day_recipients=1)


async def test_what_is_too_much_is_not_counted(db: Sqlite) -> None:
    limits = SendLimits(hour_messages=2)
    assert await db.write(count_sent, 7, 3, limits, AT)
    assert await db.write(count_sent, 7, 4, limits, AT)
    assert not await db.write(count_sent, 7, 5, limits, AT)
    assert await db.read(sent, 7, AT) == Sent(2, 7, 2, 7)
    assert await db.write(count_sent, 8, 5, limits, AT)
    assert await db.write(count_sent, 7, 5, ANY, AT), "counted without a limit, too: one may be set later"
    assert await db.read(sent, 7, AT) == Sent(3, 12, 3, 12)


async def test_what_is_old_is_forgotten(db: Sqlite) -> None:
    await db.write(count_sent, 7, 1, ANY, AT)
    await db.write(count_sent, 7, 1, ANY, AT + HOUR)
    assert await db.bulk(forget_sent, AT + 24 * HOUR) == 0
    assert await db.bulk(forget_sent, AT + 25 * HOUR) == 1
    assert await db.read(sent, 7, AT + 25 * HOUR) == Sent(0, 0, 1, 1)
