"""What a client that comes back is told (RFC 7162 §3.2), also when the change log has forgotten."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from correo.access.imap.resync import earlier, touched
from correo.access.imap.view import View
from correo.mailbox import MAX_UID, Changes, ranges

EVERYTHING = [(1, MAX_UID)]


def test_only_what_came_or_changed_and_is_named_is_told() -> None:
    view = View([2, 4, 6, 8, 10], 9)
    changes = Changes(True, 9, 13, appended=(10, 12), flagged=(2, 4, 8))
    assert touched(view, [range(5)], changes) == [range(2), range(3, 5)]
    assert touched(view, [range(1), range(1, 1), range(2, 4)], changes) == [range(1), range(3, 4)]
    assert touched(view, [], changes) == []


def test_earlier_leaves_out_what_has_a_number() -> None:
    view = View([2, 4, 6], 9)
    assert earlier(view, [(3, 5), (9, 12)], EVERYTHING) == [(3, 3), (5, 5), (9, 12)]
    assert earlier(view, [(3, 5), (9, 12)], [(5, 10)]) == [(5, 5), (9, 10)]
    assert earlier(view, [], EVERYTHING) == []


_uids = st.sets(st.integers(1, 25), max_size=15)


@settings(deadline=None, max_examples=300)
@given(numbered=_uids, expunged=_uids, wanted=_uids)
def test_earlier_is_a_difference_of_sets(numbered: set[int], expunged: set[int], wanted: set[int]) -> None:
    found = earlier(View(sorted(numbered), 1), ranges.of(sorted(expunged)), ranges.of(sorted(wanted)))
    assert set(ranges.expanded(found)) == (expunged & wanted) - numbered
    assert found == ranges.merged(found)
