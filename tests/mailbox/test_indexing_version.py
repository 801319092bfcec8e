"""Whoever changes what searches look through has to say so, or mail that was indexed before is missed."""

from __future__ import annotations

from hashlib import blake2b

from correo.mail.message import scan
from correo.mailbox.indexing import VERSION, text_of

# Of each version: what it makes of the messages below. A text that has become another needs a new VERSION, and a new line here.
DIGESTS = {1: "d04c2dd6efdfb9fd"}

MESSAGES = (
    b"",
    b"no header at all\r\n",
    b"From: =?utf-8?q?Andr=C3=A9?= <Andre@Example.org>\r\nSubject: =?iso-8859-1?b?R3L832U=?= and more\r\n\r\nText\r\n",
    b"Subject: a\r\n folded\r\n\tfield\r\nsubject: twice\r\nX-Odd:\r\n\r\nLine one\r\nline TWO\r\n",
    b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>Stra=C3=9Fe &amp; Weg</p>\r\n",
    b"Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n8NLJ18XU\r\n",
    b"Content-Type: text/plain; charset=unknown\r\n\r\n\xff\xfe caf\xe9\r\n",
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n--x\r\n\r\nfirst\r\n--x\r\nContent-Type: image/png\r\n\r\nPNG\r\n"
    b'--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nTo: "A \\"quoted\\" name" <b@c>\r\n\r\nbody\r\n--x--\r\nepilogue\r\n',
    b"Content-Type: multipart/report; boundary=y\r\n\r\n--y\r\n\r\nwords\r\n--y\r\nContent-Type: message/delivery-status\r\n\r\n"
    b"Reporting-MTA: dns; mx\r\n\r\nStatus: 5.1.1\r\n--y--\r\n",
)


def test_the_version_says_what_is_indexed() -> None:
    texts = [text_of(octets, scan(octets)) for octets in MESSAGES]
    digest = blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    assert DIGESTS[VERSION] == digest, "what is indexed has changed: raise VERSION in correo.mailbox.indexing"
