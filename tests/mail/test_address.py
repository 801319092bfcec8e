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
        "a..b@example.org", "alice@-example.org", "alice@exa_mple.org", "alice@example..org", "alice@[1.2.3.4.5]", "alice@[x]",
        "a@" + "x" * 64 + ".org", "a" * 65 + "@example.org", '"a@example.org', "a\n@example.org", "a@example.org\r\n",
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
    assert "\r" not in str(address)
    assert "\n" not in str(address)
    assert Address.parse(str(address)).folded == address.folded


def test_domains_compare_as_a_labels() -> None:
    assert fold_domain("BÜCHER.example") == fold_domain("xn--bcher-kva.EXAMPLE.")
