"""Values of header fields: addresses, dates, encoded-words, parameters; what is written is read back alike."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from tests.fuzz import letters
from tests.fuzz.target import Target
from tests.fuzz.targets.mime import read_list

from correo.mail.instant import MINUTE, SECOND, rfc5322_date
from correo.mail.message import (
    decode_words,
    encode_words,
    folded,
    parse_addresses,
    parse_date,
    read_header,
    unfold,
)
from correo.mail.message.addresses import MAX_ADDRESSES
from correo.mail.message.comments import without_comments
from correo.mail.message.envelope import envelope
from correo.mail.message.params import MAX_PARAMETERS, content_type, decoded, disposition
from correo.mail.message.subjects import base_subject
from correo.mail.message.words import MAX_WORD

LONGEST_LINE = 998


def run(octets: bytes) -> None:
    _addresses(octets)
    _dates(octets)
    _words(octets)
    _parameters(octets)
    assert len(unfold(octets)) <= len(octets)
    folded(octets.decode("utf-8", "replace"))


def _addresses(octets: bytes) -> None:
    value = unfold(octets)
    found = parse_addresses(value)
    assert len(found) <= 2 * MAX_ADDRESSES
    within = False
    for one in found:
        for text in one:
            assert text is None or len(text) <= len(value), "something was made up"
        if one.host is None and one.mailbox is not None:
            assert not within, "a group in a group"
            within = True
        elif one.mailbox is None:
            assert within, "a group ends that did not begin"
            within = False
    assert not within, "a group has no end"
    if b"\n" not in value:  # as a client is told
        told = read_list(envelope(read_header(b"From: " + value + b"\r\n\r\n")[0]))
        assert (told[2] or []) == [[text and text.replace(b"\0", b"?") for text in one] for one in found]


def _dates(octets: bytes) -> None:
    found = parse_date(octets)
    if found is None:
        return
    instant, zone = found
    assert -24 * 60 < zone < 24 * 60
    written = rfc5322_date(instant, zone)
    assert parse_date(written.encode()) == found, "our own date is another one"
    theirs = parsedate_to_datetime(written)
    assert round(theirs.timestamp()) * SECOND == instant
    offset = theirs.utcoffset()
    assert offset is None or round(offset.total_seconds()) * SECOND == zone * MINUTE


def _words(octets: bytes) -> None:
    text = decode_words(octets)
    text.encode("utf-8")
    written = encode_words(text, 9)
    assert written.isascii()
    assert "\r" not in written.replace("\r\n ", "")
    assert "\n" not in written.replace("\r\n ", ""), "a text adds a field"
    if "=?" in written:
        assert max(len(word) for word in written.split("\r\n ")) <= MAX_WORD, "a line is too long"
    # Any run of controls is a blank there, and text that has none of them is the same text.
    if text.isprintable():
        assert decode_words(written) == text, "another text is read back"
    else:
        assert decode_words(encode_words(decode_words(written))) == decode_words(written)
    base_subject(text)


def _parameters(octets: bytes) -> None:
    without_comments(octets)
    for found in (content_type(octets), disposition(octets)):
        if found is None:
            continue
        parameters = found[-1]
        assert len(parameters) <= MAX_PARAMETERS
        for name, value in parameters:
            assert name == name.lower()
            assert len(value) <= 3 * len(octets) + 2
            text = decoded(parameters, name)
            assert text is None or len(text.encode("utf-8")) <= 3 * len(octets)


def seeds() -> Iterator[bytes]:
    for message in letters.all_kinds():
        yield from (value for _, value in read_header(message)[0].items() if value)
    yield from (word.partition(b": ")[2] for word in letters.WORDS)


TARGET = Target(
    "fields", tuple(f"correo.mail.message.{name}" for name in ("addresses", "dates", "words", "params", "comments", "subjects", "envelope", "quoting")),
    run, seeds,
    (*letters.WORDS, b"Re: ", b"Fwd: [list] ", b"EST", b"-0000", b"12:60", b"31 Feb", b"99", b"1969", b"9998", b"23:59:60", b"=?x?b?"), most=600,
)  # fmt: skip
