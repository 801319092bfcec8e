"""Encoded-words and charsets."""

from __future__ import annotations

from email.header import decode_header, make_header

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message import decode_words, encode_words
from correo.mail.message.charsets import codec_for, decode, guess


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain text", "plain text"),
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe_aus?= Wien", "Grüße aus Wien"),
        (b"=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
        (b"=?iso-8859-1?Q?Andr=E9?= Pirard", "André Pirard"),
        # RFC 2047 §8: blanks between two words vanish, others stay
        (b"(=?ISO-8859-1?Q?a?=)", "(a)"),
        (b"(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=  \r\n\t =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a_b?=", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        # RFC 2231 §5: a language after the charset
        (b"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
        # a character cut in two, in both encodings
        (b"=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        (b"=?utf-8?b?w7w=?= =?utf-8?q?=C3=BC?=", "üü"),
        (b"=?utf-8?q?a?= and =?utf-8?q?b?=", "a and b"),
        (b"=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
        # damage
        (b"=?utf-8?b?R3L!!DvMOfZQ?=", "Grüße"),
        (b"=?utf-8?b?A?=", ""),
        (b"=?utf-8?q?100%_=?=", "100% "),
        (b"=?utf-8?q?=ZZ?=", "=ZZ"),
        (b"=?utf-8?q?with blanks in it?=", "with blanks in it"),
        (b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        (b"=?utf-8?q?never closed", "=?utf-8?q?never closed"),
        (b"=?x-unknown?q?a=FFb?=", "a\ufffdb"),
        (b"=?us-ascii?q?=C3=BC?=", "ü"),
        # RFC 6532 and what came before it
        ("Grüße".encode(), "Grüße"),
        (b"Gr\xfc\xdfe \x80", "Grüße €"),
        (b"=?utf-8?q?=E2=82=AC?= \xc3\xbc", "€ ü"),
        (b"", ""),
    ],
)
def test_decode(value: bytes, text: str) -> None:
    assert decode_words(value) == text


def test_decode_takes_text_too() -> None:
    assert decode_words("=?utf-8?q?=C3=BC?= ü") == "ü ü"


def test_plain_text_is_written_as_it_is() -> None:
    assert encode_words("Undelivered mail returned to sender") == "Undelivered mail returned to sender"


@pytest.mark.parametrize(
    "text", ["Grüße", "日本語のメール" * 20, "a=?b", "=?utf-8?q?x?=", "ü" * 300, "🎉" * 50]
)
def test_words_are_short_enough_and_read_back(text: str) -> None:
    written = encode_words(text, used=len("Subject: "))
    assert written.isascii()
    lines = written.split("\r\n ")
    assert all(len(line) <= 75 for line in lines)
    assert len("Subject: " + lines[0]) <= 78
    assert decode_words(written) == text
    assert str(make_header(decode_header(written))) == text


def test_no_text_can_add_a_field() -> None:
    assert encode_words("Hi\r\nBcc: all@example.org") == "Hi Bcc: all@example.org"
    assert "\n" not in encode_words("ü\nBcc: x").replace("\r\n ", "")


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=120), st.integers(0, 80))
def test_round_trip(text: str, used: int) -> None:
    written = encode_words(text, used)
    assert written.isascii()
    assert decode_words(written) == text


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.sampled_from([b"=?", b"?=", b"utf-8", b"?q?", b"?B?", b"=", b"?", b"\xff", b" ", b"QQ"]),
        max_size=15,
    )
)
def test_anything_decodes_to_text_that_can_be_stored(pieces: list[bytes]) -> None:
    decode_words(b"".join(pieces)).encode()


@pytest.mark.parametrize(
    ("octets", "charset", "text"),
    [
        (b"\xe4", "ISO-8859-1", "ä"),
        (b"\x93x\x94", "iso-8859-1", "“x”"),
        (b"\xa4", "iso-8859-15", "€"),
        (b"\xcf\xf0", "windows-1251", "Пр"),
        (b"\xf0\xd2", "KOI8-R", "Пр"),
        ("Пр".encode("koi8-u"), "koi8-u", "Пр"),
        ("日本".encode("iso-2022-jp"), "ISO-2022-JP", "日本"),
        ("日本".encode("cp932"), "Shift_JIS", "日本"),
        ("中文".encode("gbk"), "gb2312", "中文"),
        ("한국".encode("cp949"), "ks_c_5601-1987", "한국"),
        ("ü".encode(), "utf8", "ü"),
        ("ü".encode(), "us-ascii", "ü"),
        (b"\xfc", "us-ascii", "ü"),
        (b"a\xff", "utf-8", "a\ufffd"),
        (b"a\xff", "no-such-charset", "a\ufffd"),
        (b"a\xff", "x" * 10_000, "a\ufffd"),
        (b"+2AA-", "utf-7", "?"),
        (b"abc", "", "abc"),
        (b"abc\x00", "utf-16\0", "abc\x00"),
    ],
)
def test_charsets(octets: bytes, charset: str, text: str) -> None:
    assert decode(octets, charset) == text


@pytest.mark.parametrize(
    "name",
    [
        "idna",
        "punycode",
        "unicode_escape",
        "rot13",
        "hex",
        "zlib",
        "bz2",
        "undefined",
        "base64",
        "mbcs",
        "uu",
    ],
)
def test_codecs_that_are_no_charsets(name: str) -> None:
    assert decode(b"xn--abc \\u0041", name) == "xn--abc \\u0041"


def test_labels() -> None:
    assert codec_for(" UTF-8 ") == codec_for("utf8") == "utf_8"
    assert codec_for("latin1") == codec_for("ISO_8859-1") == "cp1252"
    assert codec_for("utf-9") is None


def test_guess() -> None:
    assert guess("ü".encode()) == guess(b"\xfc") == "ü"
