"""Modified UTF-7, RFC 3501 §5.1.3: the RFC's own examples, one spelling per name, and all of Unicode there and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.imap import utf7

NAMES = [
    ("", b""),
    ("INBOX", b"INBOX"),
    ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
    ("☺!", b"&Jjo-!"),
    ("台北日本語", b"&U,BTF2XlZyyKng-"),
    ("R&D", b"R&-D"),
    ("&&", b"&-&-"),
    ("ä&", b"&AOQ-&-"),
    ("&ä", b"&-&AOQ-"),
    ("Entwürfe", b"Entw&APw-rfe"),
    ("Отправленные", b"&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"),
    ("📬", b"&2D3c7A-"),
    ("tab\there", b"tab&AAk-here"),
    ("\x00", b"&AAA-"),
    ("a+b,c~d\\e", b"a+b,c~d\\e"),
]

WRONG = [
    b"&",  # never shifted back
    b"&Jjo",
    b"&Jjo!",  # RFC 3501's own example
    b"&U,BTFw-&ZeVnLIqe-",  # superfluous shift, likewise
    b"&AGE-",  # printable ASCII in base64
    b"&AOQAYQ-",  # partly
    b"&ACY-",  # "&" itself
    b"&AOR-",  # stray bits after the last character
    b"&AOQA-",  # half a character
    b"&A-",
    b"&AA-",
    b"&AOQ=-",  # padding
    b"&2D0-",  # half a surrogate pair
    b"&3Kw-",
    b"&3KzYPQ-",  # a pair the wrong way round
    b"&AO/-",  # "/" where the alphabet has ","
    "ä".encode(),
    b"\xe4",
    b"tab\there",
    b"\x7f",
]


@pytest.mark.parametrize(("name", "wire"), NAMES)
def test_spelling(name: str, wire: bytes) -> None:
    assert utf7.encode(name) == wire
    assert utf7.decode(wire) == name


@pytest.mark.parametrize("wire", WRONG)
def test_only_one_spelling_is_taken(wire: bytes) -> None:
    with pytest.raises(ValueError):
        utf7.decode(wire)


def test_half_a_surrogate_pair_is_no_name() -> None:
    with pytest.raises(ValueError):
        utf7.encode("\ud83d")


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_name_comes_back(name: str) -> None:
    wire = utf7.encode(name)
    assert utf7.decode(wire) == name
    assert all(0x20 <= octet < 0x7F for octet in wire)


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=40),
        st.lists(st.sampled_from([b"&", b"-", b"A", b"AOQ", b",", b"x"])).map(b"".join),
    )
)
def test_what_is_decoded_is_encoded_alike(wire: bytes) -> None:
    try:
        name = utf7.decode(wire)
    except ValueError:
        return
    assert utf7.encode(name) == wire
