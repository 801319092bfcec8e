"""Reading a message, beside the standard library."""

from __future__ import annotations

import base64
import email
import email.policy
import timeit
from collections.abc import Callable, Iterator
from functools import partial

from row import OURS, Figure, Given, Row

from correo.mail.message import bodystructure, envelope, read_header, scan, summarise, unpack

TRACE = b"".join(
    b"Received: from mx%d.example.org (mx%d.example.org [192.0.2.%d])\r\n"
    b"\tby mail.example.net with ESMTPS id 4Xabcdef%d\r\n"
    b"\tfor <joe@example.net>; Fri, 13 Nov 2026 10:00:0%d +0100\r\n" % (n, n, n, n, n)
    for n in range(4)
)
HEADER = TRACE + (
    b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=sel;\r\n"
    b"\th=from:to:subject:date; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=abc\r\n"
    b"From: Jane Doe <jane@example.org>\r\n"
    b'To: "Doe, Joe" <joe@example.net>, bob@example.net\r\n'
    b"Cc: =?utf-8?q?J=C3=BCrgen?= <juergen@example.com>\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= aus Wien\r\n"
    b"Date: Fri, 13 Nov 2026 10:00:00 +0100\r\n"
    b"Message-ID: <abc.123@example.org>\r\nIn-Reply-To: <x@example.net>\r\n"
    b"References: <w@example.net> <x@example.net>\r\nMIME-Version: 1.0\r\n"
)
PLAIN = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
HTML = PLAIN.replace(b"plain", b"html")
PDF = (
    b"Content-Type: application/pdf; name=report.pdf\r\nContent-Transfer-Encoding: base64\r\n"
    b"Content-Disposition: attachment; filename=report.pdf\r\n\r\n"
)
LINE = b"Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam.\r\n"


def alternative(repeat: int) -> bytes:
    return b"".join(
        (
            HEADER,
            b'Content-Type: multipart/alternative; boundary="=_0123456789abcdef"\r\n\r\n',
            b"--=_0123456789abcdef\r\n" + PLAIN + LINE * repeat,
            b"\r\n--=_0123456789abcdef\r\n" + HTML + LINE * repeat,
            b"\r\n--=_0123456789abcdef--\r\n",
        )
    )


def with_attachment(size: int) -> bytes:
    octets = bytes(range(251)) * (size // 251)
    return b"".join(
        (
            HEADER,
            b'Content-Type: multipart/mixed; boundary="=_0123456789abcdef"\r\n\r\n',
            b"--=_0123456789abcdef\r\n" + PLAIN + LINE,
            b"\r\n--=_0123456789abcdef\r\n" + PDF + base64.encodebytes(octets).replace(b"\n", b"\r\n"),
            b"\r\n--=_0123456789abcdef--\r\n",
        )
    )


def best(work: Callable[[], object], budget: float) -> float:
    """Milliseconds of the fastest of several runs in so many seconds."""
    timer = timeit.Timer(work)
    count = max(1, int(budget / 5 / max(timer.timeit(1), 1e-6)))
    return min(timer.repeat(5, count)) / count * 1e3


def foreign(data: bytes) -> None:
    message = email.message_from_bytes(data, policy=email.policy.default)
    for part in message.walk():
        part.get_content_type()
    for name in ("From", "To", "Cc", "Subject", "Date", "Message-ID"):
        str(message[name])


def answered(data: bytes) -> None:
    """What IMAP's ENVELOPE and BODYSTRUCTURE take."""
    bodystructure(data, scan(data))
    envelope(read_header(data)[0])


CASES = (
    ("5 KB multipart/alternative", alternative(25)),
    ("50 KB multipart/alternative", alternative(360)),
    ("500 KB with an attachment", with_attachment(370_000)),
    ("5 MB with an attachment", with_attachment(3_700_000)),
)


def one_round(given: Given, number: int) -> Iterator[Figure]:
    budget = 0.01 if given.quick else 0.4
    for title, data in CASES[: 1 if given.quick else len(CASES)]:
        packed = summarise(data).parts
        yield Figure(f"scan, {title}", OURS, best(partial(scan, data), budget), "ms")
        yield Figure(
            f"ENVELOPE and BODYSTRUCTURE, {title}", OURS, best(partial(answered, data), budget), "ms"
        )
        yield Figure(
            f"ENVELOPE and BODYSTRUCTURE, {title}",
            "email of the standard library",
            best(partial(foreign, data), budget),
            "ms",
        )
        yield Figure(f"all that is kept of it, {title}", OURS, best(partial(summarise, data), budget), "ms")
        yield Figure(f"its parts, read again, {title}", OURS, best(partial(unpack, packed), budget), "ms")


ROW = Row(
    "message_scan",
    "reading the structure of messages",
    "The fastest of several runs, in this process. The standard library parses the same message and reads six of its fields.",
    one_round,
)
