"""Access control lists: identifiers, modifications, and the three responses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.imap.acl import (
    Identifier,
    SetAcl,
    acl_response,
    identifier,
    listrights_response,
    myrights_response,
    set_acl,
)
from correo.wire.imap.grammar import Arguments, SyntaxFault


def read(text: bytes) -> SetAcl:
    args = Arguments(text)
    given = set_acl(args)
    args.end()
    return given


@pytest.mark.parametrize(
    ("text", "how", "letters"),
    [
        (b" INBOX bob lrs", "replace", "lrs"),
        (b' inbox bob "+cd"', "add", "cd"),
        (b" INBOX bob -", "remove", ""),
        (b' INBOX bob ""', "replace", ""),
        (b" INBOX bob q0", "replace", "q0"),
    ],
)
def test_modifications(text: bytes, how: str, letters: str) -> None:
    assert read(text) == SetAcl("INBOX", Identifier(b"bob", "bob", False), how, letters)  # type: ignore[arg-type]


@pytest.mark.parametrize("rights", [b"lR", b"l+r", b"--r", b"l r", b"\xc3\xa9", b"l-"])
def test_what_are_no_letters_of_rights(rights: bytes) -> None:
    with pytest.raises(SyntaxFault):
        read(b' INBOX bob "' + rights + b'"' if b" " in rights else b" INBOX bob " + rights)


def test_identifiers_are_prepared() -> None:
    """RFC 4013: what looks alike is alike; what the client wrote is kept for the answer."""
    wide = "ａlice".encode()
    assert identifier(Arguments(b'"' + wide + b'"')) == Identifier(wide, "alice", False)
    assert identifier(Arguments(b"-Fred")) == Identifier(b"-Fred", "Fred", True)
    for text in (b'""', b"-", b'"\x07"', b'"\xff"', b'"\xc2\xad"'):
        with pytest.raises(SyntaxFault):
            identifier(Arguments(text))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=30))
def test_no_octets_raise_anything_else(octets: bytes) -> None:
    for text in (b" " + octets, b' INBOX "' + octets.replace(b'"', b"") + b'" lr'):
        try:
            given_to = read(text)
        except SyntaxFault:
            continue
        assert given_to.identifier.name


def test_responses() -> None:
    entries = [("alice@example.org", "lrswipkxteacd"), ("-anyone", "w")]
    assert acl_response("a b", entries) == b'* ACL "a b" alice@example.org lrswipkxteacd -anyone w\r\n'
    assert acl_response("x", []) == b"* ACL x\r\n"
    assert listrights_response("x", b"bob", "", ("l", "r")) == b'* LISTRIGHTS x bob "" l r\r\n'
    assert myrights_response("Entwürfe", "lr") == b"* MYRIGHTS Entw&APw-rfe lr\r\n"
    assert myrights_response("Entwürfe", "lr", utf8=True) == '* MYRIGHTS "Entwürfe" lr\r\n'.encode()
