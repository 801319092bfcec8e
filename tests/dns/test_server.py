from __future__ import annotations

import asyncio
import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from correo.dns import Rdtype, codec, server
from correo.dns.codec import Rcode, Reply
from correo.dns.server import DnsServer, respond
from correo.dns.zone import Zone

ZONE = Zone(
    """
    example.com. SOA ns.example.com. root.example.com. 1 7200 3600 1209600 300
    a.example.com. A 192.0.2.1
    b.example.com. FAIL
    """
    + "\n".join(f"big.example.com. TXT {number:0100d}" for number in range(10))
    + "\n".join(f"\nhuge.example.com. TXT {number:01000d}" for number in range(80))
)


def ask(name: str, rdtype: Rdtype, *, edns: bool = True, number: int = 1) -> codec.Query:
    return codec.write_query(name, rdtype, struct.pack("!H", number) + bytes(32), edns=edns)


def exchange(name: str, rdtype: Rdtype) -> Reply:
    query = ask(name, rdtype)
    data = respond(ZONE, query.wire, stream=False)
    assert data is not None
    assert query.matches(data)
    return codec.read_reply(query, data)


def test_codes() -> None:
    assert exchange("a.example.com", "A").records == ("192.0.2.1",)
    assert exchange("a.example.com", "MX").rcode == Rcode.NOERROR
    assert exchange("c.example.com", "MX").rcode == Rcode.NXDOMAIN
    assert exchange("b.example.com", "MX").rcode == Rcode.SERVFAIL
    assert exchange("example.org", "MX").rcode == Rcode.REFUSED


def test_sizes() -> None:
    small, large = ask("big.example.com", "TXT", edns=False), ask("big.example.com", "TXT")
    for query, limit in ((small, codec.CLASSIC_PAYLOAD), (large, codec.PAYLOAD)):
        data = respond(ZONE, query.wire, stream=False)
        assert data is not None
        assert len(data) <= limit
        assert codec.is_truncated(data) == (query is small)
    whole = respond(ZONE, small.wire, stream=True)
    assert whole is not None
    assert len(codec.read_reply(small, whole).records) == 10


def test_more_than_a_message_can_hold_is_cut_over_tcp_too() -> None:
    data = respond(ZONE, ask("huge.example.com", "TXT").wire, stream=True)
    assert data is not None
    assert codec.is_truncated(data)


def test_other_types_and_classes() -> None:
    wire = ask("a.example.com", "A").wire
    end = 12 + len("a.example.com") + 2
    unknown = respond(ZONE, wire[:end] + struct.pack("!HH", 65280, 1) + wire[end + 4 :], stream=False)
    assert unknown is not None
    assert unknown[3] & 15 == Rcode.NOERROR
    assert unknown[6:8] == b"\0\0"
    chaos = respond(ZONE, wire[:end] + struct.pack("!HH", 1, 3) + wire[end + 4 :], stream=False)
    assert chaos is not None
    assert chaos[3] & 15 == Rcode.REFUSED


def test_messages_that_are_no_query() -> None:
    wire = ask("a.example.com", "A").wire
    assert respond(ZONE, b"", stream=False) is None
    assert respond(ZONE, wire[:11], stream=False) is None
    assert respond(ZONE, wire[:2] + b"\x81" + wire[3:], stream=False) is None  # never answer an answer
    assert respond(ZONE, wire[:20], stream=False) == wire[:2] + b"\x81\x01" + bytes(8)
    notify = respond(ZONE, wire[:2] + b"\x21" + wire[3:], stream=False)
    assert notify is not None
    assert notify[3] & 15 == Rcode.NOTIMP


def test_an_edns_version_of_the_future() -> None:
    wire = bytearray(ask("a.example.com", "A").wire)
    wire[-5] = 1
    data = respond(ZONE, bytes(wire), stream=False)
    assert data is not None
    assert codec.read_reply(ask("a.example.com", "A"), data).rcode == Rcode.BADVERS


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 41), st.integers(0, 255)), max_size=5),
    st.integers(0, 42),
    st.booleans(),
)
def test_respond_never_raises(changes: list[tuple[int, int]], size: int, stream: bool) -> None:
    data = bytearray(ask("a.example.com", "A").wire)
    assert len(data) == 42
    for place, octet in changes:
        data[place] = octet
    answer = respond(ZONE, bytes(data[:size]), stream=stream)
    assert answer is None or answer[:2] == bytes(data[:2])


async def say(writer: asyncio.StreamWriter, *wires: bytes) -> None:
    writer.write(b"".join(struct.pack("!H", len(wire)) + wire for wire in wires))
    await writer.drain()


async def hear(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))


async def test_several_queries_on_one_connection() -> None:
    running = DnsServer(ZONE)
    port = await running.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    queries = [ask("a.example.com", "A", number=number) for number in (1, 2, 3)]
    await say(writer, *(query.wire for query in queries))
    for query in queries:
        assert query.matches(await hear(reader))
    await running.close()
    assert await reader.read() == b""
    await running.close()
    writer.close()


async def test_connections_that_say_nothing_or_nonsense_end() -> None:
    running = DnsServer(ZONE, idle=0.05)
    port = await running.start()
    quiet, quiet_writer = await asyncio.open_connection("127.0.0.1", port)
    mad, mad_writer = await asyncio.open_connection("127.0.0.1", port)
    await say(mad_writer, b"nonsense")
    assert await mad.read() == b""
    assert await quiet.read() == b""
    quiet_writer.close()
    mad_writer.close()
    await running.close()


async def test_there_is_a_limit_of_connections() -> None:
    running = DnsServer(ZONE)
    port = await running.start()
    wire = ask("a.example.com", "A").wire
    opened = []
    for _ in range(server.MAX_CONNECTIONS):
        opened.append(await asyncio.open_connection("127.0.0.1", port))
        await say(opened[-1][1], wire)
        await hear(opened[-1][0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b""
    for _, other in [*opened, (reader, writer)]:
        other.close()
    await running.close()


async def test_a_port_can_be_chosen() -> None:
    first = DnsServer(ZONE)
    port = await first.start()
    await first.close()
    second = DnsServer(ZONE)
    assert await second.start("127.0.0.1", port) == port
    third = DnsServer(ZONE)
    try:
        await third.start("127.0.0.1", port)
    except OSError:
        taken = True
    else:
        taken = False
    assert taken
    await second.close()
    await third.close()
