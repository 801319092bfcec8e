"""LIST in both of its forms."""

from __future__ import annotations

import pytest

from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.listing import MAX_PATTERNS, Listing, Returned, Select, listing
from correo.wire.imap.status import StatusItem


def read(text: str) -> Listing:
    args = Arguments(b" " + text.encode())
    asked = listing(args)
    args.end()
    return asked


def test_the_form_of_rfc_3501_is_not_extended() -> None:
    assert read('"" %') == Listing("", ("%",))
    assert read('a ""') == Listing("a", ("",))


def test_each_of_three_marks_extends_it() -> None:
    assert read('() "" %') == Listing("", ("%",), extended=True)
    assert read('"" (% "x y")') == Listing("", ("%", "x y"), extended=True)
    assert read('"" % return ()') == Listing("", ("%",), extended=True)


def test_selecting_by_subscription_returns_it() -> None:
    asked = read('(remote Subscribed RECURSIVEMATCH SPECIAL-USE) "" *')
    assert asked.select == set(Select)
    assert asked.criteria == (Select.SUBSCRIBED, Select.SPECIAL_USE)
    assert asked.returned == Returned(subscribed=True)


def test_return_options() -> None:
    asked = read(
        '"" * RETURN (CHILDREN STATUS (SIZE unseen SIZE) special-use METADATA (/Shared/A) SUBSCRIBED)'
    )
    assert asked.returned == Returned(True, (StatusItem.SIZE, StatusItem.UNSEEN), ("/shared/a",))
    assert not asked.select


@pytest.mark.parametrize(
    "text",
    [
        '(RECURSIVEMATCH) "" *',
        '(CHILDREN) "" *',
        '"" * RETURN (REMOTE)',
        '"" * RETURN',
        '"" * RETURN (STATUS ())',
        '"" * RETURN (METADATA ())',
        '"" * RETURN (METADATA /shared/a)',
        '"" ()',
        '"" * ',
        "()",
    ],
)
def test_what_it_is_not(text: str) -> None:
    with pytest.raises(SyntaxFault):
        read(text)


def test_patterns_are_counted() -> None:
    assert len(read(f'"" ({" ".join("x" * MAX_PATTERNS)})').patterns) == MAX_PATTERNS
    with pytest.raises(SyntaxFault) as caught:
        read(f'"" ({" ".join("x" * (MAX_PATTERNS + 1))})')
    assert (caught.value.status, caught.value.code) == ("NO", "LIMIT")
