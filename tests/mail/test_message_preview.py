"""Previews: what they show, and that nothing makes them slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message import preview, scan
from correo.mail.message.preview import LOOKS, MAX_PREVIEW

HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"


def of(data: bytes) -> str:
    return preview(data, scan(data))


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"A: b\r\n\r\nOne\r\n two\tthree\r\n", "One two three"),
        (b"A: b\r\n\r\n> old\r\nnew\r\n", "new"),
        (b"A: b\r\n\r\n> old\r\n> older\r\n", "> old > older"),
        (b"A: b\r\n\r\n", ""),
        (b"A: b\r\n", ""),
        (b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n", "hello"),
        (b"Content-Transfer-Encoding: quoted-printable\r\n\r\na=3Db=\r\nc\r\n", "a=bc"),
        (b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\xfc\r\n", "ü"),
        (b"Content-Disposition: attachment\r\n\r\nnot this\r\n", ""),
        (b"Content-Type: image/png\r\n\r\nnot this\r\n", ""),
        (HTML + b"<style>p {}</style><p>a<b>b</b> c&nbsp;&lt;d&gt;</p><!-- e --><br>f", "ab c <d> f"),
        (HTML + b"<html><head><title>no</title></head><body>yes", "yes"),
        (HTML + b"<script>never ends", ""),
        (HTML + b"2 < 3", "2 < 3"),
        (HTML + "a\u200c\u00ad\u034fb".encode(), "ab"),
    ],
)
def test_preview(data: bytes, shown: str) -> None:
    assert of(data) == shown


def test_plain_text_comes_before_html_and_attachments_are_passed_over() -> None:
    data = (
        b"Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\nContent-Type: text/html\r\n\r\n<p>html\r\n"
        b"--X\r\nContent-Type: text/plain\r\n\r\nplain\r\n--X\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\ninner\r\n--X--\r\n"
    )
    assert of(data) == "plain"
    assert of(data.replace(b"text/plain", b"image/png")) == "html"
    assert of(data.replace(b"multipart/mixed", b"multipart/encrypted")) == ""


def test_it_is_cut() -> None:
    assert of(b"A: b\r\n\r\n" + b"x" * 10_000) == "x" * MAX_PREVIEW


@given(st.text(max_size=300), st.sampled_from([b"A: b\r\n\r\n", HTML]))
@settings(max_examples=60, deadline=None)
def test_any_text_gives_one_short_line(text: str, header: bytes) -> None:
    shown = of(header + text.encode("utf-8", "surrogatepass"))
    assert len(shown) <= MAX_PREVIEW
    assert shown == " ".join(shown.split())
    assert shown.isprintable() or not shown.isascii()
    shown.encode()


@pytest.mark.parametrize(
    "piece",
    [b"<", b"<head", b"<!--", b"<a ", b"</a", b"<head>", b"</head", b"&", b"&#1", b"<head></head", b"> \n"],
)
def test_nothing_makes_it_slow(piece: bytes) -> None:
    data = HTML + (b"<head>" if piece == b"</head" else b"") + piece * (2 * LOOKS[-1] // len(piece))
    began = time.process_time()
    of(data)
    assert time.process_time() - began < 1.0
