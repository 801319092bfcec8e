from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.dns import names


@pytest.mark.parametrize(
    ("given_name", "folded"),
    [
        ("Example.COM.", "example.com"),
        (".", "."),
        ("_25._tcp.mx.example.com", "_25._tcp.mx.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("_dmarc.BÜCHER.example", "_dmarc.xn--bcher-kva.example"),
        ("1.0/25.2.0.192.in-addr.arpa", "1.0/25.2.0.192.in-addr.arpa"),
        ("", None),
        ("..", None),
        ("a..b", None),
        ("a\\.b", None),
        ("a b", None),
        ("x" * 64, None),
        ("x" * 63, "x" * 63),
        ("é" * 250, None),
        ("a." * 126 + "a", "a." * 126 + "a"),
        ("a." * 126 + "aa", None),
        ("\ud800.example", None),
    ],
)
def test_fold(given_name: str, folded: str | None) -> None:
    assert names.fold(given_name) == folded


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=300))
def test_fold_never_raises_and_is_stable(text: str) -> None:
    folded = names.fold(text)
    assert folded is None or names.fold(folded) == folded


def test_labels_and_text_are_inverse() -> None:
    assert names.labels("mx.example") == (b"mx", b"example", b"")
    assert names.text(names.labels("mx.example")) == "mx.example"
    assert names.labels(".") == (b"",)
    assert names.text((b"",)) == "."


def test_octets_that_are_no_text_are_escaped_and_never_a_name() -> None:
    shown = names.text((b"a.b\\\x00\xff C", b"example", b""))
    assert shown == "a\\046b\\092\\000\\255\\032c.example"
    assert names.fold(shown) is None


@pytest.mark.parametrize(
    ("name", "possible"),
    [
        ("mx.example.com", True),
        ("mx_1.example.com", True),
        ("localhost", False),
        ("mail.localhost", False),
        ("192.0.2.1", False),
        (".", False),
        ("-mx.example.com", False),
        ("mx*.example.com", False),
        ("::1", False),
        ("a\\046b.example", False),
    ],
)
def test_is_host(name: str, possible: bool) -> None:
    assert names.is_host(name) is possible
