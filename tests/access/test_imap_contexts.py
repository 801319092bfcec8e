"""What a client makes of ADDTO and REMOVEFROM is what the server has (RFC 5267 §4.3)."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from correo.access.imap.contexts import Context, Item, _add, _remove, frozen
from correo.access.imap.sorting import Rank, in_order
from correo.access.imap.view import View
from correo.wire.imap.search import And, Flag, Fuzzy, Not, Numbers, Or, Saved, Uids
from correo.wire.imap.sort import Criterion
from correo.wire.imap.types import SequenceSet

SORTED = (Criterion("SUBJECT", reverse=True), Criterion("DATE"))


def apply(results: list[int], items: Sequence[Item]) -> list[int]:
    """As a client does; at 0 it keeps the order of the mailbox."""
    for name, pairs in items:
        for at, uids in pairs:
            if name == "ADDTO":
                results = sorted(results + uids) if at == 0 else results[: at - 1] + uids + results[at - 1 :]
            else:
                assert at == 0 or results[at - 1 : at - 1 + len(uids)] == uids
                results = [uid for uid in results if uid not in uids]
    return results


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from([SORTED, ()]),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), min_size=12, max_size=12),
    st.lists(st.sets(st.integers(1, 12)), max_size=5),
)
def test_a_client_follows(
    criteria: Sequence[Criterion], ranks: list[tuple[str, int]], steps: list[set[int]]
) -> None:
    every: dict[int, Rank] = {uid: rank if criteria else () for uid, rank in enumerate(ranks, 1)}
    context = Context(Flag("\\Seen"), True, criteria, {}, [])
    client: list[int] = []
    for members in steps:
        removed = [uid for uid in context.ranks if uid not in members]
        added = {uid: every[uid] for uid in members if uid not in context.ranks}
        items = (_remove(context, removed) if removed else []) + (_add(context, added) if added else [])
        client = apply(client, items)
        assert client == context.order == in_order(members, every, criteria)


def test_numbers_and_what_was_saved_stay_what_they_were() -> None:
    view = View([5, 7, 9], 1)
    view.saved = SequenceSet.from_numbers([7])
    second = Uids(SequenceSet.from_numbers([7]))
    numbers = Numbers(SequenceSet(((2, 2),)))
    key = And((Not(numbers), Or((Fuzzy(numbers), Saved())), Flag("\\Seen")))
    assert frozen(key, view) == And((Not(second), Or((Fuzzy(second), second)), Flag("\\Seen")))
