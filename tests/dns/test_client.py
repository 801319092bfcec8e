"""The stub client against servers that are silent, broken, hostile, or only odd."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.clock import virtual
from correo.clock.virtual import SeededChance, VirtualClock
from correo.dns import DnsFailure, ResourceRecord, Status, codec, exchange
from correo.dns.client import MAX_SERVERS, StubResolver, Timing, parse_server, system_servers
from correo.dns.codec import Rcode
from correo.dns.server import DnsServer, respond
from correo.dns.zone import Zone
from correo.mail.instant import SECOND

CLOCK = VirtualClock()
QUICK = Timing(waits=(0.05, 0.05), tcp=0.05, total=5)
ZONE = Zone(
    """
    example.com. SOA . . 1 2 3 4 5
    a.example.com. A 192.0.2.1
    b.example.com. CNAME a.example.com.
    """
)

Behaviour = Callable[[bytes], list[bytes]]


class Stranger(asyncio.DatagramProtocol):
    """A server that behaves as the test says; it keeps what it was asked, and from where."""

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self.asked: list[bytes] = []
        self.ports: list[int] = []
        self.where = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port: int = transport.get_extra_info("sockname")[1]
        self.where = f"127.0.0.1:{self.port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked.append(data)
        self.ports.append(addr[1])
        for answer in self._behave(data):
            self._transport.sendto(answer, addr)


def free_by_tcp(port: int) -> bool:
    """Some connection of somebody else may have it by TCP, where a test listens as well."""
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@asynccontextmanager
async def strangers(*behaviours: Behaviour) -> AsyncIterator[list[Stranger]]:
    async with AsyncExitStack() as stack:
        found = []
        for behave in behaviours:
            while True:
                transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda behave=behave: Stranger(behave),  # type: ignore[misc]
                    local_addr=("127.0.0.1", 0),
                )
                stack.callback(transport.close)
                if free_by_tcp(protocol.port):
                    break
            found.append(protocol)
        yield found


def resolver(*servers: Stranger, timing: Timing = QUICK) -> StubResolver:
    return StubResolver([server.where for server in servers], CLOCK, SeededChance(), timing=timing)


def honest(data: bytes) -> list[bytes]:
    answer = respond(ZONE, data, stream=False)
    return [answer] if answer else []


def silent(data: bytes) -> list[bytes]:
    return []


def saying(rcode: Rcode) -> Behaviour:
    return lambda data: [codec.write_response(codec.read_request(data), rcode, limit=512)]


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The first time the first, and so on; then always the last."""
    left = list(behaviours)
    return lambda data: (left.pop(0) if len(left) > 1 else left[0])(data)


async def test_a_lost_query_is_sent_again_from_another_port_with_another_id() -> None:
    async with strangers(in_turn(silent, honest)) as (server,):
        answer = await resolver(server).lookup("a.example.com", "A")
        assert answer.records == ("192.0.2.1",)
        assert len({wire[:2] for wire in server.asked}) == 2
        assert len(set(server.ports)) == 2


async def test_the_next_server_is_asked_and_from_then_on_first() -> None:
    async with strangers(silent, honest) as (first, second):
        stub = resolver(first, second)
        for _ in range(3):
            assert (await stub.lookup("a.example.com", "A")).status is Status.OK
        assert (len(first.asked), len(second.asked)) == (1, 3)


@pytest.mark.parametrize("rcode", [Rcode.SERVFAIL, Rcode.REFUSED])
async def test_a_server_that_refuses_is_asked_once_and_the_next_at_once(rcode: Rcode) -> None:
    async with strangers(saying(rcode), honest) as (first, second):
        patient = Timing(waits=(60, 60, 60), total=60)
        assert (
            await resolver(first, second, timing=patient).lookup("a.example.com", "A")
        ).status is Status.OK
        assert (len(first.asked), len(second.asked)) == (1, 1)
    async with strangers(saying(rcode)) as (only,):
        with pytest.raises(DnsFailure, match=rcode.name):
            await resolver(only, timing=patient).lookup("a.example.com", "A")
        assert len(only.asked) == 1


@pytest.mark.parametrize("rcode", [Rcode.FORMERR, Rcode.NOTIMP])
async def test_a_server_that_does_not_know_edns(rcode: Rcode) -> None:
    def old(data: bytes) -> list[bytes]:
        return honest(data) if data[11] == 0 else [data[:2] + bytes((0x81, rcode)) + bytes(8)]

    async with strangers(old) as (server,):
        assert (await resolver(server).lookup("a.example.com", "A")).status is Status.OK
        assert [wire[11] for wire in server.asked] == [1, 0]


async def test_a_server_that_understands_nothing() -> None:
    async with strangers(saying(Rcode.FORMERR)) as (server,):
        with pytest.raises(DnsFailure, match="FORMERR"):
            await resolver(server).lookup("a.example.com", "A")
        assert len(server.asked) == 2


def forged(data: bytes, spoil: Callable[[bytes], bytes]) -> list[bytes]:
    """A wrong answer that came first, then the true one."""
    lie = codec.write_response(
        codec.read_request(data),
        Rcode.NOERROR,
        [ResourceRecord("a.example.com", 9, "A", "203.0.113.9")],
        limit=512,
    )
    return [spoil(lie), *honest(data)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lie: bytes((lie[0] ^ 1,)) + lie[1:],  # the wrong id
        lambda lie: lie[:13] + b"x" + lie[14:],  # the wrong question
        lambda lie: lie[:2] + bytes((lie[2] & 0x7F,)) + lie[3:],  # not an answer
        lambda lie: lie[:10],
        lambda lie: b"",
    ],
)
async def test_forged_answers_are_not_heard(spoil: Callable[[bytes], bytes]) -> None:
    async with strangers(lambda data: forged(data, spoil)) as (server,):
        answer = await resolver(server).lookup("a.example.com", "A")
        assert answer.records == ("192.0.2.1",)
        assert len(server.asked) == 1


async def test_many_forged_answers_close_the_port() -> None:
    def guessing(data: bytes) -> list[bytes]:
        wrong = bytes((data[0] ^ 1,)) + honest(data)[0][1:]
        return [wrong] * exchange.MAX_STRAYS + honest(data)

    async with strangers(guessing) as (server,):
        with pytest.raises(DnsFailure):
            await resolver(server).lookup("a.example.com", "A")
        assert len(set(server.ports)) == len(QUICK.waits)


async def test_answers_from_elsewhere_are_not_heard() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        async with strangers(silent) as (server,):

            def from_elsewhere(data: bytes) -> list[bytes]:
                elsewhere.sendto(honest(data)[0], ("127.0.0.1", server.ports[-1]))
                return []

            server._behave = from_elsewhere
            with pytest.raises(DnsFailure, match="no answer"):
                await resolver(server).lookup("a.example.com", "A")


async def test_garbage_behind_an_honest_header_is_a_failure_and_not_asked_for_again() -> None:
    async with strangers(lambda data: [honest(data)[0][:-3]]) as (server,):
        with pytest.raises(DnsFailure, match="malformed"):
            await resolver(server).lookup("a.example.com", "A")
        assert len(server.asked) == 1


async def test_a_lame_server_is_a_failure() -> None:
    def lame(data: bytes) -> list[bytes]:
        answer = codec.write_response(codec.read_request(data), Rcode.NOERROR, limit=512)
        return [answer[:2] + bytes((answer[2] & ~0x04, answer[3])) + answer[4:]]

    async with strangers(lame) as (server,):
        with pytest.raises(DnsFailure, match="lame"):
            await resolver(server).lookup("a.example.com", "A")


async def test_a_server_that_leaves_aliases_to_us() -> None:
    def lazy(data: bytes) -> list[bytes]:
        request = codec.read_request(data)
        if request.name != "b.example.com":
            return honest(data)
        line = ResourceRecord("b.example.com", 2, "CNAME", "a.example.com")
        return [codec.write_response(request, Rcode.NOERROR, [line], limit=512)]

    async with strangers(lazy) as (server,):
        answer = await resolver(server).lookup("b.example.com", "A")
        assert (answer.name, answer.records) == ("b.example.com", ("192.0.2.1",))
        assert answer.expires == CLOCK.now() + 2 * SECOND
        assert len(server.asked) == 2


async def test_aliases_that_never_end() -> None:
    def endless(data: bytes) -> list[bytes]:
        request = codec.read_request(data)
        line = ResourceRecord(request.name, 60, "CNAME", f"x{request.name}")
        return [codec.write_response(request, Rcode.NOERROR, [line], limit=512)]

    async with strangers(endless) as (server,):
        with pytest.raises(DnsFailure, match="CNAME"):
            await resolver(server).lookup("a.example.com", "A")
        assert len(server.asked) == 11


async def test_a_denial_without_soa_expires_at_once() -> None:
    async with strangers(saying(Rcode.NXDOMAIN)) as (server,):
        answer = await resolver(server).lookup("a.example.com", "A")
        assert (answer.status, answer.expires) == (Status.NO_SUCH_DOMAIN, CLOCK.now())


async def test_an_answer_in_another_case_is_asked_for_over_tcp() -> None:
    def lowering(data: bytes) -> list[bytes]:
        return [honest(data)[0].lower()]

    async with strangers(lowering) as (server,):
        with pytest.raises(DnsFailure):
            await resolver(server).lookup("a.example.com", "A")

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            answer = honest(wire)[0].lower()
            writer.write(len(answer).to_bytes(2, "big") + answer)
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", server.port):
            patient = Timing(waits=(5,))
            lowered = await resolver(server, timing=patient).lookup("a.example.com", "TXT")
            assert lowered.status is Status.NO_DATA


@pytest.mark.parametrize("sent", [None, b"", b"\0", b"\xff\xffshort", b"\0\x05wrong"])
async def test_truncated_and_no_good_over_tcp(sent: bytes | None) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if sent is not None:
            writer.write(sent)
            writer.close()
        await reader.read()
        writer.close()

    def truncated(data: bytes) -> list[bytes]:
        answer = honest(data)[0]
        return [answer[:2] + bytes((answer[2] | 0x02,)) + answer[3 : 20 + len("example.com")]]

    async with strangers(truncated) as (server,), await asyncio.start_server(serve, "127.0.0.1", server.port):
        with pytest.raises(DnsFailure):
            await resolver(server).lookup("a.example.com", "A")


async def test_nobody_listens() -> None:
    async with strangers(silent) as (gone,):
        pass
    with pytest.raises(DnsFailure, match="no answer"):
        await resolver(gone, timing=Timing(waits=(60, 60), total=60)).lookup("a.example.com", "A")


@pytest.mark.parametrize(("servers", "seconds"), [(1, 6.0), (3, 10.0)])
def test_silence_ends_in_time(servers: int, seconds: float) -> None:
    async def main() -> float:
        async with strangers(*[silent] * servers) as found:
            loop = asyncio.get_running_loop()
            with pytest.raises(DnsFailure, match="no answer"):
                await resolver(*found, timing=Timing()).lookup("a.example.com", "A")
            return loop.time()

    assert virtual.run(main()) == pytest.approx(seconds)


async def test_the_same_question_is_sent_once() -> None:
    async with strangers(honest) as (server,):
        stub = resolver(server)
        spellings = ("a.example.com", "A.example.com", "a.example.com.")
        answers = await asyncio.gather(*(stub.lookup(name, "A") for name in spellings * 5))
        assert len(server.asked) == 1
        assert len(set(answers)) == 1


def test_lookups_at_once_are_bounded_and_those_that_wait_too_long_fail() -> None:
    async def main() -> None:
        async with strangers(silent) as (server,):
            timing = Timing(waits=(3.0,), total=5.0)
            stub = StubResolver([server.where], CLOCK, SeededChance(), timing=timing, in_flight=2)
            loop = asyncio.get_running_loop()
            ends = []

            async def ask(name: str) -> None:
                with pytest.raises(DnsFailure):
                    await stub.lookup(name, "A")
                ends.append(round(loop.time(), 3))

            await asyncio.gather(*(ask(f"n{number}.example.com") for number in range(6)))
            assert ends == [3.0, 3.0, 5.0, 5.0, 5.0, 5.0]

    virtual.run(main())


@pytest.mark.parametrize(
    ("host", "validating", "authentic"),
    [("127.0.0.1", False, True), ("0.0.0.0", False, False), ("0.0.0.0", True, True)],
)
async def test_whose_word_counts(host: str, validating: bool, authentic: bool) -> None:
    zone = Zone("a A 192.0.2.1", authentic=True)
    server = DnsServer(zone)
    port = await server.start()
    stub = StubResolver([f"{host}:{port}"], CLOCK, SeededChance(), validating=validating)
    assert (await stub.lookup("a", "A")).authentic is authentic
    zone.authentic = False
    assert not (await stub.lookup("a", "A")).authentic
    await server.close()


async def test_servers_on_ipv6() -> None:
    server = DnsServer(ZONE)
    try:
        port = await server.start("::1")
    except OSError:
        pytest.skip("no IPv6 here")
    stub = StubResolver([f"[::1]:{port}"], CLOCK, SeededChance())
    assert (await stub.lookup("a.example.com", "A")).status is Status.OK
    await server.close()


@settings(deadline=None, max_examples=15)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=8))
def test_random_answers_are_failures(tails: list[bytes]) -> None:
    async def main() -> None:
        def mad(data: bytes) -> list[bytes]:
            return [data[:2] + b"\x85\x80\0\1\0\1\0\0\0\0" + data[12:-11] + tail for tail in tails] + tails

        async with strangers(mad) as (server,):
            with pytest.raises(DnsFailure):
                await resolver(server).lookup("a.example.com", "TLSA")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
        ("fe80::1%eth0", ("fe80::1%eth0", 53)),
    ],
)
def test_servers_are_given_by_address(text: str, place: tuple[str, int]) -> None:
    assert parse_server(text) == place


@pytest.mark.parametrize(
    "text",
    ["", "dns.example.com", "192.0.2.1:0", "192.0.2.1:99999", "192.0.2.1:x", "[::1]x", "[::1]5353", "[::1"],
)
def test_what_is_no_server(text: str) -> None:
    with pytest.raises(ValueError, match="is not a DNS server"):
        StubResolver([text], CLOCK, SeededChance())


def test_a_resolver_needs_a_server() -> None:
    with pytest.raises(ValueError, match="at least one"):
        StubResolver([], CLOCK, SeededChance())


def test_the_servers_of_the_system(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    assert system_servers(path) == ("127.0.0.1",)
    path.write_bytes(
        b"# nameserver 192.0.2.9\nsearch example.com\n\xff\nnameserver\nnameserver example.com\n"
    )
    assert system_servers(path) == ("127.0.0.1",)
    with path.open("a") as file:
        file.write(
            "nameserver 192.0.2.1\nnameserver\tfe80::1%eth0 ; local\nnameserver ::1\nnameserver 192.0.2.2\n"
        )
    assert system_servers(path) == ("192.0.2.1", "fe80::1%eth0", "::1")
    assert len(system_servers(path)) == MAX_SERVERS
    assert all(parse_server(server) for server in system_servers(path))
