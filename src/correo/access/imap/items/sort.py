"""What SORT can be asked for, a row each (RFC 5256 §3, RFC 5957 §4): what messages are compared by, from what is kept of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from correo.access.imap.items.search.facts import Facts
from correo.mail.message.casemap import casemap
from correo.mail.message.envelope_reader import Element, first_address
from correo.mail.message.subjects import base_subject
from correo.mailbox import Fetched


class SortKey(NamedTuple):
    """`columns`: what has to be read with the row, names of `mailbox.COLUMNS`."""

    value: Callable[[Facts], int | str]
    columns: frozenset[str] = frozenset()


def sent(row: Fetched) -> int:
    """The sent date (RFC 5256 §2.2)."""
    return row.received if row.sent is None else row.sent


_ENVELOPE = frozenset({"envelope"})

SORT_KEYS: dict[str, SortKey] = {
    "ARRIVAL": SortKey(lambda facts: facts.row.received),
    "CC": SortKey(lambda facts: casemap(first_address(facts.row.envelope, Element.CC).local), _ENVELOPE),
    "DATE": SortKey(lambda facts: sent(facts.row), frozenset({"sent"})),
    "DISPLAYFROM": SortKey(
        lambda facts: casemap(first_address(facts.row.envelope, Element.FROM).display), _ENVELOPE
    ),
    "DISPLAYTO": SortKey(
        lambda facts: casemap(first_address(facts.row.envelope, Element.TO).display), _ENVELOPE
    ),
    "FROM": SortKey(lambda facts: casemap(first_address(facts.row.envelope, Element.FROM).local), _ENVELOPE),
    "RELEVANCY": SortKey(lambda facts: -facts.relevancy),  # RFC 6203 §6: the highest score first
    "SIZE": SortKey(lambda facts: facts.row.size),
    "SUBJECT": SortKey(lambda facts: casemap(base_subject(facts.row.subject).text), frozenset({"subject"})),
    "TO": SortKey(lambda facts: casemap(first_address(facts.row.envelope, Element.TO).local), _ENVELOPE),
}
