"""The header that a load balancer puts in front: read to its last octet and not further, the same however it arrives."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from tests.fuzz.target import Target, cuts

from correo.wire.proxy import MAX_BINARY, MAX_TEXT, SIGNATURE, Malformed, Origin, ProxyReader, Relayed, crc32c


def read(pieces: list[bytes]) -> tuple[Origin | None, int]:
    """What was said, and how many octets belong to it."""
    reader = ProxyReader()
    stream, taken = b"".join(pieces), 0
    for piece in pieces:
        end = taken + len(piece)
        while taken < end and reader.origin is None:
            assert 0 < reader.wanted <= 16 + MAX_BINARY
            size = min(reader.wanted, end - taken)
            reader.feed(stream[taken : taken + size])
            taken += size
    if reader.origin is None:
        reader.feed(b"")
        assert isinstance(reader.origin, Malformed)
    return reader.origin, taken


def run(octets: bytes) -> None:
    ways = cuts(octets)
    whole = read(next(ways))
    for pieces in ways:
        assert read(pieces) == whole, "another client when it comes in other pieces"
    origin, taken = whole
    assert taken <= MAX_TEXT or octets.startswith(SIGNATURE)
    if isinstance(origin, Relayed):
        for address, port in (origin.source, origin.destination):
            assert str(ipaddress.ip_address(address)) == address
            assert 0 <= port < 1 << 16
        _written_again(origin)


def _written_again(origin: Relayed) -> None:
    (source, port), (destination, to) = origin.source, origin.destination
    if (":" in source) is (":" in destination):
        family = 6 if ":" in source else 4
        line = f"PROXY TCP{family} {source} {destination} {port} {to}\r\n".encode()
        assert read([line, b"EHLO x\r\n"]) == (origin, len(line))


def seeds() -> Iterator[bytes]:
    yield b"PROXY TCP4 192.0.2.1 192.0.2.2 12345 25\r\nEHLO x\r\n"
    yield b"PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 1 65535\r\n"
    yield b"PROXY UNKNOWN anything\r\n"
    four = bytes((192, 0, 2, 1, 192, 0, 2, 2, 48, 57, 0, 25))
    six = ipaddress.ip_address("2001:db8::1").packed * 2 + bytes((0, 1, 0, 25))
    for command, family, body in (
        (0x21, 0x11, four),
        (0x21, 0x21, six),
        (0x20, 0x00, b""),
        (0x21, 0x31, bytes(216)),
        (0x21, 0x11, four + b"\x04\0\2xx"),
    ):
        yield SIGNATURE + bytes((command, family)) + len(body).to_bytes(2, "big") + body + b"EHLO x\r\n"
    head = SIGNATURE + bytes((0x21, 0x11, 0, len(four) + 7)) + four + b"\x03\0\4"
    yield head + crc32c(head + bytes(4)).to_bytes(4, "big")


TARGET = Target(
    "proxy", ("correo.wire.proxy",), run, seeds,
    (SIGNATURE, b"PROXY ", b"TCP4 ", b"TCP6 ", b"UNKNOWN", b"\r\n", b"::", b"255.255.255.255", b"\x21\x11", b"\x03\0\4", b"\x10\0", b" 0 "), most=600,
)  # fmt: skip
