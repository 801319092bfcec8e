"""Random histories of an account, against a model in plain dictionaries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from correo import mailbox
from correo.clock.virtual import SeededChance
from correo.mail.errors import Kind, Refused
from correo.mail.flags import DELETED, FLAGGED, SEEN, Flags
from correo.mailbox import Message, ranges
from correo.mailbox.flagging import How
from correo.mailbox.ranges import Range
from correo.storage.db import Tx
from correo.storage.db.migrate import migrate, migrations
from correo.storage.db.sqlite import SqliteTx, drive

P = ParamSpec("P")
T = TypeVar("T")

NOW = 1_767_225_600_000_000
ACCOUNT = 3
RAW = [b"Subject: %d\r\n\r\nbody %d\r\n" % (number, number % 2) for number in range(3)]
PREPARED = [mailbox.prepare(raw) for raw in RAW]
NAMES = ["a", "a/b", "a/b/c", "b", "INBOX/x"]

which = st.integers(0, 5)  # a mailbox, counted through those there are
names = st.sampled_from(NAMES)
some = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), min_size=1, max_size=3)
spans = some.map(lambda pairs: ranges.merged((low, low + more) for low, more in pairs))
spans |= st.just([(1, mailbox.MAX_UID)])
flags = st.builds(
    lambda bits, words: Flags(bits, tuple(sorted(words, key=str.lower))),
    st.sampled_from([0, SEEN, DELETED, FLAGGED, SEEN | DELETED]),
    st.sets(st.sampled_from(["Work", "$Junk", "later"]), max_size=2),
)


@dataclass(frozen=True)
class Letter:
    content: int
    flags: Flags
    size: int


@dataclass
class Box:
    id: int
    uidvalidity: int
    uidnext: int = 1
    letters: dict[int, Letter] = field(default_factory=dict)

    def take(self, letter: Letter) -> int:
        uid = self.uidnext
        self.letters[uid] = letter
        self.uidnext += 1
        return uid

    def within(self, spans: list[Range]) -> list[int]:
        return [uid for uid in self.letters if any(low <= uid <= high for low, high in spans)]


@dataclass(frozen=True)
class Snapshot:
    """What a session knew of a mailbox at some modseq."""

    mailbox_id: int
    modseq: int
    uids: frozenset[int]


class Account(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.connection = apsw.Connection(":memory:")
        self.tx = SqliteTx(self.connection)
        self.chance = SeededChance()
        self.boxes: dict[str, Box] = {}
        self.snapshots: list[Snapshot] = []
        self.validities: set[int] = set()
        self.modseq = 0

    def do(self, op: Callable[Concatenate[Tx, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        self.connection.execute("SAVEPOINT op")
        try:
            return drive(op(self.tx, *args, **kwargs))
        except Refused:
            self.connection.execute("ROLLBACK TO op")
            raise
        finally:
            self.connection.execute("RELEASE op")

    def refused(
        self, op: Callable[Concatenate[Tx, P], Awaitable[Any]], *args: P.args, **kwargs: P.kwargs
    ) -> Kind:
        try:
            self.do(op, *args, **kwargs)
        except Refused as refused:
            return refused.kind
        raise AssertionError("it was not refused")

    def pick(self, number: int) -> tuple[str, Box]:
        every = sorted(self.boxes.items())
        return every[number % len(every)]

    def learn(self, *expected: str) -> None:
        """Take over the ids and UIDVALIDITYs of what was made; the names must be the expected ones."""
        found = {box.name: box for box in self.do(mailbox.list_mailboxes, ACCOUNT)}
        assert set(found) == {*self.boxes, *expected}
        for name in expected:
            box = found[name]
            assert box.uidvalidity not in self.validities
            self.validities.add(box.uidvalidity)
            self.boxes[name] = Box(box.id, box.uidvalidity)

    def missing(self, name: str) -> list[str]:
        parts = name.split("/")
        above = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        return [one for one in above if one not in self.boxes]

    @initialize()
    def begin(self) -> None:
        self.do(migrate, migrations(), NOW)
        self.do(mailbox.open_account, ACCOUNT, self.chance, NOW)
        self.learn("INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive")
        for name in ("Drafts", "Sent", "Trash", "Junk"):  # few mailboxes meet each other more often
            self.do(mailbox.delete, ACCOUNT, name, NOW)
            del self.boxes[name]

    @rule(where=which, what=st.lists(st.integers(0, 2), min_size=1, max_size=4), flags=flags)
    def append(self, where: int, what: list[int], flags: Flags) -> None:
        _, box = self.pick(where)

        async def op(tx: Tx) -> None:
            for number in what:
                prepared = PREPARED[number]
                content = await mailbox.store(tx, prepared, self.chance.id(NOW), NOW)
                appended = await mailbox.append(
                    tx, box.id, content_id=content, size=prepared.size, flags=flags, received=NOW, now=NOW
                )
                assert appended.uid == box.take(Letter(content, flags, prepared.size))
                assert appended.uidvalidity == box.uidvalidity

        self.do(op)

    @rule(where=which, spans=spans, how=st.sampled_from(["add", "remove", "replace"]), flags=flags)
    def store(self, where: int, spans: list[Range], how: How, flags: Flags) -> None:
        _, box = self.pick(where)
        stored = self.do(mailbox.store_flags, box.id, spans, how, flags, NOW)
        changed = []
        for uid in box.within(spans):
            before = box.letters[uid].flags
            after = {"add": before.add(flags), "remove": before.remove(flags), "replace": flags}[how]
            if after != before:
                changed.append((uid, after.bits, " ".join(after.keywords)))
                box.letters[uid] = replace(box.letters[uid], flags=after)
        assert stored.changed == changed

    @rule(where=which, to=which, spans=spans, remove=st.booleans())
    def transfer(self, where: int, to: int, spans: list[Range], remove: bool) -> None:
        (_, source), (_, target) = self.pick(where), self.pick(to)
        op = mailbox.move if remove else mailbox.copy
        copied = self.do(op, source.id, spans, target.id, NOW)
        uids = source.within(spans)
        assert copied.pairs == [(uid, target.take(source.letters[uid])) for uid in uids]
        if remove:
            for uid in uids:
                del source.letters[uid]

    @rule(where=which, spans=st.none() | spans, only_deleted=st.booleans())
    def expunge(self, where: int, spans: list[Range] | None, only_deleted: bool) -> None:
        _, box = self.pick(where)
        gone = [
            uid
            for uid in (box.letters if spans is None else box.within(spans))
            if not only_deleted or box.letters[uid].flags.bits & DELETED
        ]
        assert self.do(mailbox.expunge, box.id, spans, NOW, only_deleted=only_deleted).uids == gone
        for uid in gone:
            del box.letters[uid]

    @rule(name=names)
    def create(self, name: str) -> None:
        if name in self.boxes:
            assert self.refused(mailbox.create, ACCOUNT, name, self.chance, NOW) is Kind.EXISTS
            return
        missing = self.missing(name)
        self.do(mailbox.create, ACCOUNT, name, self.chance, NOW)
        self.learn(*missing)

    @rule(where=which)
    def delete(self, where: int) -> None:
        name, _ = self.pick(where)
        if name == "INBOX":
            assert self.refused(mailbox.delete, ACCOUNT, name, NOW) is Kind.NO_PERMISSION
            return
        self.do(mailbox.delete, ACCOUNT, name, NOW)
        del self.boxes[name]

    @rule(where=which, new=names)
    def rename(self, where: int, new: str) -> None:
        old, box = self.pick(where)
        if old == "INBOX" and new not in self.boxes:
            missing = self.missing(new)
            self.do(mailbox.rename, ACCOUNT, old, new, self.chance, NOW)
            self.learn(*missing)
            for letter in box.letters.values():
                self.boxes[new].take(letter)
            box.letters.clear()
            return
        moving = (
            [] if old == "INBOX" else [one for one in self.boxes if one == old or one.startswith(old + "/")]
        )
        staying = self.boxes.keys() - set(moving)
        renamed = {one: new + one[len(old) :] for one in moving}
        if (
            old == new
            or old == "INBOX"
            or (staying & set(renamed.values()) and not new.startswith(old + "/"))
        ):
            assert self.refused(mailbox.rename, ACCOUNT, old, new, self.chance, NOW) is Kind.EXISTS
        elif new.startswith(old + "/"):
            assert self.refused(mailbox.rename, ACCOUNT, old, new, self.chance, NOW) is Kind.BAD_NAME
        else:
            self.do(mailbox.rename, ACCOUNT, old, new, self.chance, NOW)
            moved = {renamed[one]: self.boxes.pop(one) for one in moving}
            self.boxes.update(moved)
            self.learn(*self.missing(new))

    @rule(where=which)
    def look(self, where: int) -> None:
        _, box = self.pick(where)
        row = self.do(mailbox.get, box.id)
        assert row is not None
        self.snapshots.append(Snapshot(box.id, row.modseq, frozenset(box.letters)))

    @invariant()
    def nothing_but_what_the_model_holds(self) -> None:
        for row in self.do(mailbox.list_mailboxes, ACCOUNT):
            box = self.boxes[row.name]
            assert (row.id, row.uidvalidity, row.uidnext) == (box.id, box.uidvalidity, box.uidnext)
            letters = box.letters.values()
            assert row.messages == len(letters)
            assert row.unseen == sum(not letter.flags.bits & SEEN for letter in letters)
            assert row.deleted == sum(letter.flags.bits & DELETED != 0 for letter in letters)
            assert row.size == sum(letter.size for letter in letters)
            kept = self.do(mailbox.messages, row.id)
            assert {one.uid: as_letter(one) for one in kept} == box.letters
            assert all(one.modseq <= row.modseq for one in kept)

    @invariant()
    def modseqs_grow(self) -> None:
        rows = drive(self.tx.all("SELECT modseq FROM mailbox_account"))
        highest = drive(self.tx.all("SELECT MAX(modseq) FROM mailbox_mailbox"))
        if rows:
            assert rows[0][0] >= max(self.modseq, highest[0][0])
            self.modseq = rows[0][0]

    @invariant()
    def changes_lead_from_every_snapshot_to_the_present(self) -> None:
        boxes = {box.id: box for box in self.boxes.values()}
        for snapshot in self.snapshots:
            changes = self.do(mailbox.changes, snapshot.mailbox_id, snapshot.modseq)
            box = boxes.get(snapshot.mailbox_id)
            assert changes.exists == (box is not None)
            if box is None:
                continue
            assert changes.uidnext == box.uidnext
            assert changes.appended == tuple(sorted(box.letters.keys() - snapshot.uids))
            gone = set(ranges.expanded(changes.expunged))
            assert gone & snapshot.uids == snapshot.uids - box.letters.keys()
            assert not gone & box.letters.keys()
            kept = self.do(mailbox.messages, box.id)
            assert changes.flagged == tuple(
                one.uid for one in kept if one.modseq > snapshot.modseq and one.uid in snapshot.uids
            )

    def teardown(self) -> None:
        self.do(mailbox.collect, NOW + 1, 1_000)
        pointed_to = {letter.content for box in self.boxes.values() for letter in box.letters.values()}
        contents = drive(self.tx.all("SELECT id, body_id FROM mailbox_content"))
        assert {row[0] for row in contents} == pointed_to
        assert {row[0] for row in drive(self.tx.all("SELECT id FROM mailbox_body"))} == {
            row[1] for row in contents
        }
        assert len({row[1] for row in contents}) <= 2
        self.connection.close()


def as_letter(message: Message) -> Letter:
    return Letter(message.content_id, Flags.stored(message.flags, message.keywords), message.size)


TestAccount = Account.TestCase
TestAccount.settings = settings(deadline=None, max_examples=100, stateful_step_count=30)
