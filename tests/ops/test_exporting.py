"""What is exported and imported again is what it was."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from correo import mailbox
from correo.clock.virtual import SeededChance, VirtualClock
from correo.mail.errors import Kind, Refused
from correo.mail.flags import Flags
from correo.ops.exporting import Exported, MaildirWriter, MboxWriter, Writer, export
from correo.ops.importing import Filling, Layout, Maildirs, Mboxes, Quoting, Report, Source
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

NOW = 1_767_225_600_000_000
LIMIT = 100_000


@dataclass(frozen=True)
class Kept:
    """What a client sees of a message; `uidl` as POP3 tells it."""

    octets: bytes
    flags: Flags
    received: int
    zone: int
    uidl: str


@dataclass(frozen=True)
class Box:
    uidvalidity: int
    uidnext: int
    special_use: str
    messages: dict[int, Kept]


class House:
    """A database with as many accounts as are wanted."""

    def __init__(self, folder: Path) -> None:
        self.chance = SeededChance()
        self.clock = VirtualClock()
        self.runner = asyncio.Runner()
        self.db = self.runner.run(Sqlite.open(folder / "correo.db", now=NOW, threaded=False))
        self._ids = itertools.count(1)

    def account(self) -> int:
        id = next(self._ids)
        self.runner.run(self.db.write(mailbox.open_account, id, self.chance, NOW))
        return id

    def look(self, account: int) -> tuple[dict[str, Box], list[str]]:
        async def op(tx: Tx) -> tuple[dict[str, Box], list[str]]:
            found = {}
            for box in await mailbox.list_mailboxes(tx, account):
                names = await mailbox.uidls(tx, box.id)
                messages = {
                    message.uid: Kept(
                        await mailbox.raw(tx, message.content_id),
                        Flags.stored(message.flags, message.keywords),
                        message.received,
                        message.received_zone,
                        names.get(message.uid) or mailbox.own_uidl(box.uidvalidity, message.uid),
                    )
                    for message in await mailbox.messages(tx, box.id)
                }
                found[box.name] = Box(box.uidvalidity, box.uidnext, box.special_use, messages)
            return found, await mailbox.subscriptions(tx, account)

        return self.runner.run(self.db.read(op))

    def export(self, account: int, writer: Writer) -> Exported:
        nothing = contextlib.nullcontext
        return self.runner.run(export(self.db, account, writer, nothing, lambda *_: None))

    def bring(
        self,
        account: int,
        source: Source,
        progress: Callable[[str, int, int], None] = lambda *_: None,
        **options: bool | str,
    ) -> Report:
        filling = Filling(
            self.db,
            account,
            self.clock,
            self.chance,
            reading=contextlib.nullcontext,
            progress=progress,
            **options,  # type: ignore[arg-type]
        )
        return self.runner.run(filling.fill(source))

    def close(self) -> None:
        self.runner.run(self.db.close())
        self.runner.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.close()


@dataclass(frozen=True)
class Letter:
    octets: bytes
    flags: Flags
    received: int
    zone: int
    uidl: str | None
    gap: int  # UIDs that went before it


words = st.sampled_from(["Work", "$Forwarded", "$Junk", "NonJunk", *(f"k{number}" for number in range(40))])
letters = st.builds(
    Letter,
    st.binary(min_size=1, max_size=60)
    | st.sampled_from(
        [b"S: 1\r\n\r\n.\r\n", b"S: 1\n\nbare\n", b"\0", b"\r", b"From x\r\n\r\n", b"\r\n\r\n"]
    ),
    st.builds(
        lambda bits, some: Flags(bits).add(Flags.of(some)), st.integers(0, 31), st.sets(words, max_size=30)
    ),
    st.integers(0, 2**52),
    st.sampled_from([0, 60, -90, 840]),
    st.none() | st.from_regex(r"[!-~]{1,20}", fullmatch=True),
    st.integers(0, 3),
)
names = st.sampled_from(
    [
        "INBOX",
        "Sent",
        "a",
        "a/b",
        "a.b",
        "a_b",
        "Jürgen/日本",
        "INBOX/x",
        "R&D",
        ".hidden",
        "cur",
        "x" * 300,
        "a~/ ~",
        "V",
        "a.sbd",
        "a.msf",
        "subscriptions",
        "correo-mailboxes.json",
        "y" * 200 + ".sbd/x",
    ]
)
accounts = st.dictionaries(names, st.lists(letters, max_size=4), max_size=5)


def fill(
    house: House, account: int, content: dict[str, list[Letter]], uses: list[str], subscribed: list[str]
) -> None:
    async def op(tx: Tx) -> None:
        for number, (name, some) in enumerate(content.items()):
            box = await mailbox.find(tx, account, name)
            box = box or await mailbox.create(tx, account, name, house.chance, NOW)
            await mailbox.begin_adoption(tx, box.id, 1_000_000_000 + number, 999, dict, NOW)
            uid = 0
            for letter in some:
                uid += 1 + letter.gap
                arrival = mailbox.Arrival(
                    source=house.chance.secret(16),
                    prepared=mailbox.prepare(letter.octets),
                    content_id=house.chance.id(NOW),
                    flags=letter.flags,
                    received=letter.received,
                    received_zone=letter.zone,
                    uid=uid,
                    uidl=letter.uidl,
                )
                await mailbox.adopt(tx, box.id, [arrival], NOW)
            await mailbox.end_adoption(tx, box.id, NOW)
            for use in uses[number : number + 1]:
                if name != "INBOX":
                    await mailbox.set_special_use(tx, account, box.id, use, NOW)
        for name in subscribed:
            await mailbox.subscribe(tx, account, name, NOW)

    house.runner.run(house.db.write(op))


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    accounts, st.lists(st.sampled_from(sorted(mailbox.SPECIAL_USES)), max_size=3), st.lists(names, max_size=3)
)
def test_a_maildir_comes_back_as_it_was(
    house: House, content: dict[str, list[Letter]], uses: list[str], subscribed: list[str]
) -> None:
    """Octets, UIDs, UIDVALIDITY, UIDNEXT, flags, keywords, dates with their zones, unique-ids, special uses, subscriptions."""
    account, other = house.account(), house.account()
    fill(house, account, content, uses, subscribed)
    before = house.look(account)
    with tempfile.TemporaryDirectory() as folder:
        done = house.export(account, MaildirWriter(Path(folder) / "out"))
        assert done.messages == sum(map(len, content.values()))
        for _ in range(2):  # the second time there is nothing to do
            report = house.bring(other, Maildirs(Path(folder) / "out", Layout.AUTO, LIMIT))
            assert report.problems == []
            assert house.look(other) == before
        assert sum(filled.imported for filled in report.folders) == 0


plain_letters = letters.map(
    lambda letter: replace(letter, received=letter.received // 1_000_000 * 1_000_000, zone=0)
).flatmap(
    lambda letter: st.sampled_from(
        [
            b"S: 1\r\n\r\n.\r\n",
            b"S: 1\r\n\r\n",
            b"S: 1\r\n\r\nFrom x\r\n>From x\r\n\r\n\r\n",
            b"From x\r\nS: 1\r\n>From y\r\n\r\nFrom z\r\n",
            b"\r\nbody\r\n",
            b"S: \xff\r\n\r\n\xfe\r\n",
        ]
    ).map(lambda octets: replace(letter, octets=octets))
)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(names, st.lists(plain_letters, min_size=1, max_size=4), max_size=4),
    st.lists(names, max_size=3),
)
def test_an_mbox_brings_what_it_has_room_for(
    house: House, content: dict[str, list[Letter]], subscribed: list[str]
) -> None:
    """Whole lines, and dates to the second without their zones."""
    account, other = house.account(), house.account()
    fill(house, account, content, [], subscribed)
    before, subscriptions = house.look(account)
    with tempfile.TemporaryDirectory() as folder:
        house.export(account, MboxWriter(Path(folder) / "out"))
        report = house.bring(other, Mboxes(Path(folder) / "out", Quoting.MBOXRD, LIMIT))
        assert report.problems == []
        after, subscriptions_after = house.look(other)
        again = house.bring(other, Mboxes(Path(folder) / "out", Quoting.MBOXRD, LIMIT))
    assert sum(filled.imported for filled in again.folders) == 0
    assert subscriptions_after == subscriptions
    for name in content:
        want, have = before[name], after[name]
        assert (have.uidvalidity, have.uidnext, have.special_use) == (
            want.uidvalidity,
            want.uidnext,
            want.special_use,
        )
        assert have.messages == {
            uid: kept if name == "INBOX" else replace(kept, uidl=have.messages[uid].uidl)
            for uid, kept in want.messages.items()
        }


def test_a_dry_run_changes_nothing(house: House, tmp_path: Path) -> None:
    account, other = house.account(), house.account()
    fill(house, account, {"new": [Letter(b"S: 1\r\n\r\n", Flags(), NOW, 0, None, 0)]}, [], [])
    house.export(account, MaildirWriter(tmp_path / "out"))
    before = house.look(other)
    report = house.bring(other, Maildirs(tmp_path / "out", Layout.AUTO, LIMIT), dry_run=True)
    assert {filled.name: filled.imported for filled in report.folders if filled.imported} == {"new": 1}
    assert house.look(other) == before


def test_what_was_broken_off_goes_on(house: House, tmp_path: Path) -> None:
    account, other = house.account(), house.account()
    letters = [Letter(b"S: %d\r\n\r\n" % number, Flags(), NOW, 0, None, number % 3) for number in range(250)]
    fill(house, account, {"INBOX": letters}, [], [])
    house.export(account, MaildirWriter(tmp_path / "out"))

    def at(stop: int) -> Callable[[str, int, int], None]:
        def pull_the_plug(name: str, done: int, total: int) -> None:
            if done >= stop:
                raise KeyboardInterrupt

        return pull_the_plug

    for stop in (1, 101, 1_000):
        with contextlib.suppress(KeyboardInterrupt):
            house.bring(other, Maildirs(tmp_path / "out", Layout.AUTO, LIMIT), at(stop))
    assert house.look(other) == house.look(account)


def test_into_a_folder(house: House, tmp_path: Path) -> None:
    account, other = house.account(), house.account()
    letter = Letter(b"S: 1\r\n\r\n", Flags(), NOW, 0, None, 0)
    fill(house, account, {"INBOX": [letter], "a/b": [letter]}, [], [])
    house.export(account, MaildirWriter(tmp_path / "out"))
    source = Maildirs(tmp_path / "out", Layout.AUTO, LIMIT)
    house.bring(other, source, into="old")
    boxes, subscriptions = house.look(other)
    assert {name for name, box in boxes.items() if box.messages} == {"old", "old/a/b"}
    assert boxes["Sent"].special_use == "\\Sent"
    assert {"old", "old/Sent"} <= set(subscriptions)


def test_again(house: House, tmp_path: Path) -> None:
    account, other = house.account(), house.account()
    fill(house, account, {"INBOX": [Letter(b"S: 1\r\n\r\n", Flags(), NOW, 0, None, 0)]}, [], [])
    house.export(account, MaildirWriter(tmp_path / "out"))
    for again in (False, False, True):
        house.bring(other, Maildirs(tmp_path / "out", Layout.AUTO, LIMIT), again=again)
    assert len(house.look(other)[0]["INBOX"].messages) == 2


def test_what_is_there_is_not_written_over(house: House, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    for make in (MaildirWriter, MboxWriter):
        with pytest.raises(OSError, match="name a new folder"):
            make(tmp_path)


@pytest.mark.parametrize("make", [MaildirWriter, MboxWriter])
def test_a_folder_that_becomes_a_link_meanwhile(
    house: House, tmp_path: Path, make: Callable[[Path], MaildirWriter | MboxWriter]
) -> None:
    """Root may export to where somebody else may rename: nothing is written where that leads."""
    account = house.account()
    letter = Letter(b"S: 1\r\n\r\n", Flags(), NOW, 0, None, 0)
    fill(house, account, {"INBOX": [letter], "a": [letter], "a/b": [letter]}, [], [])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    writer = make(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "taken")
    (tmp_path / "out").symlink_to(elsewhere)
    assert house.export(account, writer).messages == 3
    assert list(elsewhere.iterdir()) == []
    planted = make(tmp_path / "planted")
    for name in ("a", ".a", "a.sbd"):
        (tmp_path / "planted" / name).symlink_to(elsewhere)
    with pytest.raises(OSError, match="exists"):
        house.export(account, planted)
    assert list(elsewhere.iterdir()) == []


def test_what_is_for_nobody_else(house: House, tmp_path: Path) -> None:
    account = house.account()
    fill(house, account, {"INBOX": [Letter(b"S: 1\r\n\r\n", Flags(), NOW, 0, None, 0)]}, [], [])
    writers: dict[str, Callable[[Path], Writer]] = {"maildir": MaildirWriter, "mbox": MboxWriter}
    for name, make in writers.items():
        house.export(account, make(tmp_path / name))
        assert all(
            path.stat().st_mode & 0o077 == 0 for path in [tmp_path / name, *(tmp_path / name).rglob("*")]
        )


def test_a_list_of_subscriptions_without_end(house: House, tmp_path: Path) -> None:
    (tmp_path / "cur").mkdir()
    (tmp_path / "subscriptions").write_text("".join(f"{number}\n" for number in range(10_050)))
    report = house.bring(house.account(), Maildirs(tmp_path, Layout.AUTO, LIMIT), dry_run=True)
    assert report.subscriptions == 10_000
    assert [problem.where for problem in report.problems] == ["subscriptions"]


def test_a_mailbox_that_cannot_be_made_is_said(house: House, tmp_path: Path) -> None:
    other = house.account()
    for part in (".a..b", ".a..b/cur", ".c", ".c/cur"):
        (tmp_path / part).mkdir()
    report = house.bring(other, Maildirs(tmp_path, Layout.AUTO, LIMIT))
    assert [filled.name for filled in report.folders] == ["c"]
    assert [problem.where for problem in report.problems] == [f"{tmp_path}/.a..b"]


def test_a_database_that_fails_ends_it(tmp_path: Path) -> None:
    (tmp_path / "cur").mkdir()
    (tmp_path / "cur" / "1.x").write_bytes(b"S: 1\n\n")
    house = House(tmp_path)
    account = house.account()
    house.runner.run(house.db.close())
    with pytest.raises(Refused) as refused:
        house.bring(account, Maildirs(tmp_path, Layout.AUTO, LIMIT))
    assert refused.value.kind is Kind.UNAVAILABLE
    house.runner.close()
