"""The header of the PROXY protocol, whole, in pieces, and wrong in every way."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from correo.wire.proxy import (
    MAX_BINARY,
    MAX_TEXT,
    SIGNATURE,
    Malformed,
    Origin,
    Own,
    ProxyReader,
    Relayed,
    crc32c,
)

FOUR = Relayed(("192.0.2.7", 40_000), ("198.51.100.1", 25))
SIX = Relayed(("2001:db8::7", 40_000), ("2001:db8::1", 25))


def binary(command: int, family: int, body: bytes, size: int | None = None) -> bytes:
    return (
        SIGNATURE + bytes((command, family)) + (len(body) if size is None else size).to_bytes(2, "big") + body
    )


def addresses(relayed: Relayed) -> bytes:
    (source, from_port), (destination, to_port) = relayed.source, relayed.destination
    packed = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    return packed + from_port.to_bytes(2, "big") + to_port.to_bytes(2, "big")


def read(octets: bytes, piece: int = 10_000) -> tuple[Origin | None, bytes]:
    """The origin, and what the reader has left untouched."""
    reader = ProxyReader()
    while reader.origin is None and octets:
        size = min(reader.wanted, piece)
        assert size > 0
        reader.feed(octets[:size])
        octets = octets[size:]
    return reader.origin, octets


GOOD = [
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\r\n", FOUR),
    (b"PROXY TCP6 2001:db8::7 2001:DB8:0:0::1 40000 25\r\n", SIX),
    (
        b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:c000:207 1 2\r\n",
        Relayed(("192.0.2.7", 1), ("192.0.2.7", 2)),
    ),
    (b"PROXY UNKNOWN\r\n", Own()),
    (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", Own()),
    (binary(0x21, 0x11, addresses(FOUR)), FOUR),
    (binary(0x21, 0x21, addresses(SIX)), SIX),
    (binary(0x21, 0x11, addresses(FOUR) + b"\x04\x00\x03abc\x01\x00\x00"), FOUR),
    (binary(0x21, 0x00, b""), Own()),
    (binary(0x21, 0x31, bytes(216)), Own()),
    (binary(0x20, 0x00, b""), Own()),
    (binary(0x20, 0x11, b"whatever"), Own()),
    (
        binary(0x21, 0x21, ipaddress.ip_address("::ffff:192.0.2.7").packed * 2 + b"\x00\x01\x00\x02"),
        Relayed(("192.0.2.7", 1), ("192.0.2.7", 2)),
    ),
]

BAD = [
    b"EHLO client.example\r\n",
    b"proxy TCP4 192.0.2.7 198.51.100.1 40000 25\r\n",
    b"PROXY  TCP4 192.0.2.7 198.51.100.1 40000 25\r\n",
    b"PROXY TCP4 192.0.2.7  198.51.100.1 40000 25\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 25 \r\n",
    b"PROXY TCP4 192.0.2.256 198.51.100.1 40000 25\r\n",
    b"PROXY TCP4 192.0.02.7 198.51.100.1 40000 25\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 25\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 040 25\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 +40 25\r\n",
    b"PROXY TCP4 2001:db8::7 2001:db8::1 40000 25\r\n",
    b"PROXY TCP6 192.0.2.7 198.51.100.1 40000 25\r\n",
    b"PROXY UDP4 192.0.2.7 198.51.100.1 40000 25\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\nEHLO",
    b"PROXY UNKNOWN " + b"x" * MAX_TEXT + b"\r\n",
    binary(0x11, 0x11, addresses(FOUR)),
    binary(0x22, 0x11, addresses(FOUR)),
    binary(0x21, 0x12, addresses(FOUR)),
    binary(0x21, 0x22, addresses(SIX)),
    binary(0x21, 0x41, addresses(SIX)),
    binary(0x21, 0x11, addresses(FOUR)[:-1]),
    binary(0x21, 0x31, bytes(215)),
    binary(0x21, 0x11, addresses(FOUR) + b"\x04"),
    binary(0x21, 0x11, addresses(FOUR) + b"\x04\x00\x04abc"),
    binary(0x21, 0x11, addresses(FOUR) + b"\x03\x00\x04\x00\x00\x00\x00"),
    binary(0x21, 0x11, addresses(FOUR) + b"\x03\x00\x00"),
    binary(0x21, 0x11, b"", MAX_BINARY + 1),
]


@pytest.mark.parametrize("piece", [1, 7, 10_000])
@pytest.mark.parametrize(("header", "origin"), GOOD)
def test_a_good_header_is_read_and_not_an_octet_more(header: bytes, origin: Origin, piece: int) -> None:
    assert read(header + b"EHLO client.example\r\n", piece) == (origin, b"EHLO client.example\r\n")


@pytest.mark.parametrize("piece", [1, 10_000])
@pytest.mark.parametrize("header", BAD)
def test_a_bad_header_is_refused(header: bytes, piece: int) -> None:
    assert isinstance(read(header, piece)[0], Malformed)


@pytest.mark.parametrize(("header", "origin"), GOOD)
def test_a_header_that_breaks_off_is_refused(header: bytes, origin: Origin) -> None:
    for size in range(len(header)):
        reader = ProxyReader()
        sent = header[:size]
        while sent:
            taken = min(reader.wanted, len(sent))
            reader.feed(sent[:taken])
            sent = sent[taken:]
        assert reader.origin is None
        reader.feed(b"")
        assert isinstance(reader.origin, Malformed)


def test_the_checksum_is_compared() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    blank = binary(0x21, 0x11, addresses(FOUR) + b"\x03\x00\x04\x00\x00\x00\x00\x04\x00\x01x")
    at = blank.index(b"\x03\x00\x04\x00\x00\x00\x00") + 3
    whole = blank[:at] + crc32c(blank).to_bytes(4, "big") + blank[at + 4 :]
    assert read(whole) == (FOUR, b"")
    assert isinstance(read(whole[:-1] + b"y")[0], Malformed)


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]),
)
@example(b"\xff\xff" + bytes(300), SIGNATURE + b"\x21\x11")
@settings(deadline=None, max_examples=200)
def test_anything_ends(octets: bytes, opening: bytes) -> None:
    origin, rest = read(opening + octets)
    assert origin is not None or not rest
