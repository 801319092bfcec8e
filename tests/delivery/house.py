"""A house of two accounts, each with an Outbox, and short words for what happens to what they send."""

from __future__ import annotations

import asyncio
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from correo import ledger, mailbox, queue
from correo.accounts import account_by_id, add_account, add_domain
from correo.clock.virtual import START, SeededChance
from correo.delivery import Incoming, QueueTimes, Recipient, accept, outbox
from correo.mail.address import Address
from correo.mail.flags import DELETED, Flags
from correo.mail.instant import DAY, MINUTE
from correo.mail.status import Status
from correo.mailbox import ALL_RIGHTS, OWNER, Mailbox
from correo.queue import QueuedRecipient, Selection
from correo.storage.db.sqlite import Sqlite

ANA, EVA = 7, 8
NOW = START
PATH = b"Return-Path: <ana@here.example>\r\n"
TEXT = b"Subject: hello\r\n\r\nbody\r\n"


class House:
    def __init__(self, db: Sqlite) -> None:
        self.db = db
        self.chance = SeededChance(3)

    async def send(self, *recipients: str, account: int = ANA, submitter: str = "") -> int:
        who = await self.db.read(account_by_id, account) if account else None
        incoming = Incoming(
            id=self.chance.id(NOW),
            sender=Address.parse("ana@here.example"),
            recipients=tuple(Recipient(Address.parse(one)) for one in recipients),
            prepared=mailbox.prepare(PATH + b"Received: from x\r\n\tby y\r\n" + TEXT),
            return_path_size=len(PATH),
            body="7BIT",
            utf8=False,
            protocol="submission",
            source="192.0.2.1",
            account=who,
            submitter=submitter,
            queue=QueueTimes(NOW + DAY, 0),
        )
        await self.db.write(accept, incoming, self.chance, NOW)
        return incoming.id

    async def box(self, account: int = ANA) -> Mailbox:
        found = await self.db.read(mailbox.outbox, account)
        assert found is not None
        return found

    async def look(self, account: int = ANA) -> list[int]:
        """The UIDs that a session finds."""
        found = await self.db.read(outbox.differing, account)
        if isinstance(found, int):
            found = await self.db.read(outbox.differing_of_many, account)
        for start in range(0, len(found), outbox.LOT):
            lot = found[start : start + outbox.LOT]
            await self.db.write(outbox.bring, account, lot, self.chance, NOW)
        assert await self.db.read(outbox.differing_of_many, account) == []
        return await self.db.read(mailbox.uids, (await self.box(account)).id)

    async def claim(self) -> list[QueuedRecipient]:
        return await self.db.write(queue.claim, owner="w", now=NOW, lease_until=NOW + MINUTE, limit=100)

    async def defer(self, *claimed: QueuedRecipient, after: int = MINUTE) -> None:
        for one in claimed:
            busy = Status(451, "4.0.0", "later")
            await self.db.write(queue.defer, one, status=busy, host="h", next_try=NOW + after, warned=False)

    async def relay(self, claimed: QueuedRecipient) -> None:
        await self.db.write(queue.take_out, claimed)
        relayed: dict[str, Any] = {"recipient": claimed.folded, "event": ledger.Event.RELAYED}
        await self.db.write(
            ledger.record, claimed.message.id, id=self.chance.id(NOW), at=NOW, host="h", **relayed
        )

    async def mark(self, *uids: int, bits: int = DELETED) -> None:
        ranges = [(uid, uid) for uid in uids]
        await self.db.write(mailbox.store_flags, (await self.box()).id, ranges, "add", Flags(bits), NOW)

    async def remove(self, *uids: int, only_deleted: bool = False) -> outbox.Removed:
        ranges = [(uid, uid) for uid in uids] if uids else None
        box = await self.box()
        return await self.db.write(outbox.remove, box.id, ranges, self.chance, NOW, only_deleted=only_deleted)

    async def copy(self, *uids: int, remove: bool, to: str = "Drafts") -> outbox.Taken:
        target = await self.db.read(mailbox.find, ANA, to)
        assert target is not None
        ranges = [(uid, uid) for uid in uids]
        return await self.db.write(
            outbox.copy,
            (await self.box()).id,
            ranges,
            target,
            self.chance,
            NOW,
            remove=remove,
            rights=ALL_RIGHTS,
            reader=OWNER,
        )

    async def queued(self) -> list[str]:
        return [one.folded for one in await self.db.read(queue.list_recipients, Selection())]

    async def drafts(self) -> list[tuple[bytes, int]]:
        found = await self.db.read(mailbox.find, ANA, "Drafts")
        assert found is not None
        messages = await self.db.read(mailbox.messages, found.id)
        return [(await self.db.read(mailbox.raw, one.content_id), one.flags) for one in messages]


async def furnish(house: House) -> None:
    """Two accounts, each with an Outbox."""
    db = house.db
    await db.write(add_domain, "here.example", NOW)
    for id, name in ((ANA, "ana@here.example"), (EVA, "eva@here.example")):
        await db.write(add_account, id=id, address=Address.parse(name), shared=True, now=NOW)
        await db.write(mailbox.open_account, id, house.chance, NOW)
        await db.write(mailbox.open_outbox, id, "Outbox", house.chance, NOW)


@cache
def _template() -> TemporaryDirectory[str]:
    """A folder with an empty database, made once: the schema takes longer than most stories."""
    folder = TemporaryDirectory(prefix="correo-outbox-")

    async def make() -> None:
        await (await Sqlite.open(Path(folder.name) / "correo.db", now=NOW, threaded=False)).close()

    asyncio.run(make())
    return folder


def lay(folder: Path) -> None:
    """The foundation of a house."""
    shutil.copytree(_template().name, folder, dirs_exist_ok=True)


async def build(folder: Path) -> House:
    """Raises what `Sqlite.open` raises. Its `db` is to be closed."""
    house = House(await Sqlite.open(folder / "correo.db", now=NOW, threaded=False))
    await furnish(house)
    return house
