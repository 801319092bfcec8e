"""Random histories of mailboxes that an owner and two readers share, against a model in plain dictionaries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Concatenate, ParamSpec, TypeVar

import apsw
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from correo import mailbox
from correo.clock.virtual import SeededChance
from correo.mail.flags import DELETED, FLAGGED, SEEN, Flags
from correo.mailbox import ranges
from correo.mailbox.flagging import How
from correo.mailbox.ranges import Range
from correo.storage.db import Tx
from correo.storage.db.migrate import migrate, migrations
from correo.storage.db.sqlite import SqliteTx, drive

P = ParamSpec("P")
T = TypeVar("T")

NOW = 1_767_225_600_000_000
OWNER, OTHER = 3, 4  # accounts: the second owns mailboxes too, and mail goes between them
READERS = (0, 21, 22)  # 0 is the owner, whichever that is
PREPARED = mailbox.prepare(b"Subject: one\r\n\r\nbody\r\n")

which = st.integers(0, 2)  # a mailbox
readers = st.sampled_from(READERS)
some = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), min_size=1, max_size=3)
spans = some.map(lambda pairs: ranges.merged((low, low + more) for low, more in pairs))
spans |= st.just([(1, mailbox.MAX_UID)])
flags = st.builds(
    lambda bits, words: Flags(bits, tuple(sorted(words))),
    st.sampled_from([0, SEEN, SEEN | FLAGGED, SEEN | DELETED, DELETED]),
    st.sets(st.sampled_from(["$Junk", "work"]), max_size=1),
)


@dataclass(frozen=True)
class Letter:
    common: Flags  # without \Seen
    seen: frozenset[int] = frozenset()  # by these readers

    def shown(self, reader: int) -> Flags:
        return Flags(self.common.bits | (SEEN if reader in self.seen else 0), self.common.keywords)

    def changed(self, reader: int, flags: Flags) -> Letter:
        seen = self.seen | {reader} if flags.bits & SEEN else self.seen - {reader}
        return Letter(Flags(flags.bits & ~SEEN, flags.keywords), seen)


@dataclass
class Box:
    id: int
    account_id: int
    letters: dict[int, Letter] = field(default_factory=dict)
    uidnext: int = 1

    def take(self, letter: Letter) -> int:
        uid = self.uidnext
        self.letters[uid] = letter
        self.uidnext += 1
        return uid

    def within(self, spans: list[Range]) -> list[int]:
        return [uid for uid in self.letters if any(low <= uid <= high for low, high in spans)]


@dataclass(frozen=True)
class Snapshot:
    """What a reader knew of a mailbox at some modseq."""

    box: Box
    reader: int
    modseq: int
    shown: dict[int, Flags]


class Sharing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.connection = apsw.Connection(":memory:")
        self.tx = SqliteTx(self.connection)
        self.chance = SeededChance()
        self.boxes: list[Box] = []
        self.snapshots: list[Snapshot] = []
        self.modseqs: dict[tuple[int, int, int], int] = {}  # of mailbox, reader and UID

    def do(self, op: Callable[Concatenate[Tx, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return drive(op(self.tx, *args, **kwargs))

    @initialize()
    def begin(self) -> None:
        self.do(migrate, migrations(), NOW)
        for account, names in ((OWNER, ("INBOX", "Sent")), (OTHER, ("INBOX",))):
            self.do(mailbox.open_account, account, self.chance, NOW)
            for name in names:
                box = self.do(mailbox.find, account, name)
                assert box is not None
                self.boxes.append(Box(box.id, account))
        for where in range(3):
            self.append(where, 4, Flags(), 0)

    @rule(where=which, count=st.integers(1, 4), flags=flags, reader=readers)
    def arrive(self, where: int, count: int, flags: Flags, reader: int) -> None:
        self.append(where, count, flags, reader)

    def append(self, where: int, count: int, flags: Flags, reader: int) -> None:
        box = self.boxes[where]
        for _ in range(count):
            content = self.do(mailbox.store, PREPARED, self.chance.id(NOW), NOW)
            appended = self.do(
                mailbox.append,
                box.id,
                content_id=content,
                size=PREPARED.size,
                flags=flags,
                received=NOW,
                now=NOW,
                reader=reader,
            )
            assert appended.uid == box.take(Letter(Flags()).changed(reader, flags))

    @rule(
        where=which,
        spans=spans,
        how=st.sampled_from(["add", "remove", "replace"]),
        flags=flags,
        reader=readers,
        unless_newer=st.booleans(),
    )
    def store(
        self, where: int, spans: list[Range], how: How, flags: Flags, reader: int, unless_newer: bool
    ) -> None:
        box = self.boxes[where]
        uids = box.within(spans)
        since, newer = None, set()
        if unless_newer and uids:
            known = {one.uid: one.modseq for one in self.do(mailbox.messages, box.id, spans, reader)}
            since = sorted(known.values())[len(known) // 2]
            newer = {uid for uid in uids if known[uid] > since}
        stored = self.do(mailbox.store_flags, box.id, spans, how, flags, NOW, since, reader)
        changed = []
        for uid in uids:
            before = box.letters[uid].shown(reader)
            after = {"add": before.add(flags), "remove": before.remove(flags), "replace": flags}[how]
            if after != before and uid not in newer:
                changed.append((uid, after.bits, " ".join(after.keywords)))
                box.letters[uid] = box.letters[uid].changed(reader, after)
        assert stored.changed == changed
        assert set(stored.modified) == newer

    @rule(where=which, to=which, spans=spans, reader=readers, target_reader=readers, remove=st.booleans())
    def transfer(
        self, where: int, to: int, spans: list[Range], reader: int, target_reader: int, remove: bool
    ) -> None:
        source, target = self.boxes[where], self.boxes[to]
        op = mailbox.move if remove else mailbox.copy
        copied = self.do(op, source.id, spans, target.id, NOW, reader=reader, target_reader=target_reader)
        uids = source.within(spans)
        fresh = [Letter(Flags()).changed(target_reader, source.letters[uid].shown(reader)) for uid in uids]
        assert copied.pairs == [(uid, target.take(letter)) for uid, letter in zip(uids, fresh, strict=True)]
        if remove:
            for uid in uids:
                del source.letters[uid]

    @rule(where=which, spans=spans)
    def expunge(self, where: int, spans: list[Range]) -> None:
        box = self.boxes[where]
        gone = [uid for uid in box.within(spans) if box.letters[uid].common.bits & DELETED]
        assert self.do(mailbox.expunge, box.id, spans, NOW).uids == gone
        for uid in gone:
            del box.letters[uid]

    @rule()
    def look(self) -> None:
        """Everybody at everything; who looked long ago has seen enough."""
        for box in self.boxes:
            row = self.do(mailbox.get, box.id)
            assert row is not None
            for reader in READERS:
                shown = {uid: letter.shown(reader) for uid, letter in box.letters.items()}
                self.snapshots.append(Snapshot(box, reader, row.modseq, shown))
        del self.snapshots[: -4 * 3 * len(READERS)]

    @rule()
    def forget(self) -> None:
        """Those who come back later are told from the messages themselves."""
        self.do(mailbox.forget, 0, NOW + 1)

    @invariant()
    def everybody_sees_his_own(self) -> None:
        for box in self.boxes:
            row = self.do(mailbox.get, box.id)
            assert row is not None
            for reader in READERS:
                wanted = {uid: letter.shown(reader) for uid, letter in box.letters.items()}
                kept = self.do(mailbox.messages, box.id, reader=reader)
                assert {one.uid: Flags.stored(one.flags, one.keywords) for one in kept} == wanted
                unseen = [uid for uid, flags in wanted.items() if not flags.bits & SEEN]
                assert self.do(mailbox.unseen, box.id, reader) == len(unseen)
                assert self.do(mailbox.first_unseen, box.id, reader) == min(unseen, default=None)
                for one in kept:
                    key = box.id, reader, one.uid
                    assert self.modseqs.get(key, 0) <= one.modseq <= row.modseq
                    self.modseqs[key] = one.modseq
            letters = box.letters.values()
            assert row.unseen == sum(0 not in letter.seen for letter in letters)
            assert row.deleted == sum(letter.common.bits & DELETED != 0 for letter in letters)

    @invariant()
    def counters_are_those_of_the_accounts(self) -> None:
        for account in {box.account_id for box in self.boxes}:
            letters = sum(len(box.letters) for box in self.boxes if box.account_id == account)
            quota = self.do(mailbox.quota, account)
            assert (quota.messages, quota.size) == (letters, letters * PREPARED.size)

    @invariant()
    def changes_lead_from_every_snapshot_to_the_present(self) -> None:
        for snapshot in self.snapshots:
            box, reader = snapshot.box, snapshot.reader
            changes = self.do(mailbox.changes, box.id, snapshot.modseq, reader)
            assert changes.uidnext == box.uidnext
            known = snapshot.shown.keys() & box.letters.keys()
            told = set(changes.flagged)
            fresh = box.letters.keys() - snapshot.shown.keys()
            assert fresh <= told | set(changes.appended) <= box.letters.keys()
            assert snapshot.shown.keys() - box.letters.keys() <= set(ranges.expanded(changes.expunged))
            assert not set(ranges.expanded(changes.expunged)) & box.letters.keys()
            different = {uid for uid in known if box.letters[uid].shown(reader) != snapshot.shown[uid]}
            assert different <= told
            kept = self.do(mailbox.messages, box.id, reader=reader)
            assert told & known == {one.uid for one in kept if one.modseq > snapshot.modseq} & known

    def teardown(self) -> None:
        """No mark outlives its message."""
        marks = "SELECT mailbox_id, uid FROM mailbox_seen"
        assert {(row[0], row[1]) for row in drive(self.tx.all(marks))} <= {
            (box.id, uid) for box in self.boxes for uid in box.letters
        }
        self.connection.close()


TestSharing = Sharing.TestCase
TestSharing.settings = settings(deadline=None, max_examples=60, stateful_step_count=25)
