"""An answer that is remembered is the one that would be made now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.access.test_imap_session import CLIENT, LOGIN, SERVER, House, house, lines

from correo import mailbox
from correo.access.imap.answers import NOTHING, Answer, Answers, Name
from correo.net.memory import MemoryStream

COUNT = 250


def _name(number: int) -> Name:
    return Name(number, b"* %d FETCH (UID %d)\r\n", 1, 1, 9, 9, False)


def _answer(octets: bytes) -> Answer:
    return Answer(7, octets, frozenset())


def test_the_oldest_go_first() -> None:
    answers = Answers(most=10)
    for number in range(3):
        answers.keep(_name(number), _answer(b"abcd"))
    assert answers.get(_name(0)) is NOTHING
    assert answers.get(_name(1)).octets == b"abcd"
    answers.keep(_name(3), _answer(b"abcd"))
    assert answers.get(_name(2)) is NOTHING
    assert answers.get(_name(1)).octets == b"abcd"


def test_a_newer_one_takes_the_place_and_nothing_is_too_long() -> None:
    answers = Answers(most=10)
    answers.keep(_name(1), _answer(b"12345678"))
    answers.keep(_name(1), _answer(b"12"))
    answers.keep(_name(2), _answer(b"12345678"))
    assert answers.get(_name(1)).octets == b"12"
    answers.keep(_name(2), _answer(b"x" * 11))
    assert answers.get(_name(2)) is NOTHING
    assert answers.get(_name(1)).octets == b"12"


class Talk:
    def __init__(self, home: House) -> None:
        self._near, far = MemoryStream.pair(CLIENT, SERVER)
        self._serving = asyncio.get_running_loop().create_task(home.serve(far))
        self._tags = 0
        self.ending = b""

    async def hear(self, end: bytes) -> bytes:
        said = b"\r\n"
        while end not in said:
            data = await asyncio.wait_for(self._near.read(None), 20)
            assert isinstance(data, bytes)
            assert data
            said += data
        return said

    async def open(self) -> None:
        self._near.write(LOGIN)
        await self.hear(b"\r\nb OK")

    async def ask(self, command: str) -> list[bytes]:
        """The untagged responses; `ending` has the tagged one."""
        self._tags += 1
        self._near.write(lines(f"t{self._tags} {command}"))
        *told, self.ending, _ = (await self.hear(b"\r\nt%d " % self._tags)).split(b"\r\n")[1:]
        return told

    async def end(self) -> None:
        self._near.write(lines("z LOGOUT"))
        await asyncio.wait_for(self._serving, 20)


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as home:
        await home.fill("INBOX", COUNT)
        first = Talk(home)  # to which all of them are recent
        await first.open()
        await first.end()
        yield home
        assert not home.faults


FETCH = "FETCH 1:* (UID FLAGS)"


def _told(uids: list[int], marked: dict[int, bytes]) -> list[bytes]:
    return [
        b"* %d FETCH (UID %d FLAGS (%b))" % (number, uid, marked.get(uid, b""))
        for number, uid in enumerate(uids, 1)
    ]


async def test_what_has_not_changed_is_not_read_again(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Talk(home)
    await talk.open()
    everything = _told(list(range(1, COUNT + 1)), {})
    assert await talk.ask(FETCH) == everything
    read = home.services.db.read
    rows: list[tuple[int, object]] = []

    async def watched(op: object, *args: object) -> object:
        found: object = await read(op, *args)  # type: ignore[arg-type]
        if op is mailbox.fetch_changed:
            assert isinstance(found, tuple)
            rows.append(found)
        return found

    monkeypatch.setattr(home.services.db, "read", watched)
    another = Talk(home)
    await another.open()
    assert await another.ask(FETCH) == everything
    assert [found for _, found in rows] == [None]
    for one in (talk, another):
        await one.end()


async def test_every_change_is_seen(home: House) -> None:
    talk, other = Talk(home), Talk(home)
    await talk.open()
    await other.open()
    uids, marked = list(range(1, COUNT + 1)), dict[int, bytes]()
    assert await talk.ask(FETCH) == _told(uids, marked)
    await other.ask("STORE 100 +FLAGS.SILENT (\\Flagged word)")
    marked[100] = b"\\Flagged word"
    told = [line for line in await talk.ask(FETCH) if line.startswith(b"* ") and b" FETCH (UID " in line]
    assert told[:COUNT] == _told(uids, marked)
    await other.ask("STORE 7,250 +FLAGS.SILENT (\\Deleted)")
    await other.ask("EXPUNGE")
    # The numbers of the first client are the old ones until it has been told.
    numbered = _told(uids, marked)
    for _ in range(2):
        told = await talk.ask(FETCH)
        assert [line for line in told if b" FETCH (UID " in line] == numbered[:6] + numbered[7:249]
        assert b" NO [EXPUNGEISSUED] " in talk.ending
    await talk.ask("NOOP")
    uids = [uid for uid in uids if uid not in (7, 250)]
    for one in (talk, other, talk):
        assert [line for line in await one.ask(FETCH) if b" FETCH (UID " in line] == _told(uids, marked)
    for one in (talk, other):
        await one.end()


async def test_keywords_are_announced_before_they_are_used(home: House) -> None:
    talk = Talk(home)
    await talk.open()
    await talk.ask("STORE 3 +FLAGS.SILENT (word)")
    await talk.ask(FETCH)
    another = Talk(home)
    await another.open()
    told = await another.ask(FETCH)
    announced = next(at for at, line in enumerate(told) if line.startswith(b"* FLAGS (") and b"word" in line)
    assert announced < told.index(b"* 3 FETCH (UID 3 FLAGS (word))")
    for one in (talk, another):
        await one.end()


async def test_what_is_recent_to_one_is_not_to_others(home: House) -> None:
    await home.fill("INBOX", 5)
    first, second = Talk(home), Talk(home)
    await first.open()
    await second.open()
    recent = dict.fromkeys(range(COUNT + 1, COUNT + 6), b"\\Recent")
    uids = list(range(1, COUNT + 6))
    for talk, marked in ((first, recent), (second, {}), (first, recent)):
        assert await talk.ask(FETCH) == _told(uids, marked)
    for talk in (first, second):
        await talk.end()


async def test_all_may_be_recent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(tmp_path) as home:
        await home.fill("INBOX", COUNT)
        first, second = Talk(home), Talk(home)
        await first.open()
        await second.open()
        recent = _told(list(range(1, COUNT + 1)), dict.fromkeys(range(1, COUNT + 1), b"\\Recent"))
        assert await first.ask(FETCH) == recent
        assert await second.ask(FETCH) == _told(list(range(1, COUNT + 1)), {})
        for module in ("correo.mailbox", "correo.mailbox.reading"):  # it is not read again
            monkeypatch.delattr(f"{module}.fetch_columns")
        assert await first.ask(FETCH) == recent
        for talk in (first, second):
            await talk.end()
        assert not home.faults
