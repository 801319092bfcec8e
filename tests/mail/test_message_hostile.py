"""What would bring down a careless parser: everything must come back in linear time.

Bounds are in processor time and generous; anything quadratic would take minutes on these sizes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from correo.mail.message import (
    bodystructure,
    decode_words,
    encode_words,
    header_subset,
    parse_addresses,
    parse_date,
    scan,
    searchable,
    summarise,
)
from correo.mail.message.comments import without_comments
from correo.mail.message.params import content_type, disposition
from correo.mail.message.text import decode_base64

MB = 1_000_000
SECONDS = 2.0

A = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n"


def filled(shred: bytes, size: int = MB) -> bytes:
    return (shred * (size // len(shred) + 1))[:size]


MESSAGES = {
    "delimiters": A + filled(b"--a\r\n"),
    "delimiters and blanks": A + filled(b"--a" + b" " * 1_000),
    "almost delimiters": A + b"--a\r\n\r\n" + filled(b"--ab\r\n"),
    "hyphens": A + filled(b"-"),
    "hyphen lines": A + filled(b"--\r\n"),
    "boundary of one letter repeated": b"Content-Type: multipart/mixed; boundary=" + b"a" * 900 + b"\r\n\r\n" + filled(b"a"),
    "boundary that nearly matches": (
        b"Content-Type: multipart/mixed; boundary=" + b"a" * 69 + b"b\r\n\r\n" + filled(b"--" + b"a" * 70)
    ),
    "headers": filled(b"A: b\r\n") + b"\r\n",
    "one header in pieces": b"A: b\r\n" + filled(b" c\r\n") + b"\r\n",
    "one header line": b"A:" + filled(b" "),
    "no header at all": filled(b"a"),
    "blank lines": filled(b"\r\n"),
    "carriage returns": b"A: b" + filled(b"\r"),
    "colons": filled(b":"),
    "NUL": filled(b"\0"),
    "multiparts in multiparts": b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(10_000)
    ),
    "same boundary all the way": filled(A + b"--a\r\n"),
    "prefixes all the way": b"".join(
        b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n--%b\r\n" % (b"a" * n, b"a" * n) for n in range(1, 33)
    )
    + filled(b"--" + b"a" * 33 + b"\r\n"),
    "messages in messages": filled(b"Content-Type: message/rfc822\r\n\r\n"),
    "messages in digests": filled(b"Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n\r\n"),
    "many parts with long headers": A + filled(b"--a\r\n" + b"X: y\r\n" * 100 + b"\r\n"),
    "parameters": b"Content-Type: text/plain" + filled(b"; a=b") + b"\r\n\r\n",
    "semicolons": b"Content-Type: text/plain" + filled(b";") + b"\r\n\r\n",
    "semicolons and blanks": b"Content-Type: text/plain" + filled(b"; ") + b"\r\n\r\n",
    "pieces of a parameter": b"Content-Type: a/b" + b"".join(b"; x*%d*=%%" % n for n in range(50_000)) + b"\r\n\r\n",
    "languages": b"Content-Language:" + filled(b"a,") + b"\r\n\r\n",
}  # fmt: skip


def within_bounds(work: Callable[[], object]) -> None:
    began = time.process_time()
    work()
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("name", MESSAGES)
def test_messages(name: str) -> None:
    data = MESSAGES[name]
    within_bounds(lambda: summarise(data))
    within_bounds(lambda: sum(map(len, searchable(data, scan(data)))))
    assert len(bodystructure(data, scan(data))) <= 4 * len(data) + 200_000


SHREDS = [b"(", b"((a)", b"<", b'"', b'"\\', b"\\", b"=?", b"=?a?q?", b"=?utf-8?b?=?", b",", b";", b":", b"@", b"<@a,", b"a ",
          b" ", b"a.", b"[", b"g:;", b"a@b,", b"a b <c@d>, ", b"\r\n ", b"\xff", b"=?utf-8?q?=C3?= ", b"=?x?q??=",
          b"'", b"%", b"x*0=", b"1 ", b"Mon, "]  # fmt: skip


@pytest.mark.parametrize("shred", SHREDS, ids=repr)
def test_values(shred: bytes) -> None:
    """Many times what a field may sensibly hold, in each kind of field that is taken apart."""
    value = filled(shred, 100_000)
    for name in (b"From", b"Subject", b"Content-Type"):
        within_bounds(lambda data=name + b": " + value + b"\r\n\r\n": summarise(data))  # type: ignore[misc]
    short = value[:30_000]
    within_bounds(lambda: (without_comments(short), parse_date(short), disposition(b"a; x=" + short)))
    within_bounds(lambda: (content_type(b"a/b; " + short), parse_addresses(short), decode_words(short)))


@pytest.mark.parametrize(
    "value", [b"From: " + filled(b"("), b"To: " + filled(b'"\\'), b"Subject: " + filled(b"=?")]
)
def test_a_megabyte_in_one_field(value: bytes) -> None:
    within_bounds(lambda: summarise(value + b"\r\n\r\n"))


def test_other_work() -> None:
    within_bounds(lambda: header_subset(filled(b"A: b\r\n"), [b"a", b"c"]))
    within_bounds(lambda: decode_base64(filled(b"A=")))
    within_bounds(lambda: encode_words("ü" * 50_000))
    within_bounds(lambda: decode_words(encode_words("ü" * 50_000)))
