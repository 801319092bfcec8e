"""Annotations: names, depth, and the forms of the two commands."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.metadata import (
    MAX_ASKED,
    MAX_ENTRY,
    Depth,
    GetMetadata,
    entry,
    get_metadata,
    picked,
    response,
    set_metadata,
)

HELD = {"/private/a": b"1", "/private/a/b": b"2", "/private/a/b/c": b"3", "/private/ab": b"4"}


def get(text: str) -> GetMetadata:
    args = Arguments(b" " + text.encode())
    asked = get_metadata(args)
    args.end()
    return asked


def test_options_stand_before_or_behind_the_mailbox() -> None:
    wanted = GetMetadata("INBOX", ("/private/a",), 7, Depth.CHILDREN)
    assert get("(MAXSIZE 7 depth 1) inbox /private/A") == wanted
    assert get('inbox (DEPTH 1 maxsize 7) ("/private/a" /PRIVATE/a)') == wanted
    assert get('"" (/shared/a)') == GetMetadata("", ("/shared/a",))


@pytest.mark.parametrize(
    "text",
    [
        "INBOX",
        "INBOX ()",
        "() INBOX /private/a",
        "(MAXSIZE) x /private/a",
        "(DEPTH 2) x /private/a",
        "x a",
        "x (a)",
    ],
)
def test_what_getmetadata_is_not(text: str) -> None:
    with pytest.raises(SyntaxFault):
        get(text)


@pytest.mark.parametrize(
    "name",
    [
        "/other/a",
        "/private/",
        "/private//a",
        '"/private/a*"',
        '"/private/a%"',
        "/privatea",
        "private/a",
        '"/private/\t"',
    ],
)
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(SyntaxFault):
        entry(Arguments(name.encode()))


def test_names_and_their_number_are_bounded() -> None:
    longest = "/private/" + "x" * (MAX_ENTRY - 9)
    assert entry(Arguments(longest.encode())) == longest
    with pytest.raises(SyntaxFault):
        entry(Arguments(longest.encode() + b"x"))
    with pytest.raises(SyntaxFault):
        get(f"x ({' '.join(['/shared/a'] * (MAX_ASKED + 1))})")


def test_values_are_set_and_removed() -> None:
    given_ = set_metadata(Arguments(b' x (/shared/A "v" /private/vendor/t/n NIL /private/b "")'))
    assert given_.mailbox == "x"
    assert given_.values == {"/shared/a": b"v", "/private/vendor/t/n": None, "/private/b": b""}
    for wrong in (b' x (/private "v")', b' x (/shared/vendor/t "v")', b" x (/private/a v)", b" x ()"):
        with pytest.raises(SyntaxFault):
            set_metadata(Arguments(wrong))


def test_depth() -> None:
    assert picked(HELD, ["/private/a"], Depth.ITSELF) == {"/private/a": b"1"}
    assert list(picked(HELD, ["/private/a"], Depth.CHILDREN)) == ["/private/a", "/private/a/b"]
    assert list(picked(HELD, ["/private/a"], Depth.ALL)) == ["/private/a", "/private/a/b", "/private/a/b/c"]
    assert picked(HELD, ["/private", "/shared"], Depth.ALL) == {**HELD, "/shared": None}
    assert picked(HELD, ["/private/x"], Depth.ALL) == {"/private/x": None}


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=40))
def test_what_is_told_can_be_read_again(value: bytes) -> None:
    told = response("x", {"/private/a": value}).removesuffix(b"\r\n").removeprefix(b"* METADATA")
    head, mark, octets = told.partition(b"}\r\n")
    args = Arguments(head + b"}", 0, [(octets[:-1], b")")]) if mark else Arguments(told)
    assert set_metadata(args).values == {"/private/a": value}
