"""One walk makes the index what the mailboxes are."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from correo import mailbox
from correo.clock.virtual import SeededChance
from correo.mail.flags import Flags
from correo.mail.message import scan
from correo.mailbox.indexing import PORTION, TOGETHER, Indexer, content_of, text_of
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite
from correo.storage.index import Document
from correo.storage.index.fts import FtsIndex

NOW = 1_767_225_600_000_000


@dataclass
class House:
    db: Sqlite
    index: FtsIndex
    inbox: int
    chance: SeededChance = field(default_factory=lambda: SeededChance(1))
    rests: int = 0

    @property
    def indexer(self) -> Indexer:
        return Indexer(self.db, self.index, self.rest)

    async def rest(self) -> None:
        self.rests += 1

    async def append(self, *texts: str) -> list[int]:
        async def op(tx: Tx) -> list[int]:
            ids = []
            for text in texts:
                prepared = mailbox.prepare(f"Subject: a letter\r\n\r\n{text}\r\n".encode())
                ids.append(await mailbox.store(tx, prepared, self.chance.id(NOW), NOW))
                await mailbox.append(
                    tx, self.inbox, content_id=ids[-1], size=9, flags=Flags(), received=NOW, now=NOW
                )
            return ids

        return await self.db.write(op)

    async def suspects(self, needle: str) -> set[int]:
        uids, ids = await self.db.read(content_of, self.inbox, [(1, mailbox.MAX_UID)])
        found = await self.index.suspects(ids, needle)
        return {uid for uid, id in zip(uids, ids, strict=True) if id in found}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    db = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    await db.write(mailbox.open_account, 7, SeededChance(), NOW)
    inbox = await db.read(mailbox.inbox, 7)
    assert inbox
    made = House(db, FtsIndex.open(tmp_path / "index.db", "1"), inbox.id)
    yield made
    await made.index.close()
    await db.close()


async def test_new_mail_is_suspect_until_the_next_walk(house: House) -> None:
    await house.append("a needle", "hay", "hay")
    assert await house.suspects("needle") == {1, 2, 3}
    last = await house.indexer.walk()
    assert await house.suspects("needle") == {1}
    assert await house.suspects("a letter") == {1, 2, 3}
    await house.append("hay", "another needle")
    assert await house.suspects("needle") == {1, 4, 5}
    assert await house.indexer.walk(last) > last
    assert await house.suspects("needle") == {1, 5}


async def test_a_walk_goes_on_where_the_last_one_was_broken_off(house: House) -> None:
    ids = await house.append(*(f"text {number} " for number in range((2 * TOGETHER + 1) * PORTION)))
    rests = iter(range(TOGETHER - 1))

    class Stop(Exception):
        pass

    async def stop() -> None:
        if next(rests, None) is None:
            raise Stop
        assert not await house.index.known(0, ids[-1])

    with pytest.raises(Stop):
        await Indexer(house.db, house.index, stop).walk()
    assert await house.index.known(0, ids[-1]) == sorted(ids)[: TOGETHER * PORTION]
    assert await house.indexer.walk() == max(ids)
    assert house.rests == TOGETHER + 1
    assert await house.index.known(0, max(ids)) == sorted(ids)
    assert await house.suspects("text 17 ") == {18}


async def test_a_walk_with_nothing_to_do(house: House) -> None:
    assert await house.indexer.walk() == 0
    assert await house.indexer.walk(77) == 77
    ids = await house.append("one")
    assert await house.indexer.walk() == ids[0]
    assert await house.indexer.walk(ids[0]) == ids[0]
    assert house.rests == 1


async def test_what_is_expunged_leaves_the_index(house: House) -> None:
    ids = await house.append("one", "two", "three")
    await house.indexer.walk()
    await house.db.write(mailbox.expunge, house.inbox, [(2, 2)], NOW, only_deleted=False)
    await house.indexer.walk()
    assert await house.index.known(0, max(ids)) == sorted(set(ids) - {ids[1]})


async def test_an_index_with_mail_that_is_not_there_is_put_right(house: House) -> None:
    ids = await house.append("one")
    await house.index.add([(ids[0] + 5, "of another database"), (1, None)])  # type: ignore[list-item]
    await house.indexer.walk()
    assert await house.index.known(0, 2**62) == ids


async def test_damaged_mail_is_always_suspect(house: House) -> None:
    await house.append("one " * 500, "two")

    async def damage(tx: Tx) -> None:
        await tx.run("UPDATE mailbox_body SET data = $1 WHERE size > 1000", b"not what it was")

    await house.db.write(damage)
    await house.indexer.walk()
    assert await house.suspects("nowhere") == {1}


async def test_content_of_a_mailbox(house: House) -> None:
    ids = await house.append("one", "two", "three")
    assert await house.db.read(content_of, house.inbox, [(2, 3)]) == (array("I", [2, 3]), array("q", ids[1:]))


def test_a_text_is_what_a_search_looks_through() -> None:
    octets = (
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\tan  alle\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<b>=C4RGER</b>\r\n"
    )
    text = text_of(octets, scan(octets))
    assert "subject: gru\u0308sse an alle" in text
    assert "<b>a\u0308rger</b>" in text


async def test_what_another_process_indexes_meanwhile_stays(house: House) -> None:
    """Its message came after we had looked at the mailboxes, and was known before we looked at the index."""
    await house.append("hay")

    class Meanwhile(FtsIndex):
        async def known(self, after: int, last: int) -> list[int]:
            if not late:
                late.extend(await house.append("a needle"))
                await self.add([Document(late[0], "a needle")])
            return await super().known(after, last)

    late: list[int] = []
    await house.index.close()
    house.index = Meanwhile.open(house.index._path, "1")
    await house.indexer.walk()
    assert await house.suspects("needle") == {2}
    assert await house.suspects("haystack") == set()
