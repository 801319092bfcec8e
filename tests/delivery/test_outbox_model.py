"""Whatever happens to the queue and to the Outbox, in whatever order: whoever looks sees what waits, and nothing is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.delivery.house import ANA, House, build, lay

from correo import ledger, mailbox, queue
from correo.mail.flags import DELETED
from correo.queue import QueuedRecipient, Selection

ACTS = (
    "send",
    "send two",
    "claim",
    "defer",
    "relay",
    "hold",
    "look",
    "look",
    "mark",
    "expunge",
    "move",
    "copy",
)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 5)), max_size=40))
def test_an_outbox_shows_what_waits(acts: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        lay(Path(folder))
        asyncio.run(_play(Path(folder), acts))


async def _play(folder: Path, acts: list[tuple[str, int]]) -> None:
    house = await build(folder)
    try:
        await _Story(house).tell(acts)
    finally:
        await house.db.close()


class _Story:
    def __init__(self, house: House) -> None:
        self.house = house
        self.claimed: list[QueuedRecipient] = []
        self.highest = 0
        self.sent = 0
        self.deferred = 0

    async def tell(self, acts: list[tuple[str, int]]) -> None:
        for act, which in acts:
            await self._do(act, which)
            assert (await self.house.db.read(ledger.balance)).difference == 0
        await self._look()

    async def _do(self, act: str, which: int) -> None:
        house = self.house
        uids = await house.db.read(mailbox.uids, (await house.box()).id)
        uid = uids[which % len(uids)] if uids else 1
        match act:
            case "send" | "send two":
                self.sent += 1
                people = [f"u{self.sent}.{at}@there.example" for at in range(1 + (act == "send two"))]
                await house.send(*people)
            case "claim":
                self.claimed += (await house.claim())[:which]
            case "defer" | "relay" if self.claimed:
                one = self.claimed.pop(which % len(self.claimed))
                self.deferred += 1
                await (
                    house.defer(one, after=self.deferred * 1_000_000) if act == "defer" else house.relay(one)
                )
            case "hold":
                await house.db.write(queue.hold, Selection(), 1 + which)
            case "look":
                await self._look()
            case "mark":
                await house.mark(uid)
            case "expunge":
                await house.remove(only_deleted=True)
            case "move" | "copy":
                await house.copy(uid, remove=act == "move")

    async def _look(self) -> None:
        house = self.house
        before = {one.uid for one in await house.db.read(mailbox.shown, (await house.box()).id)}
        uids = await house.look()
        box = await house.box()
        shown = await house.db.read(mailbox.shown, box.id)
        standing = await house.db.read(queue.standing, ANA)
        marked = await house.db.read(mailbox.flagged, box.id, DELETED, DELETED)
        assert sorted(one.uid for one in shown) == uids
        assert sorted(one.source for one in shown) == [one.id for one in standing]
        versions = {one.id: one.version for one in standing}
        assert all(one.version == versions[one.source] or one.uid in marked for one in shown)
        assert all(uid > self.highest for uid in uids if uid not in before)
        self.highest = max([self.highest, *uids])
        assert (box.messages, box.unseen) == (len(uids), 0)
