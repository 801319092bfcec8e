"""Listening under TLS, on both event loops."""

from __future__ import annotations

import asyncio
import os
import ssl
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
import uvloop

from correo.net import Peer, Stream
from correo.net.limits import ConnectionLimits
from correo.net.listen import Listener, bind
from correo.net.tls import server_context

CONNECTIONS = 40


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of the server, and of a client that trusts it."""
    folder = tmp_path_factory.mktemp("certificate")
    authority = trustme.CA()
    certificate = authority.issue_cert("mail.example.org")
    certificate.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server_context(folder / "certificate.pem", folder / "key.pem"), client


async def answer(stream: Stream) -> None:
    assert stream.tls is not None
    stream.write(b"hello\r\n")
    await stream.close()


async def ask(port: int, client: ssl.SSLContext) -> bytes:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client, server_hostname="mail.example.org"
        )
        try:
            return await reader.read()
        finally:
            writer.close()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_client_that_begins_at_once_is_served(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    server, client = contexts

    async def main() -> None:
        limits = ConnectionLimits(CONNECTIONS, CONNECTIONS)
        listener = Listener(bind("127.0.0.1:0"), answer, limits, b"busy\r\n", lambda: server)
        await listener.start()
        port = int(listener.address.rpartition(":")[2])
        for _ in range(CONNECTIONS):
            assert await ask(port, client) == b"hello\r\n"
        async with asyncio.timeout(5):  # one that leaves during the handshake disturbs nobody
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
        assert await asyncio.gather(*(ask(port, client) for _ in range(CONNECTIONS // 2))) == [
            b"hello\r\n"
        ] * (CONNECTIONS // 2)
        listener.stop_accepting()
        assert await listener.drain(5) == 0
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_local_socket_tells_who_connects(
    loop: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path
) -> None:
    path = tmp_path / "run" / "socket"
    peers: list[Peer] = []

    async def note(stream: Stream) -> None:
        peers.append(stream.peer)
        await stream.close()

    async def main() -> None:
        listener = Listener(bind(f"unix:{path}", for_everybody=True), note, ConnectionLimits(5, 5), b"", None)
        await listener.start()
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_unix_connection(path)
            await reader.read()
            writer.close()
        listener.stop_accepting()
        await listener.drain(5)

    before = os.umask(0o077)
    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(main())
    finally:
        os.umask(before)
    assert peers == [Peer("unix", 0, os.getuid())]
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o666, 0o755)
