"""What every `Stream` and `Dialer` promises: asyncio's, uvloop's, and the network in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from correo.net import WOKEN, Dialer, Stream
from correo.net.limits import ConnectionLimits
from correo.net.listen import Listener, bind, split_host_port
from correo.net.memory import MemoryNetwork
from correo.net.stream import SocketDialer
from correo.net.tls import opportunistic_context, server_context

Serve = Callable[[Stream], Awaitable[None]]
Place = tuple[Dialer, str, int]
World = Callable[[Serve], AbstractAsyncContextManager[Place]]


@asynccontextmanager
async def sockets(serve: Serve) -> Any:
    listener = Listener(bind("127.0.0.1:0"), serve, ConnectionLimits(100, 100), b"busy\r\n", None)
    await listener.start()
    host, port = split_host_port(listener.address)
    yield SocketDialer(), host, port
    listener.stop_accepting()
    await listener.drain(0.2)


@asynccontextmanager
async def memory(serve: Serve) -> Any:
    network = MemoryNetwork()
    network.listen("192.0.2.9", 25, serve)
    yield network.dialer(), "192.0.2.9", 25
    await network.close()


def in_asyncio(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def in_uvloop(test: Coroutine[Any, Any, None]) -> None:
    uvloop.run(test)


WORLDS = {"asyncio": (in_asyncio, sockets), "uvloop": (in_uvloop, sockets), "memory": (in_asyncio, memory)}


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> tuple[Callable[[Coroutine[Any, Any, None]], None], World]:
    return WORLDS[request.param]


async def everything(stream: Stream) -> bytes:
    found = b""
    while data := await stream.read(5):
        assert data is not WOKEN
        found += data
    return found


def test_octets_go_both_ways_and_end(world: Any) -> None:
    run, place = world

    async def serve(stream: Stream) -> None:
        assert await stream.read(5) == b"ping"
        stream.write(b"po")
        stream.write(b"ng")
        await stream.drain(5)
        await stream.close()

    async def test() -> None:
        async with place(serve) as (dialer, host, port):
            stream = await dialer.connect(host, port, 5)
            stream.write(b"ping")
            assert await everything(stream) == b"pong"
            assert stream.peer.address == host
            await stream.close()

    run(test())


def test_silence_times_out_and_the_stream_lives_on(world: Any) -> None:
    run, place = world

    async def serve(stream: Stream) -> None:
        await stream.read(5)
        stream.write(b"late")
        await stream.close()

    async def test() -> None:
        async with place(serve) as (dialer, host, port):
            stream = await dialer.connect(host, port, 5)
            with pytest.raises(TimeoutError):
                await stream.read(0.02)
            stream.write(b"now")
            assert await everything(stream) == b"late"
            await stream.close()

    run(test())


def test_each_read_has_the_time_it_was_given(world: Any) -> None:
    run, place = world

    async def serve(stream: Stream) -> None:
        await stream.read(5)

    async def test() -> None:
        loop = asyncio.get_running_loop()
        async with place(serve) as (dialer, host, port):
            stream = await dialer.connect(host, port, 5)
            loop.call_soon(stream.wake)
            assert await stream.read(0.02) is WOKEN
            loop.call_later(0.05, stream.wake)  # when the time of the read before has passed
            assert await stream.read(5) is WOKEN
            loop.call_soon(stream.wake)
            assert await stream.read(None) is WOKEN
            with pytest.raises(TimeoutError):
                await stream.read(0.02)
            with pytest.raises(TimeoutError):
                await stream.read(0)
            await stream.close()

    run(test())


def test_wake_ends_a_read_once(world: Any) -> None:
    run, place = world

    async def serve(stream: Stream) -> None:
        await stream.read(5)

    async def test() -> None:
        async with place(serve) as (dialer, host, port):
            stream = await dialer.connect(host, port, 5)
            asyncio.get_running_loop().call_soon(stream.wake)
            assert await stream.read(5) is WOKEN
            stream.wake()
            stream.wake()
            assert await stream.read(5) is WOKEN
            with pytest.raises(TimeoutError):
                await stream.read(0.02)
            await stream.close()

    run(test())


def test_a_reader_who_takes_nothing_holds_up_only_the_writer(world: Any) -> None:
    run, place = world
    told: list[str] = []

    async def serve(stream: Stream) -> None:
        try:
            for _ in range(500):
                stream.write(b"x" * 65536)
                await stream.drain(0.1)
        except TimeoutError:
            told.append("stuck")
            stream.abort()

    async def test() -> None:
        async with place(serve) as (dialer, host, port):
            stream = await dialer.connect(host, port, 5)
            async with asyncio.timeout(10):
                while not told:
                    await asyncio.sleep(0.01)
            stream.abort()

    run(test())
    assert told == ["stuck"]


def test_nobody_listening_is_an_error(world: Any) -> None:
    run, place = world

    async def serve(stream: Stream) -> None: ...

    async def test() -> None:
        async with place(serve) as (dialer, host, _):
            with pytest.raises(OSError):
                await dialer.connect(host, 1, 2)

    run(test())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    issued = trustme.CA().issue_cert("mail.example.org")
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    return folder / "cert.pem", folder / "key.pem"


def test_tls_begins_afresh(world: Any, certificate: tuple[Path, Path]) -> None:
    """What was sent in clear text before the handshake is not read after it."""
    run, place = world

    async def serve(stream: Stream) -> None:
        assert await stream.read(5) == b"STARTTLS"
        stream.write(b"go")
        await stream.start_tls(server_context(*certificate), server_side=True)
        assert stream.tls is not None
        assert await stream.read(5) == b"hidden"
        stream.write(b"seen")
        await stream.close()

    async def test() -> None:
        async with place(serve) as (dialer, host, port):
            stream = await dialer.connect(host, port, 5)
            stream.write(b"STARTTLS")
            assert await stream.read(5) == b"go"
            await stream.start_tls(opportunistic_context(), server_side=False)
            assert stream.tls is not None
            assert stream.tls.version
            stream.write(b"hidden")
            assert await everything(stream) == b"seen"
            await stream.close()

    run(test())
