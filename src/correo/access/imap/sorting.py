"""Messages in the order of SORT (RFC 5256 §3): what each is compared by is made while it is found, and kept no longer than needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from correo.access.imap.items.results import Hit, hit
from correo.access.imap.items.search.facts import Facts
from correo.access.imap.items.sort import SORT_KEYS
from correo.access.imap.searching import find
from correo.access.imap.selected import Selected
from correo.wire.imap.search import Key
from correo.wire.imap.sort import Criterion

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

Rank = tuple[int | str, ...]  # a value for each criterion
Criteria = Sequence[Criterion]


class Ranked(NamedTuple):
    rank: Rank
    hit: Hit


async def ranked(session: ImapSession, selected: Selected, criteria: Criteria, key: Key) -> dict[int, Ranked]:
    """The messages that match, by number, ascending."""
    rows = [SORT_KEYS[criterion.key] for criterion in criteria]

    def note(facts: Facts) -> Ranked:
        return Ranked(tuple([row.value(facts) for row in rows]), hit(facts))

    columns = frozenset().union(*(row.columns for row in rows))
    return await find(session, selected, key, note, columns)


def in_order(messages: Iterable[int], ranks: Mapping[int, Rank], criteria: Criteria) -> list[int]:
    """Numbers or UIDs in the order of their ranks; equals stay in the order of the mailbox, also where a key is reversed."""
    ordered = sorted(messages)
    for at, criterion in reversed(list(enumerate(criteria))):
        values = {message: ranks[message][at] for message in ordered}
        ordered.sort(key=values.__getitem__, reverse=criterion.reverse)
    return ordered
