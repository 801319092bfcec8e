"""Messages to begin with: well-formed ones and all kinds of broken ones, made here; and words that mean something in them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.interop.corpus import all_broken, well_formed

LONGEST = 1_500  # octets; longer ones say nothing more, and take longer

WORDS = (
    b"Content-Type: ", b"multipart/mixed; boundary=", b"multipart/alternative; boundary=\"b b\"", b"multipart/digest; boundary=b",
    b"message/rfc822", b"message/global", b"message/delivery-status", b"message/external-body", b"text/html; charset=", b"utf-8",
    b"iso-2022-jp", b"utf-7", b"windows-1252", b"us-ascii", b"--b\r\n", b"--b--\r\n", b"--", b"\r\n\r\n", b"\r\n ", b"\r\n\t",
    b"Content-Transfer-Encoding: ", b"base64", b"quoted-printable", b"x-uuencode", b"8bit", b"binary", b"begin 644 x\n", b"=\r\n", b"=3D",
    b"Content-Disposition: attachment; filename=", b"filename*=utf-8''%C3%A9", b"name*0*=", b"name*1=", b"=?utf-8?q?=C3=A9?=",
    b"=?iso-8859-1?b?6Q==?=", b"=?utf-8*en?Q?a_b?=", b"From: ", b"To: ", b"Subject: ", b"Date: ", b"Mon, 23 Nov 2026 09:53:00 +0100",
    b"Message-ID: <a@b>", b"References: ", b"In-Reply-To: ", b"Content-Language: de, en", b"Content-ID: <c@d>", b"Content-Description: ",
    b"Content-Location: x", b"Content-MD5: x", b"a@b.example", b"<a@b>", b"group: a@b, c@d;", b'"quoted \\" pair" ', b"(comment (nested))",
    b"<@a,@b:c@d>", b"<script>", b"<!--", b"&amp;", b"From x Mon Nov 23 09:53:00 2026\n",
)  # fmt: skip


def all_kinds() -> Iterator[bytes]:
    dice = Random(11)
    found = [well_formed(dice, number) for number in range(12)]
    found += [octets for _, octets in all_broken()]
    yield from (octets for octets in found if len(octets) <= LONGEST)
