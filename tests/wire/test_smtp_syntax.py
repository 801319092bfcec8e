"""Arguments of commands: what is read from them, and what is refused with which code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.smtp.syntax import (
    BadSyntax,
    decode_base64,
    decode_initial_response,
    decode_xtext,
    parse_forward_path,
    parse_host,
    parse_nothing,
    parse_parameters,
    parse_reverse_path,
)


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("FROM:<bob@example.net>", "bob@example.net"),
        ("from:<bob@example.net>", "bob@example.net"),
        ("FROM: <bob@example.net>", "bob@example.net"),
        ("FROM:bob@example.net", "bob@example.net"),
        ("FROM:<@a.example,@b.example:bob@example.net>", "bob@example.net"),
        ("FROM:<@[IPv6:2001:db8::1]:bob@example.net>", "bob@example.net"),
        ('FROM:<"b ob"@example.net>', '"b ob"@example.net'),
        ('FROM:<"b<o>b:"@example.net>', '"b<o>b:"@example.net'),
        (r'FROM:<"b\"ob"@example.net>', r'"b\"ob"@example.net'),
        ("FROM:<bob@[192.0.2.7]>", "bob@[192.0.2.7]"),
        ("FROM:<bob@[IPv6:2001:db8::7]>", "bob@[IPv6:2001:db8::7]"),
        ("FROM:<jürgen@bücher.example>", "jürgen@bücher.example"),
        ("FROM:<a/b=c!d%e@example.net>", "a/b=c!d%e@example.net"),
    ],
)
def test_reverse_paths(argument: str, address: str) -> None:
    sender, parameters = parse_reverse_path(argument)
    assert str(sender) == address
    assert not parameters


def test_null_path_and_postmaster() -> None:
    assert parse_reverse_path("FROM:<>") == (None, {})
    assert parse_forward_path("TO:<Postmaster>") == (None, {})
    assert parse_forward_path("TO:postmaster X=1") == (None, {"X": "1"})


@pytest.mark.parametrize(
    "path",
    [
        "", "<", ">", "<bob@example.net", "bob@example.net>", "<<bob@example.net>>", "<bob@example.net>x", "<bob>", "<@example.net>",
        "<bob@>", "<bob@example..net>", "<.bob@example.net>", "<bob.@example.net>", "<bob@exa*mple.net>", "<bob@example.net,>",
        "<@a.example:>", "<@a.example>", "<@a.example bob@example.net>", '<"bob@example.net>', "<bob@[192.0.2.256]>",
        "<bob@[example]>", "<bob\\@example.net>", "<b ob@example.net>", f"<{'x' * 243}@example.net>",
        f"<x@{'x' * 64}.net>", f"<x@{'.'.join(['x' * 60] * 5)}>",
    ],
)  # fmt: skip
def test_bad_paths(path: str) -> None:
    for parse, keyword, enhanced in (
        (parse_reverse_path, "FROM:", "5.1.7"),
        (parse_forward_path, "TO:", "5.1.3"),
    ):
        with pytest.raises(BadSyntax) as refused:
            parse(keyword + path)
        assert (refused.value.code, refused.value.enhanced) == (501, enhanced)


@pytest.mark.parametrize(
    "argument", ["", "<bob@example.net>", "TO <bob@example.net>", "FRO:<bob@example.net>"]
)
def test_the_keyword_and_its_colon_are_needed(argument: str) -> None:
    with pytest.raises(BadSyntax) as refused:
        parse_reverse_path(argument)
    assert (refused.value.code, refused.value.enhanced) == (501, "5.5.4")


def test_parameters() -> None:
    assert parse_parameters(" SIZE=1  body=8BITMIME X-Y ") == {"SIZE": "1", "BODY": "8BITMIME", "X-Y": None}
    for text in ("=1", "-X=1", "X=", "X=a=b", "X=1 x=2", "X\u00e4=1", " ".join(f"X{i}" for i in range(21))):
        with pytest.raises(BadSyntax):
            parse_parameters(text)


def test_hosts() -> None:
    for name in (
        "client.example",
        "[192.0.2.1]",
        "[IPv6:2001:db8::1]",
        "my_computer",
        "localhost",
        "PC-Müller",
    ):
        assert parse_host(name) == name
    assert parse_host("two words") == "two"
    for name in ("", "x" * 256):
        with pytest.raises(BadSyntax):
            parse_host(name)


def test_nothing() -> None:
    parse_nothing("")
    with pytest.raises(BadSyntax):
        parse_nothing("x")


def test_xtext() -> None:
    assert decode_xtext("e+3Dmc2@example.com") == "e=mc2@example.com"
    assert decode_xtext("J+C3+BCrgen") == "Jürgen"
    assert decode_xtext("<>") == "<>"
    for text in ("a=b", "a+b", "a+3d", "a b", "ü", "+C3"):
        assert decode_xtext(text) is None


def test_base64() -> None:
    assert decode_base64(b"") == b""
    assert decode_base64(b"cXV1eA==") == b"quux"
    for text in (b"c", b"cXV1eA", b"cXV1eA==x", b"c X=", b"=", b"\xff", b"cXV1\r"):
        assert decode_base64(text) is None
    assert decode_initial_response("=") == b""
    assert decode_initial_response("cXV1eA==") == b"quux"
    assert decode_initial_response("ü") is None


PARSERS: list[Callable[[str], Any]] = [
    parse_reverse_path,
    parse_forward_path,
    parse_parameters,
    parse_host,
    parse_nothing,
]
PIECES = [
    "FROM:",
    "TO:",
    "<",
    ">",
    "@",
    ":",
    ",",
    '"',
    "\\",
    "[",
    "]",
    " ",
    "=",
    ".",
    "a",
    "example.net",
    "ü",
    "+",
    "x" * 300,
]


@given(
    st.lists(st.sampled_from(PIECES) | st.characters(exclude_categories=["Cc", "Cs"]), max_size=30).map(
        "".join
    )
)
@settings(deadline=None, max_examples=200)
def test_whatever_is_said_is_read_or_refused(text: str) -> None:
    for parse in PARSERS:
        for prefix in ("", "FROM:", "TO:<"):
            assert refusal(parse, prefix + text) in (None, 5)


def refusal(parse: Callable[[str], Any], text: str) -> int | None:
    """The class of the refusal's code."""
    try:
        parse(text)
    except BadSyntax as refused:
        return refused.code // 100
    return None


@pytest.mark.parametrize("unit", ["@a", "@a,", '"', '\\"', "<", "a.", "@[", "[", "a@"])
def test_long_paths_take_no_time(unit: str) -> None:
    """A line is at most 2,048 octets; this is ten times as long, and would take minutes if it went back and forth."""
    with pytest.raises(BadSyntax):
        parse_reverse_path("FROM:<" + unit * 20_000)
