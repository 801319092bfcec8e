"""Microseconds for reading a message, beside the standard library: `python bench/message_scan.py`."""

from __future__ import annotations

import base64
import email
import email.policy
import timeit
from collections.abc import Callable

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


def best(work: Callable[[], object], budget: float = 0.4) -> float:
    """Microseconds of the fastest of several runs."""
    timer = timeit.Timer(work)
    count = max(1, int(budget / 5 / max(timer.timeit(1), 1e-6)))
    return min(timer.repeat(5, count)) / count * 1e6


def foreign(data: bytes) -> None:
    message = email.message_from_bytes(data, policy=email.policy.default)
    for part in message.walk():
        part.get_content_type()
    for name in ("From", "To", "Cc", "Subject", "Date", "Message-ID"):
        str(message[name])


def main() -> None:
    print(f"{'':34}{'scan':>8}{'+ENV+BS':>9}{'summarise':>11}{'unpack':>8}{'stdlib email':>14}   us")
    cases = (
        ("5 KB multipart/alternative", alternative(25)),
        ("50 KB multipart/alternative", alternative(360)),
        ("500 KB with an attachment", with_attachment(370_000)),
        ("5 MB with an attachment", with_attachment(3_700_000)),
    )
    for title, data in cases:
        packed = summarise(data).parts

        def three(data: bytes = data) -> None:
            bodystructure(data, scan(data))
            envelope(read_header(data)[0])

        row = [
            best(lambda data=data: scan(data)),  # type: ignore[misc]
            best(three),
            best(lambda data=data: summarise(data)),  # type: ignore[misc]
            best(lambda packed=packed: unpack(packed)),  # type: ignore[misc]
            best(lambda data=data: foreign(data)),  # type: ignore[misc]
        ]
        print(f"{title:28}{len(data):6d}" + "{:8.1f}{:9.1f}{:11.1f}{:8.1f}{:14.1f}".format(*row))


if __name__ == "__main__":
    main()
