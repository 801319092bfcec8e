"""Messages that are changed for those who know no UTF-8 or no NUL, and letters that programs hand over: what comes out is one still."""

from __future__ import annotations

import io
from collections.abc import Iterator

from tests.fuzz import letters
from tests.fuzz.target import Target
from tests.fuzz.targets.mime import nested

from correo.cli.sendmail import message as sendmail
from correo.mail.message import Part, decode_body, read_header, scan, without_nul
from correo.mail.message.binary import as_lines
from correo.mail.message.surrogate import surrogate

WAYS = (b"U", b"N", b"L", b"S")


def run(octets: bytes) -> None:
    way, message = octets[:1], octets[1:]
    match way:
        case b"U":
            _surrogate(message)
        case b"N":
            _without_nul(message)
        case b"L":
            _as_lines(message)
        case _:
            _handed_over(message)


def _surrogate(message: bytes) -> None:
    said = surrogate(message)
    root = scan(message)
    if message.isascii():
        assert said == message
        return
    again = scan(said)
    assert said[: again.body].isascii(), "the header has something else than ASCII still"
    assert surrogate(said) == said or not scan(message).children, (
        "what was made plain has to be made plain again"
    )
    assert len(nested(again, 0, len(said), 0)) > 0
    if not root.children and not again.children:
        assert said[again.body :] == message[root.body :] or again.body != root.body


def _without_nul(message: bytes) -> None:
    said = without_nul(message)
    if said is None:
        assert b"\0" in message
        return
    assert b"\0" not in said
    _same_content(message, said)


def _as_lines(message: bytes) -> None:
    said = as_lines(message)
    if said is None:
        return
    assert b"\0" not in said
    assert said.count(b"\r") == said.count(b"\n") == said.count(b"\r\n")
    assert not any(part.encoding == "binary" for part in nested(scan(said), 0, len(said), 0)), (
        "something is binary still"
    )
    _same_content(message, said)


def _same_content(before: bytes, after: bytes) -> None:
    assert _content(before, scan(before)) == _content(after, scan(after)), "a part says something else"


def _content(octets: bytes, part: Part) -> object:
    inner = [_content(octets, child) for child in part.children]
    return part.type, part.subtype, part.params, inner or decode_body(octets, part)


def _handed_over(stream: bytes) -> None:
    for dots in (False, True):
        text = sendmail.read(io.BytesIO(stream), dots=dots, most=len(stream))
        assert text.count(b"\r") == text.count(b"\n") == text.count(b"\r\n")
        assert b"\0" not in text
        done = sendmail.completed(text, b"ana@here.example", "here.example")
        assert done.count(b"\r") == done.count(b"\n") == done.count(b"\r\n")
        assert read_header(done)[0].first(b"from") is not None, "a letter of nobody"


def seeds() -> Iterator[bytes]:
    for message in letters.all_kinds():
        yield from (way + message for way in WAYS)
    binary = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n--b\r\n"
    part = b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x89PNG\0\n\r\r\n--b--\r\n"
    yield from (way + binary + part for way in WAYS)
    yield "US\u00fcbject: x\r\nFrom: Gr\u00fc\u00dfe <gr\u00fcn@m\u00fcller.example>\r\nSubject: \u00e9\r\n\r\n\u00e9".encode()
    yield b"STo: bob, team\nSubject: x\n\nhello\n.\nrest\r\n.\r"


TARGET = Target(
    "rewriting", ("correo.mail.message.surrogate", "correo.mail.message.binary", "correo.cli.sendmail.message"), run, seeds,
    (*letters.WORDS, b"Content-Transfer-Encoding: binary\r\n", b"\0", b"\xc3\xa9", b"\xff", b"Resent-To: "),
)  # fmt: skip
