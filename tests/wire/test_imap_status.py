"""STATUS items, RFC 3501 §6.3.10."""

from __future__ import annotations

import pytest

from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.status import StatusItem, status_items


def test_each_once_and_in_order() -> None:
    args = Arguments(b"(unseen MESSAGES UIDNEXT UIDVALIDITY RECENT UNSEEN)")
    assert [item.value for item in status_items(args)] == [
        "UNSEEN",
        "MESSAGES",
        "UIDNEXT",
        "UIDVALIDITY",
        "RECENT",
    ]
    args.end()


def test_every_item_is_known_by_its_name() -> None:
    for item in StatusItem:
        assert status_items(Arguments(f"({item.value})".encode())) == (item,)


@pytest.mark.parametrize(
    "wire", [b"", b"()", b"MESSAGES", b"(NONESUCH)", b"(MESSAGES", b"(MESSAGES  UNSEEN)"]
)
def test_faults(wire: bytes) -> None:
    with pytest.raises(SyntaxFault):
        status_items(Arguments(wire))


def test_imap4rev2_has_no_recent() -> None:
    assert status_items(Arguments(b"(MESSAGES DELETED)", rev2=True)) == (
        StatusItem.MESSAGES,
        StatusItem.DELETED,
    )
    with pytest.raises(SyntaxFault, match="IMAP4rev2 has no RECENT"):
        status_items(Arguments(b"(MESSAGES RECENT)", rev2=True))
