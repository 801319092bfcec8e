"""\\Recent on virtual time: nobody waits long for it, and whoever comes later is not told the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.access.test_imap_session import CLIENT, SERVER, house

from correo import mailbox
from correo.access.imap import sync
from correo.access.imap.recency import MOMENT, take_recent
from correo.access.imap.revisions import REV2
from correo.access.imap.rights import Access
from correo.access.imap.selected import Selected
from correo.clock.virtual import START, SeededChance
from correo.clock.virtual import run as run_virtually
from correo.mail.errors import Kind, Refused
from correo.mail.flags import Flags
from correo.mailbox import Identity, Mailbox
from correo.net.memory import MemoryStream
from correo.storage.db import Op, P, T, Tx
from correo.storage.db.sqlite import Sqlite

ACCOUNT = 7
LONG = 40 * MOMENT


class Crowded(Sqlite):
    """A database in which \\Recent can only be taken after `seconds`, or not at all."""

    seconds = 0.0
    refuses: Kind | None = None
    asked = 0

    async def write(self, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if op is take_recent:
            self.asked += 1
            await asyncio.sleep(self.seconds)
            if self.refuses:
                raise Refused(self.refuses)
        return await super().write(op, *args, **kwargs)

    async def arrive(self, count: int) -> None:
        async def put(tx: Tx) -> None:
            box = await self._inbox(tx)
            for _ in range(count):
                await mailbox.append(
                    tx, box.id, content_id=1, size=100, flags=Flags(), received=START, now=START
                )

        await super().write(put)

    async def inbox(self) -> Mailbox:
        return await self.read(self._inbox)

    async def _inbox(self, tx: Tx) -> Mailbox:
        found = await mailbox.find(tx, ACCOUNT, "INBOX")
        assert found is not None
        return found

    async def selected(self) -> Selected:
        box = await self.inbox()
        access = Access(box.id, ACCOUNT, Identity(ACCOUNT, "example.org"))
        uids = await self.read(mailbox.uids, box.id)
        return Selected.of(access, box, uids, read_only=False, enabled=set())


def play(folder: Path, story: Callable[[Crowded], Awaitable[None]]) -> None:
    async def main() -> None:
        db = await Crowded.open(folder / "correo.db", now=START, threaded=False)
        assert isinstance(db, Crowded)
        try:
            await db.write(mailbox.open_account, ACCOUNT, SeededChance(1), START)
            await story(db)
        finally:
            await db.close()

    run_virtually(main())


def now() -> float:
    return asyncio.get_running_loop().time()


def test_where_nobody_writes_it_is_taken_before_it_is_told(tmp_path: Path) -> None:
    async def story(db: Crowded) -> None:
        await db.arrive(3)
        first, second = await db.selected(), await db.selected()
        began = now()
        assert await sync.counts(db, first) == b"* 3 EXISTS\r\n* 3 RECENT\r\n"
        assert await sync.counts(db, second) == b"* 3 EXISTS\r\n* 0 RECENT\r\n"
        assert now() == began

    play(tmp_path, story)


def test_who_writes_slowly_keeps_nobody_waiting(tmp_path: Path) -> None:
    async def story(db: Crowded) -> None:
        await db.arrive(3)
        selected, db.seconds = await db.selected(), LONG
        began = now()
        assert await sync.counts(db, selected) == b"* 3 EXISTS\r\n* 3 RECENT\r\n"
        assert now() - began == pytest.approx(MOMENT, abs=0.01)
        assert (await db.inbox()).recent == 1
        await selected.recency.settled()
        assert now() - began == pytest.approx(LONG, abs=0.01)
        assert (await db.inbox()).recent == 4
        assert await sync.counts(db, await db.selected()) == b"* 3 EXISTS\r\n* 0 RECENT\r\n"

    play(tmp_path, story)


def test_what_comes_meanwhile_is_taken_as_well_and_by_one_write_at_a_time(tmp_path: Path) -> None:
    async def story(db: Crowded) -> None:
        await db.arrive(1)
        selected, db.seconds = await db.selected(), LONG
        await sync.counts(db, selected)
        for total in range(2, 6):
            await db.arrive(1)
            told = b"".join(await sync.news(db, selected, expunges=True))
            assert told == b"* %d EXISTS\r\n* %d RECENT\r\n" % (total, total)
        assert db.asked == 1
        await selected.recency.settled()
        assert db.asked == 2
        assert selected.view.recent == 5
        assert (await db.inbox()).recent == 6

    play(tmp_path, story)


def test_nothing_is_recent_to_who_enabled_imap4rev2_meanwhile(tmp_path: Path) -> None:
    async def story(db: Crowded) -> None:
        await db.arrive(2)
        selected, db.seconds = await db.selected(), LONG
        await sync.counts(db, selected)
        selected.enabled.add(REV2)
        selected.view.forget_recent()
        await selected.recency.settled()
        assert selected.rev2
        assert selected.view.recent == 0

    play(tmp_path, story)


@pytest.mark.parametrize("kind", [Kind.UNAVAILABLE, Kind.NOT_FOUND])
@pytest.mark.parametrize("seconds", [0.0, LONG])
def test_a_full_disk_keeps_nobody_from_reading(tmp_path: Path, kind: Kind, seconds: float) -> None:
    async def story(db: Crowded) -> None:
        await db.arrive(2)
        selected, db.refuses, db.seconds = await db.selected(), kind, seconds
        assert (await sync.counts(db, selected)).startswith(b"* 2 EXISTS\r\n")
        await selected.recency.settled()
        db.refuses = None
        assert await sync.counts(db, await db.selected()) == b"* 2 EXISTS\r\n* 2 RECENT\r\n"

    play(tmp_path, story)


@pytest.mark.parametrize("seconds", [0.0, LONG])
def test_a_fault_of_ours_is_not_kept_quiet(tmp_path: Path, seconds: float) -> None:
    async def story(db: Crowded) -> None:
        await db.arrive(2)
        selected, db.refuses, db.seconds = await db.selected(), Kind.BROKEN, seconds
        with pytest.raises(Refused):
            await sync.counts(db, selected)
            await selected.recency.settled()

    play(tmp_path, story)


async def test_nothing_goes_on_after_a_session_that_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(tmp_path) as home:
        await home.fill("INBOX", 3)
        db, asked = home.services.db, asyncio.Event()
        write = db.write

        async def slowly(op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
            if op is take_recent:
                asked.set()
                await asyncio.sleep(4 * MOMENT)
            return await write(op, *args, **kwargs)

        monkeypatch.setattr(db, "write", slowly)
        near, far = MemoryStream.pair(CLIENT, SERVER)
        serving = asyncio.get_running_loop().create_task(home.serve(far))
        near.write(b"a LOGIN alice@example.org secret\r\nb SELECT INBOX\r\n")
        await asyncio.wait_for(asked.wait(), 20)
        near.abort()
        await asyncio.wait_for(serving, 20)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        account_id = home.account_id

        async def recent(tx: Tx) -> int:
            box = await mailbox.find(tx, account_id, "INBOX")
            assert box is not None
            return box.recent

        assert await db.read(recent) == 4
        assert not home.faults
