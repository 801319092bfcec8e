"""DNS: answers of servers to what we asked, and questions of clients to the server we have for tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from tests.fuzz.target import Target

from correo.dns import Rdtype, codec
from correo.dns.codec import UNPREDICTABLE, Malformed, write_query
from correo.dns.records import Mx, Soa, Tlsa
from correo.dns.server import respond
from correo.dns.zone import Zone

ZONE = Zone(
    """
there.example.    MX 10 mx.there.example.
there.example.    MX 20 mx2.there.example.
there.example.    TXT "v=spf1 -all"
mx.there.example. A 192.0.2.1
mx.there.example. AAAA 2001:db8::1
www.there.example. CNAME mx.there.example.
loop.there.example. CNAME loop.there.example.
_25._tcp.mx.there.example. TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
"""
)
NAMES = (
    "there.example",
    "mx.there.example",
    "www.there.example",
    "loop.there.example",
    "_25._tcp.mx.there.example",
    "x.example",
)
TYPES: tuple[Rdtype, ...] = get_args(Rdtype)
CHANCE = b"\x55" * UNPREDICTABLE
HEAD = 2  # octets that say which name was asked for which type
HEADER = 12


def run(octets: bytes) -> None:
    if len(octets) < HEAD:
        return
    query = write_query(
        NAMES[octets[0] % len(NAMES)], TYPES[octets[1] % len(TYPES)], CHANCE, edns=octets[0] > 127
    )
    data = octets[HEAD:]
    _read(query, data)
    # With the header and the question of a true answer, so that what comes behind is looked at.
    if len(data) > 8:
        front = (
            query.wire[:2] + b"\x81" + data[:1] + query.wire[4:6] + data[1:7] + query.wire[HEADER : query.end]
        )
        _read(query, front + data[7:])
    for stream in (False, True):
        answer = respond(ZONE, data, stream=stream)
        assert answer is None or len(answer) >= HEADER


def _read(query: codec.Query, data: bytes) -> None:
    if not query.matches(data):
        return
    codec.is_truncated(data)
    query.same_case(data)
    try:
        reply = codec.read_reply(query, data)
    except Malformed:
        return
    assert len(reply.records) <= codec.MAX_RECORDS
    assert 0 <= reply.ttl <= 0x7FFFFFFF
    for record in reply.records:
        match record:
            case Mx(preference, _):
                assert 0 <= preference < 1 << 16
            case Tlsa(usage, selector, matching, _):
                assert max(usage, selector, matching) < 256
            case Soa() | bytes():
                pass
            case str():
                assert record == record.lower()


def seeds() -> Iterator[bytes]:
    for number, name in enumerate(NAMES):
        for kind, rdtype in enumerate(TYPES):
            query = write_query(name, rdtype, CHANCE, edns=number % 2 == 0)
            yield bytes((number, kind)) + query.wire
            answer = respond(ZONE, query.wire, stream=False)
            if answer is not None:
                yield bytes((number, kind)) + answer


TARGET = Target(
    "dns", ("correo.dns.codec", "correo.dns.server", "correo.dns.names", "correo.dns.zone"), run, seeds,
    (b"\xc0\x0c", b"\xc0\xff", b"\x00\x00\x29", b"\x00\x0f\x00\x01", b"\x00\x05\x00\x01", b"\x00\x34\x00\x01", b"\x3f", b"\x85\x00", b"\x81\x80"),
    most=700,
)  # fmt: skip
