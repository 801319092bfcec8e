"""Binary parts with NUL in base64, and nothing else touched."""

from __future__ import annotations

import pytest

from correo.mail.message import decode_body, scan, without_nul
from correo.mail.message.sections import find_part

BINARY = b"Content-Transfer-Encoding: Binary\r\n"
INSIDE = (
    b"Content-Type: multipart/mixed; boundary=X\r\n" + BINARY + b"\r\npreamble\r\n--X\r\n\r\ntext\r\n"
    b"--X\r\nContent-Type: a/b\r\n" + BINARY + b"\r\n%b\r\n--X--\r\nepilogue\r\n"
)


def test_a_message_of_one_part() -> None:
    changed = without_nul(b"A: binary\r\n" + BINARY + b"\r\n" + bytes(100))
    assert changed
    assert changed.startswith(b"A: binary\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA")
    assert max(map(len, changed.splitlines())) == 76
    assert decode_body(changed, scan(changed)) == bytes(100)


def test_a_part_among_others() -> None:
    octets = b"\x00\xff\r\n" * 30
    changed = without_nul(INSIDE % octets)
    assert changed
    part = find_part(scan(changed), (2,))
    assert part
    assert part.encoding == "base64"
    assert decode_body(changed, part) == octets
    assert scan(changed).encoding == "8bit"
    assert changed.endswith(b"\r\n--X--\r\nepilogue\r\n")


def test_without_nul_nothing_changes() -> None:
    assert without_nul(INSIDE % b"abc") == INSIDE % b"abc"


@pytest.mark.parametrize(
    "data",
    [
        b"A: \0\r\n\r\n",
        b"A: b\r\n\r\n\0",
        BINARY.replace(b"Binary", b"8bit") + b"\r\n\0",
        (INSIDE % b"\0").replace(b"preamble", b"\0"),
    ],
)
def test_nul_where_it_must_not_be_encoded(data: bytes) -> None:
    assert without_nul(data) is None
