"""Messages for readers who know ASCII headers alone."""

from __future__ import annotations

import email
from email.header import decode_header, make_header

from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message import encode_words, scan
from correo.mail.message.surrogate import NOWHERE, surrogate


def changed(header: str) -> str:
    out = surrogate(header.encode() + b"\r\n\r\nText\r\n")
    assert out.isascii()
    assert out.endswith(b"\r\n\r\nText\r\n")
    return out.decode().partition("\r\n\r\n")[0]


def test_what_is_ascii_stays_the_very_same() -> None:
    raw = b"Subject: x\r\n\r\nText\r\n"
    assert surrogate(raw) is raw
    body = b"Subject: x\r\n\r\nna\xc3\xafve\r\n"
    assert surrogate(body) is body


def test_texts_become_encoded_words() -> None:
    said = email.message_from_string(changed("Subject: Grüße aus Köln\r\nX-Note: ñ"))
    assert str(make_header(decode_header(said["Subject"]))) == "Grüße aus Köln"
    assert str(make_header(decode_header(said["X-Note"]))) == "ñ"


def test_latin_1_is_read_as_what_it_is() -> None:
    out = surrogate(b"Subject: Gr\xfc\xdfe\r\n\r\n")
    assert out == b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n\r\n"


def test_addresses() -> None:
    assert changed("From: Zoë <zoe@example.org>") == f"From: {encode_words('Zoë')} <zoe@example.org>"
    assert changed("From: Bob <bob@bücher.example>") == 'From: "Bob" <bob@xn--bcher-kva.example>'
    assert (
        changed("From: Bob <böb@example.org>")
        == f"From: {encode_words('Bob <böb@example.org>', 29)} <{NOWHERE}>"
    )
    assert changed("From: böb@example.org") == f"From: {encode_words('böb@example.org')} <{NOWHERE}>"


def test_lists_and_groups() -> None:
    to = 'To: "Doe, Jane" <"j d"@example.org>, Zoë <z@example.org>, Friends: a@example.org, b@example.org;, c@example.org'
    assert changed(to) == (
        'To: "Doe, Jane" <"j d"@example.org>,\r\n =?utf-8?b?Wm/Dqw==?= <z@example.org>,\r\n '
        '"Friends":a@example.org,\r\n b@example.org;,\r\n c@example.org'
    )


def test_what_has_no_form_in_ascii_is_left_out() -> None:
    assert changed("Message-ID: <ü@example.org>\r\nSubject: x\r\nÜnfug") == "Subject: x"


def test_parts_and_messages_inside() -> None:
    raw = (
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n'
        'Größe\r\n--b\r\nContent-Disposition: attachment; filename="Größe.txt"; size=3\r\n\r\nx\r\n'
        "--b\r\nContent-Type: message/global\r\n\r\nSubject: ü\r\n\r\nö\r\n--b--\r\n"
    ).encode()
    out = surrogate(raw)
    parts = scan(out).children
    assert out[parts[0].body : parts[0].end] == "Größe".encode()
    assert parts[1].filename == "Größe.txt"
    assert b"filename*=utf-8''Gr%C3%B6%C3%9Fe.txt;\r\n size=" in out
    assert (parts[2].subtype, parts[2].message is not None) == ("rfc822", True)
    assert b"\r\n\r\nSubject: =?utf-8?b?w7w=?=\r\n\r\n\xc3\xb6\r\n--b--\r\n" in out


_WORDS = (
    b"From: |To: |Subject: |Content-Type: multipart/mixed; boundary=b|\r\n--b\r\n|Content-Type: message/global\r\n\r\n|"
    b'Content-Disposition: a; filename=|\r\n|\n |\xc3\xbc|\xff|<|>|@|"|:|,|;|(|\\|x'
).split(b"|")
_PIECES = st.lists(st.one_of(st.sampled_from(_WORDS), st.binary(max_size=6)), max_size=25)


@settings(deadline=None, max_examples=300)
@given(_PIECES)
def test_whatever_comes_the_header_is_ascii(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    out = surrogate(raw)
    assert out[: len(out) - (len(raw) - scan(raw).body)].isascii() or scan(raw).children
    assert surrogate(out) == out
