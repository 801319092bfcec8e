"""Which names may be, and which are the same."""

from __future__ import annotations

import pytest

from correo.mail.errors import Kind, Refused
from correo.mailbox.names import MAX_DEPTH, MAX_NAME, canonical, checked, is_below, parents

SAME = [
    ("inbox", "INBOX"),
    ("InBoX/sub", "INBOX/sub"),
    ("INBOX/inbox", "INBOX/inbox"),
    ("inboxes", "inboxes"),
    ("inb\u00f6x", "inb\u00f6x"),
    ("\u0131nbox", "\u0131nbox"),  # a dotless i is another letter
    ("sub/inbox", "sub/inbox"),
    ("Cafe\u0301", "Caf\u00e9"),
    ("Sent Items", "Sent Items"),
    ("", ""),
]

ALLOWED = [
    "a",
    "a/b",
    " a ",
    "a.b\\c",
    "..",
    "#news",
    "\u65e5\u672c\u8a9e/\u53f0\u5317",
    "&-",
    '"quoted"',
    "no\u00a0break",
    "zero\u200djoiner",
    "x" * MAX_NAME,
    "/".join("x" * MAX_DEPTH),
]

REFUSED = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    "a*",
    "%",
    "a\r\nb",
    "a\0",
    "a\x7f",
    "a\x85b",
    "a\u2028b",
    "a\u2029b",
    "a\ud800",
    "x" * (MAX_NAME + 1),
    "\u00e9" * (MAX_NAME // 2 + 1),
    "/".join("x" * (MAX_DEPTH + 1)),
]


@pytest.mark.parametrize(("name", "same"), SAME)
def test_canonical(name: str, same: str) -> None:
    assert canonical(name) == same
    assert canonical(same) == same


@pytest.mark.parametrize("name", ALLOWED, ids=lambda name: ascii(name)[:30])
def test_allowed(name: str) -> None:
    assert checked(name) == name


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: ascii(name)[:30])
def test_refused(name: str) -> None:
    with pytest.raises(Refused) as caught:
        checked(name)
    assert caught.value.kind is Kind.BAD_NAME


def test_family() -> None:
    assert parents("a/b/c") == ["a", "a/b"]
    assert parents("a") == []
    assert is_below("a/b", "a")
    assert not is_below("ab", "a")
    assert not is_below("a", "a")
