"""Connections through a load balancer: whom a session sees, before TLS and without it, on both event loops."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import pytest
import uvloop
from tests.net.test_listen import contexts

from correo.net import Stream, Woken
from correo.net.limits import ConnectionLimits
from correo.net.listen import Listener, bind
from correo.net.networks import Networks

__all__ = ["contexts"]  # the fixture

HEADER = b"PROXY TCP4 203.0.113.9 198.51.100.1 40000 25\r\n"
LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
Loop = Callable[[], asyncio.AbstractEventLoop]


async def echo(stream: Stream) -> None:
    """Says who is there, then one line back."""
    stream.write(f"{stream.peer} {stream.local.address}\r\n".encode())
    heard = b""
    while not heard.endswith(b"\r\n"):
        data = await stream.read(5)
        assert not isinstance(data, Woken)
        if not data:
            break
        heard += data
    stream.write(heard)
    await stream.close()


async def ask(port: int, octets: bytes) -> bytes:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(octets)
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()


def run(
    loop: Loop,
    scenario: Callable[[int, ConnectionLimits], object],
    proxies: Networks,
    tls: ssl.SSLContext | None,
) -> None:
    async def main() -> None:
        limits = ConnectionLimits(10, 2)
        listener = Listener(
            bind("127.0.0.1:0"), echo, limits, b"busy\r\n", (lambda: tls) if tls else None, proxies
        )
        await listener.start()
        await scenario(int(listener.address.rpartition(":")[2]), limits)  # type: ignore[misc]
        listener.stop_accepting()
        assert await listener.drain(5) == 0
        assert limits.open == 0

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


@LOOPS
def test_the_client_of_a_balancer_is_who_it_says(loop: Loop) -> None:
    async def scenario(port: int, limits: ConnectionLimits) -> None:
        assert await ask(port, HEADER + b"hello\r\n") == b"203.0.113.9:40000 198.51.100.1\r\nhello\r\n"
        said = await ask(port, b"PROXY UNKNOWN\r\nhello\r\n")
        assert said.startswith(b"127.0.0.1:")
        assert await ask(port, b"EHLO client.example\r\n") == b""

    run(loop, scenario, Networks.of(["127.0.0.0/8"]), None)


@LOOPS
def test_who_is_not_listed_is_not_believed(loop: Loop) -> None:
    async def scenario(port: int, limits: ConnectionLimits) -> None:
        said = await ask(port, HEADER)
        assert said.startswith(b"127.0.0.1:")
        assert said.endswith(HEADER)

    run(loop, scenario, Networks.of(["192.0.2.1"]), None)


@LOOPS
def test_the_limit_by_address_is_for_the_client(loop: Loop) -> None:
    async def scenario(port: int, limits: ConnectionLimits) -> None:
        writers = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HEADER)
            assert (await reader.readline()).startswith(b"203.0.113.9:")
            writers.append(writer)
        assert await ask(port, HEADER) == b"busy\r\n"
        assert (await ask(port, HEADER.replace(b"113.9", b"113.8") + b"x\r\n")).startswith(b"203.0.113.8:")
        for writer in writers:
            writer.close()

    run(loop, scenario, Networks.of(["127.0.0.1"]), None)


@LOOPS
def test_tls_begins_behind_the_header(loop: Loop, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, client = contexts

    async def scenario(port: int, limits: ConnectionLimits) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEADER)
        await writer.start_tls(client, server_hostname="mail.example.org")
        writer.write(b"hello\r\n")
        assert await reader.readline() == b"203.0.113.9:40000 198.51.100.1\r\n"
        assert await reader.readline() == b"hello\r\n"
        writer.close()

    run(loop, scenario, Networks.of(["127.0.0.1"]), server)


@pytest.mark.parametrize(
    ("listed", "address", "expected"),
    [
        (["192.0.2.0/24"], "192.0.2.9", True),
        (["192.0.2.0/24"], "192.0.3.9", False),
        (["2001:db8::/32"], "2001:db8::1", True),
        (["192.0.2.0/24"], "2001:db8::1", False),
        (["unix"], "unix", True),
        (["192.0.2.0/24"], "unix", False),
        (["192.0.2.0/24", "unix"], "unix", True),
        (["unix"], "192.0.2.1", False),
        ([], "192.0.2.1", False),
    ],
)
def test_networks(listed: list[str], address: str, expected: bool) -> None:
    assert (address in Networks.of(listed)) is expected
