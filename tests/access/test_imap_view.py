"""The view of a mailbox against a client that believes every response, and a server that knows the truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.access.imap.view import BadNumber, Messages, View, slices
from correo.mailbox import Changes
from correo.wire.imap.types import SequenceSet


@dataclass
class Truth:
    """A mailbox, and what happened to it by modseq."""

    uids: list[int] = field(default_factory=list)
    uidnext: int = 1
    modseq: int = 1
    log: list[tuple[int, str, int]] = field(default_factory=list)

    def note(self, what: str, uid: int) -> None:
        self.modseq += 1
        self.log.append((self.modseq, what, uid))

    def append(self) -> None:
        self.uids.append(self.uidnext)
        self.note("append", self.uidnext)
        self.uidnext += 1

    def expunge(self, at: int) -> None:
        if self.uids:
            self.note("expunge", self.uids.pop(at % len(self.uids)))

    def flag(self, at: int) -> None:
        if self.uids:
            self.note("flag", self.uids[at % len(self.uids)])

    def changes(self, since: int) -> Changes:
        happened: dict[str, set[int]] = {"append": set(), "expunge": set(), "flag": set()}
        for modseq, what, uid in self.log:
            if modseq > since:
                happened[what].add(uid)
        gone = happened["expunge"]
        appended = happened["append"] - gone
        flagged = happened["flag"] - gone - appended
        ranges = tuple((uid, uid) for uid in sorted(gone))
        return Changes(
            True, self.modseq, self.uidnext, tuple(sorted(appended)), tuple(sorted(flagged)), ranges
        )


class Client:
    """Knows which message it means by a number, as long as it is told every change of numbers."""

    def __init__(self, uids: list[int]) -> None:
        self.uids: list[int | None] = list(uids)
        self.flags_told: list[int] = []

    def told(self, view: View, *, expunges: bool) -> None:
        if expunges:
            for number in view.take_expunged():
                del self.uids[number - 1]
        view.take_arrived()
        self.uids += [None] * (len(view) - len(self.uids))  # EXISTS
        for number, uid in enumerate(view.uids):  # a FETCH of the new ones
            if self.uids[number] is None:
                self.uids[number] = uid
        self.flags_told += view.take_changed()


step = st.one_of(
    st.tuples(st.just("append"), st.just(0)),
    st.tuples(st.just("expunge"), st.integers(0, 50)),
    st.tuples(st.just("flag"), st.integers(0, 50)),
    st.tuples(st.just("absorb"), st.just(0)),
    st.tuples(st.just("tell"), st.just(0)),
    st.tuples(st.just("tell all"), st.just(0)),
)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 8), st.lists(step, max_size=60))
def test_numbers_mean_what_the_client_thinks(start: int, steps: list[tuple[str, int]]) -> None:
    truth = Truth()
    for _ in range(start):
        truth.append()
    view, client = View(truth.uids, truth.modseq), Client(truth.uids)
    flagged: set[int] = set()
    for what, at in steps:
        if what == "append":
            truth.append()
        elif what == "expunge":
            truth.expunge(at)
        elif what == "flag":
            truth.flag(at)
            if truth.uids and truth.log[-1][2] in client.uids:
                flagged.add(truth.log[-1][2])
        else:
            view.absorb(truth.changes(view.modseq))
            if what != "absorb":
                client.told(view, expunges=what == "tell all")
        assert client.uids == list(view.uids)
        for number, uid in enumerate(view.uids, 1):
            assert view.number(uid) == number
        assert view.gone <= set(view.uids)
        assert not view.changed & view.gone
    view.absorb(truth.changes(view.modseq))
    client.told(view, expunges=True)
    assert client.uids == truth.uids
    assert set(client.flags_told) >= flagged & set(truth.uids)


def test_many_expunged_at_once_come_highest_first() -> None:
    view = View(range(1, 1001), 1)
    view.absorb(Changes(True, 2, 1001, (), (), ((1, 400), (500, 500), (999, 1000))))
    numbers = view.take_expunged()
    assert numbers == [1000, 999, 500, *range(400, 0, -1)]
    assert list(view.uids) == [*range(401, 500), *range(501, 999)]
    assert view.take_expunged() == []


def test_an_old_state_changes_nothing() -> None:
    view = View([1, 2], 5)
    view.absorb(Changes(True, 5, 3, (), (1,), ((2, 2),)))
    assert not view.gone
    assert not view.changed
    view.known(4)
    assert view.modseq == 5


def test_recent_belongs_to_the_ranges_that_were_added() -> None:
    view = View([1, 2, 3, 4, 8, 9], 1)
    view.add_recent(1, 0)
    assert view.recent == 0
    view.add_recent(3, 4)
    view.add_recent(5, 8)
    view.add_recent(4, 8)
    assert [uid for uid in range(12) if view.is_recent(uid)] == [3, 4, 5, 6, 7, 8]
    assert view.recent == 3
    view.add_recent(10, 11)
    assert [uid for uid in range(12) if view.is_recent(uid)] == [3, 4, 5, 6, 7, 8, 10, 11]


def test_messages_by_number_and_by_uid() -> None:
    view = View([2, 5, 6, 9], 1)
    by_number = Messages(SequenceSet.of([(2, 3)], [None]), uid=False)
    assert view.ranges(view.spans(by_number)) == [(5, 9)]
    by_uid = Messages(SequenceSet.of([(1, 2), (6, 100)]), uid=True)
    assert view.ranges(view.spans(by_uid)) == [(2, 2), (6, 9)]
    assert view.runs([2, 6, 9]) == [range(1), range(2, 4)]
    with pytest.raises(BadNumber):
        view.spans(Messages(SequenceSet.of([(4, 5)]), uid=False))
    with pytest.raises(BadNumber):
        View([], 1).spans(Messages(SequenceSet.of([], [None]), uid=False))


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 30)), max_size=8),
    st.integers(1, 17),
)
def test_slices_keep_every_position(gaps: list[tuple[int, int]], size: int) -> None:
    spans: list[range] = []
    for gap, length in gaps:
        start = (spans[-1].stop if spans else 0) + gap
        spans.append(range(start, start + length))
    groups = list(slices(spans, size))
    assert [at for group in groups for span in group for at in span] == [at for span in spans for at in span]
    assert all(0 < sum(map(len, group)) <= size for group in groups)
    assert all(sum(map(len, group)) == size for group in groups[:-1])
