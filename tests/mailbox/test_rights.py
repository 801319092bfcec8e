"""Letters of rights: how they are read, written, combined, and which flags they let somebody set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from correo.mail.flags import ANSWERED, DELETED, SEEN, Flags
from correo.mailbox import (
    ALL_RIGHTS,
    ANYONE,
    Entry,
    allowed,
    combined,
    flag_bits,
    format_rights,
    parse_rights,
)
from correo.mailbox.rights import LETTERS

EVERY = Flags(SEEN | ANSWERED | DELETED, ("Work",))


@pytest.mark.parametrize(
    ("text", "rights"),
    [
        ("", ""),
        ("lrswi", "lrswi"),
        ("lrswida", "lrswitea"),  # RFC 4314 §2.1.1, SETACL David
        ("cda", "kxtea"),  # RFC 4314 §3.1, SETACL Chris
        ("dt", "te"),
        ("llrr", "lr"),
        ("lrQswicda", None),  # RFC 4314 §3.1, upper case
        ("lrqswicda", None),
        ("l1", None),
        ("l r", None),
        ("+l", None),
        ("é", None),
    ],
)
def test_letters_are_read(text: str, rights: str | None) -> None:
    assert parse_rights(text) == (None if rights is None else frozenset(rights))


@pytest.mark.parametrize(
    ("rights", "text"),
    [("", ""), ("atl", "ltad"), ("kr", "rkc"), ("x", "xc"), ("eta", "tead"), (LETTERS, LETTERS + "cd")],
)
def test_letters_are_written(rights: str, text: str) -> None:
    """With the virtual rights of older clients (RFC 4314 §2.1.1)."""
    assert format_rights(frozenset(rights)) == text


@given(st.frozensets(st.sampled_from(LETTERS)))
def test_what_old_clients_add_is_more_at_most(rights: frozenset[str]) -> None:
    """They write back "c" and "d" as they read them."""
    back = parse_rights(format_rights(rights))
    assert back is not None
    assert rights <= back
    assert back - rights <= frozenset("kxte")


@given(st.text(max_size=8))
def test_nothing_but_rights_comes_out(text: str) -> None:
    found = parse_rights(text)
    assert found is None or found <= ALL_RIGHTS


def test_negative_entries_win() -> None:
    give = [Entry(5, "", False, frozenset("lr")), Entry(ANYONE, "here.example", False, frozenset("ws"))]
    take = [Entry(ANYONE, "here.example", True, frozenset("rs")), Entry(5, "", True, frozenset("a"))]
    assert combined(give) == frozenset("lrws")
    assert combined([*take, *give]) == frozenset("lw")
    assert combined([]) == combined(take) == frozenset()


@pytest.mark.parametrize(
    ("rights", "bits", "keywords"),
    [
        ("stw", SEEN | ANSWERED | DELETED, ("Work",)),
        ("s", SEEN, ()),
        ("t", DELETED, ()),
        ("w", ANSWERED, ("Work",)),
        ("lrikxea", 0, ()),
    ],
)
def test_flags_that_may_be_set(rights: str, bits: int, keywords: tuple[str, ...]) -> None:
    """RFC 4314 §4, STORE."""
    assert allowed(EVERY, frozenset(rights)) == Flags(bits, keywords)
    assert EVERY.bits & flag_bits(frozenset(rights)) == bits
