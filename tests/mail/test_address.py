"""Addresses: what is one, and when two are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from correo.mail.address import Address, BadAddress, fold_domain


@pytest.mark.parametrize(
    ("text", "local", "folded"),
    [
        ("alice@example.org", "alice", "alice@example.org"),
        ("Alice@EXAMPLE.Org", "Alice", "alice@example.org"),
        ("alice@example.org.", "alice", "alice@example.org"),
        ("a+b=c/d@example.org", "a+b=c/d", "a+b=c/d@example.org"),
        ('"a b"@example.org', "a b", "a b@example.org"),
        ('"a\\"b"@example.org', 'a"b', 'a"b@example.org'),
        ('"alice"@example.org', "alice", "alice@example.org"),
        ("user@[192.0.2.1]", "user", "user@[192.0.2.1]"),
        ("user@[IPv6:2001:db8::1]", "user", "user@[ipv6:2001:db8::1]"),
        ("jörg@bücher.example", "jörg", "jörg@xn--bcher-kva.example"),
        ("jo\u0308rg@example.org", "jo\u0308rg", "jörg@example.org"),
        ("root@build_1.example.org", "root", "root@build_1.example.org"),
        ("postmaster@localhost", "postmaster", "postmaster@localhost"),
    ],
)
def test_addresses(text: str, local: str, folded: str) -> None:
    address = Address.parse(text)
    assert (address.local, address.folded) == (local, folded)
    assert Address.parse(str(address)).folded == folded


@pytest.mark.parametrize(
    "text",
    [
        "", "alice", "@example.org", "alice@", "alice@@example.org", "a b@example.org", ".a@example.org", "a.@example.org",
        "a..b@example.org", "alice@-example.org", "alice@example..org", "alice@[1.2.3.4.5]", "alice@[x]",
        "a@" + "x" * 64 + ".org", "a" * 243 + "@example.org", "ä" * 122 + "@example.org", '"a\u00a0b"@example.org',
        "a\u0085b@example.org", "a\u2028b@example.org", "a\u202eb@example.org", "a@exa\u00admple.org", '"a@example.org', "a\n@example.org", "a@example.org\r\n",
        "a@" + ".".join(["abcdefgh"] * 40),
    ],
)  # fmt: skip
def test_not_addresses(text: str) -> None:
    with pytest.raises(BadAddress):
        Address.parse(text)


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    try:
        address = Address.parse(text)
    except BadAddress:
        return
    assert str(address).translate({0x200C: None, 0x200D: None}).isprintable()
    assert Address.parse(str(address)).folded == address.folded


def test_local_parts_are_as_long_as_the_path_lets_them() -> None:
    verp = "bounce-4711-" + "x" * 200 + "=example.com@lists.example.net"
    assert str(Address.parse(verp)) == verp
    assert Address.parse("a" * 242 + "@example.org").folded == "a" * 242 + "@example.org"


def test_joiners_belong_to_the_letters_beside_them() -> None:
    address = Address.parse("نامه\u200cای@example.org")
    assert Address.parse(str(address)) == address


def test_domains_compare_as_a_labels() -> None:
    assert fold_domain("BÜCHER.example") == fold_domain("xn--bcher-kva.EXAMPLE.")
