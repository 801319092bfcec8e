"""TLS between a socket and a stream, on both event loops: order, backpressure, and the ways a connection ends."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import threading
import weakref
from collections.abc import Awaitable, Callable

import pytest
import uvloop
from tests.net.test_listen import contexts

from correo.net import Stream
from correo.net.limits import ConnectionLimits
from correo.net.listen import Listener, bind
from correo.net.stream import CLOSE_SECONDS, MAX_UNHEARD, SocketDialer, SocketStream
from correo.net.tls import opportunistic_context

__all__ = ["contexts"]  # the fixture

LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
Loop = Callable[[], asyncio.AbstractEventLoop]
Contexts = tuple[ssl.SSLContext, ssl.SSLContext]
LARGE = bytes(range(256)) * 4096 * 4
NAME = "mail.example.org"


def run(
    loop: Loop,
    serve: Callable[[Stream], Awaitable[None]],
    scenario: Callable[[int], Awaitable[None]],
    tls: ssl.SSLContext | None,
) -> None:
    async def main() -> None:
        listener = Listener(
            bind("127.0.0.1:0"), serve, ConnectionLimits(9, 9), b"", (lambda: tls) if tls else None
        )
        await listener.start()
        async with asyncio.timeout(20):
            await scenario(int(listener.address.rpartition(":")[2]))
        listener.stop_accepting()
        assert await listener.drain(5) == 0

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


async def everything(stream: Stream) -> bytes:
    found = []
    while data := await stream.read(5):
        assert isinstance(data, bytes)
        found.append(data)
    return b"".join(found)


async def dialled(port: int, client: ssl.SSLContext) -> SocketStream:
    stream = await SocketDialer().connect("127.0.0.1", port, 5)
    await stream.start_tls(client, server_side=False, hostname=NAME)
    return stream


@LOOPS
def test_much_in_both_directions_at_once(loop: Loop, contexts: Contexts) -> None:
    async def serve(stream: Stream) -> None:
        heard = 0
        stream.write(LARGE)
        while heard < len(LARGE):
            heard += len(await stream.read(5))  # type: ignore[arg-type]
        stream.write(b"end")
        await stream.close()

    async def scenario(port: int) -> None:
        stream = await dialled(port, contexts[1])
        for at in range(0, len(LARGE), 100_000):
            stream.write(LARGE[at : at + 100_000])
        assert await everything(stream) == LARGE + b"end"
        await stream.close()

    run(loop, serve, scenario, contexts[0])


@LOOPS
def test_who_takes_nothing_holds_up_the_writer_and_little_is_encrypted_ahead(
    loop: Loop, contexts: Contexts
) -> None:
    ahead: list[int] = []
    stuck = threading.Event()

    async def serve(stream: Stream) -> None:
        assert isinstance(stream, SocketStream)
        await stream.read(5)
        with pytest.raises(TimeoutError):
            for _ in range(100):
                stream.write(LARGE[: 1 << 20])
                await stream.drain(0.1)
        plain = stream._transport._transport  # type: ignore[union-attr]
        ahead.append(plain.get_write_buffer_size())
        stuck.set()
        stream.write(b"late")
        await stream.drain(5)
        await stream.close()

    async def scenario(port: int) -> None:
        heard = await asyncio.to_thread(take_late, port)
        assert heard.endswith(LARGE[(1 << 20) - 4 : 1 << 20] + b"late")
        assert (len(heard) - 4) % (1 << 20) == 0

    def take_late(port: int) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", port), 5) as sock,
            contexts[1].wrap_socket(sock, server_hostname=NAME) as secure,
        ):
            secure.sendall(b"go")
            assert stuck.wait(10)
            with secure.makefile("rb") as file:
                return file.read()

    run(loop, serve, scenario, contexts[0])
    assert ahead[0] < 300_000


@LOOPS
def test_what_is_written_in_the_handshake_follows_it(loop: Loop, contexts: Contexts) -> None:
    async def serve(stream: Stream) -> None:
        stream.write(await stream.read(5))  # type: ignore[arg-type]
        await stream.close()

    async def scenario(port: int) -> None:
        stream = await SocketDialer().connect("127.0.0.1", port, 5)
        shaking = asyncio.ensure_future(stream.start_tls(contexts[1], server_side=False, hostname=NAME))
        await asyncio.sleep(0)
        stream.write(b"early")
        await shaking
        await stream.drain(5)
        assert await everything(stream) == b"early"
        await stream.close()

    run(loop, serve, scenario, contexts[0])


@LOOPS
def test_an_end_without_goodbye_is_an_end_on_both_sides(loop: Loop, contexts: Contexts) -> None:
    heard: list[bytes] = []

    async def serve(stream: Stream) -> None:
        assert isinstance(stream, SocketStream)
        stream.write(b"half an ans")
        heard.append(await everything(stream))
        plain = stream._transport._transport  # type: ignore[union-attr]
        plain.close()

    async def scenario(port: int) -> None:
        stream = await dialled(port, contexts[1])
        assert await stream.read(5) == b"half an ans"
        stream._transport._transport.write_eof()  # type: ignore[union-attr]
        assert await stream.read(5) == b""
        stream.abort()

    run(loop, serve, scenario, contexts[0])
    assert heard == [b""]


@LOOPS
def test_who_said_goodbye_is_still_answered(loop: Loop, contexts: Contexts) -> None:
    """RFC 8446 §6.1: each side ends what it says, not what the other says."""

    async def serve(stream: Stream) -> None:
        assert await everything(stream) == b"question"
        stream.write(LARGE)
        await stream.drain(5)
        await stream.close()

    def ask(port: int) -> int:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = contexts[1].wrap_bio(incoming, outgoing, server_hostname=NAME)
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    incoming.write(sock.recv(65536))
            tls.write(b"question")
            with pytest.raises(ssl.SSLWantReadError):
                tls.unwrap()
            sock.sendall(outgoing.read())
            sock.shutdown(socket.SHUT_WR)
            heard = 0
            while octets := sock.recv(65536):
                heard += len(octets)
            return heard

    async def scenario(port: int) -> None:
        assert await asyncio.to_thread(ask, port) > len(LARGE)

    run(loop, serve, scenario, contexts[0])


@LOOPS
def test_a_client_that_reads_slowly_hears_the_last_words(loop: Loop, contexts: Contexts) -> None:
    """uvloop's clients lose what they have not read when the socket ends together with TLS."""

    async def serve(stream: Stream) -> None:
        await stream.read(5)
        stream.write(LARGE + b"last")
        await stream.close()

    async def scenario(port: int) -> None:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=contexts[1], server_hostname=NAME, limit=1000
        )
        writer.write(b"go")
        heard = await reader.readexactly(1)
        for _ in range(200):  # what the socket takes without being read
            await asyncio.sleep(0)
        heard += await reader.read()
        assert heard == LARGE + b"last"
        writer.close()

    run(loop, serve, scenario, contexts[0])


@LOOPS
def test_a_goodbye_is_returned_at_once(loop: Loop, contexts: Contexts) -> None:
    async def serve(stream: Stream) -> None:
        stream.write(b"bye")
        await stream.close()

    async def scenario(port: int) -> None:
        stream = await dialled(port, contexts[1])
        async with asyncio.timeout(CLOSE_SECONDS - 0.5):
            assert await everything(stream) == b"bye"
            await stream.close()
        with pytest.raises(ConnectionError):
            await stream.drain(1)
        stream.write(b"nobody")
        await stream.close()
        stream.abort()

    run(loop, serve, scenario, contexts[0])


@LOOPS
def test_garbage_after_the_handshake_ends_the_connection(loop: Loop, contexts: Contexts) -> None:
    ended: list[type[BaseException]] = []

    async def serve(stream: Stream) -> None:
        stream.write(b"hello")
        with pytest.raises(OSError) as error:
            await everything(stream)
        ended.append(error.type)
        await stream.close()

    async def scenario(port: int) -> None:
        stream = await dialled(port, contexts[1])
        assert await stream.read(5) == b"hello"
        stream._transport._transport.write(b"EHLO client.example\r\n")  # type: ignore[union-attr]
        with pytest.raises(OSError):
            await everything(stream)
        await stream.close()

    run(loop, serve, scenario, contexts[0])
    assert ended == [ConnectionError]


@LOOPS
def test_a_certificate_that_is_not_trusted(loop: Loop, contexts: Contexts) -> None:
    async def serve(stream: Stream) -> None:
        with pytest.raises(OSError):
            await stream.read(5)

    async def scenario(port: int) -> None:
        stream = await SocketDialer().connect("127.0.0.1", port, 5)
        with pytest.raises(ssl.SSLCertVerificationError):
            await stream.start_tls(ssl.create_default_context(), server_side=False, hostname=NAME)
        assert stream.tls is None
        stream.abort()

    run(loop, serve, scenario, contexts[0])


@LOOPS
def test_who_never_shakes_hands_is_not_waited_for(loop: Loop, contexts: Contexts) -> None:
    async def serve(stream: Stream) -> None:
        while await stream.read(5):
            pass

    async def scenario(port: int) -> None:
        stream = await SocketDialer().connect("127.0.0.1", port, 5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await stream.start_tls(opportunistic_context(), server_side=False)
        await stream.close()

    run(loop, serve, scenario, None)


@LOOPS
def test_who_has_ended_is_not_waited_for_in_the_handshake(loop: Loop, contexts: Contexts) -> None:
    async def serve(stream: Stream) -> None:
        assert await everything(stream) == b"STARTTLS\r\n"
        with pytest.raises(ConnectionResetError):
            await stream.start_tls(contexts[0], server_side=True)
        stream.abort()

    def speak(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(b"STARTTLS\r\n")
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(100) == b""

    async def scenario(port: int) -> None:
        await asyncio.to_thread(speak, port)

    run(loop, serve, scenario, None)


@LOOPS
def test_octets_sent_with_the_wish_for_tls_are_gone(loop: Loop, contexts: Contexts) -> None:
    """Those after the wish in the same packet are clear text; those of the handshake are not, however early."""

    async def serve(stream: Stream) -> None:
        assert await stream.read(5) == b"STARTTLS\r\nQUIT\r\n"
        stream.write(b"go")
        await asyncio.sleep(0)
        await stream.start_tls(contexts[0], server_side=True)
        assert await stream.read(5) == b"first"
        stream.write(b"heard")
        await stream.close()

    async def scenario(port: int) -> None:
        stream = await SocketDialer().connect("127.0.0.1", port, 5)
        stream.write(b"STARTTLS\r\nQUIT\r\n")
        assert await stream.read(5) == b"go"
        await stream.start_tls(contexts[1], server_side=False, hostname=NAME)
        stream.write(b"first")
        assert await everything(stream) == b"heard"
        await stream.close()

    run(loop, serve, scenario, None)


@LOOPS
@pytest.mark.parametrize("protected", [False, True], ids=["clear", "tls"])
def test_who_has_sent_too_much_to_be_read_hears_the_last_words(
    loop: Loop, contexts: Contexts, protected: bool
) -> None:
    """Else the socket is reset, and some clients forget what they have not read yet."""

    async def serve(stream: Stream) -> None:
        assert isinstance(stream, SocketStream)
        while not stream._paused_reading:
            await asyncio.sleep(0)
        stream.write(b"421 enough\r\n")
        await stream.close()

    def speak(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), 5) as plain:
            sock = contexts[1].wrap_socket(plain, server_hostname=NAME) if protected else plain
            for _ in range(30):
                sock.sendall(bytes(100_000))
            heard = sock.recv(100) + sock.recv(100)
            assert sock.recv(100) == b""
            if protected:
                sock.unwrap()  # type: ignore[attr-defined]
            return heard

    async def scenario(port: int) -> None:
        assert await asyncio.to_thread(speak, port) == b"421 enough\r\n"

    run(loop, serve, scenario, contexts[0] if protected else None)


@LOOPS
def test_who_never_ends_is_not_heard_out(loop: Loop) -> None:
    closed = threading.Event()

    async def serve(stream: Stream) -> None:
        assert isinstance(stream, SocketStream)
        while not stream._paused_reading:
            await asyncio.sleep(0)
        await stream.close()
        closed.set()

    def speak(port: int) -> int:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sent = 0
            with pytest.raises(OSError):
                while sent < 100 * MAX_UNHEARD:
                    sent += sock.send(bytes(100_000))
            assert closed.wait(5)
            return sent

    async def scenario(port: int) -> None:
        assert await asyncio.to_thread(speak, port) > MAX_UNHEARD

    run(loop, serve, scenario, None)


@LOOPS
@pytest.mark.parametrize("said", [b"nonsense instead of a handshake\r\n", b""])
def test_a_handshake_that_fails_leaves_nothing_behind(loop: Loop, contexts: Contexts, said: bytes) -> None:
    """What strangers can do as often as they like must not wait for the garbage collector, with all that OpenSSL keeps."""
    streams: list[weakref.ref[Stream]] = []

    async def serve(stream: Stream) -> None:
        streams.append(weakref.ref(stream))
        with pytest.raises(OSError):
            await stream.start_tls(contexts[0], server_side=True)
        stream.abort()

    def fail(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(said)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(100):
                pass

    async def scenario(port: int) -> None:
        for _ in range(3):
            await asyncio.to_thread(fail, port)

    gc.collect()
    gc.disable()
    try:
        run(loop, serve, scenario, None)
        assert [stream() for stream in streams] == [None] * 3
    finally:
        gc.enable()


@LOOPS
def test_a_connection_that_breaks_off_leaves_nothing_behind(loop: Loop, contexts: Contexts) -> None:
    ends: list[weakref.ref[ssl.SSLObject]] = []

    async def serve(stream: Stream) -> None:
        ends.append(weakref.ref(stream._transport._end.tls))  # type: ignore[attr-defined]
        stream.write(b"hello")
        with pytest.raises(OSError):
            await everything(stream)
        await stream.close()

    async def scenario(port: int) -> None:
        for _ in range(3):
            stream = await dialled(port, contexts[1])
            assert await stream.read(5) == b"hello"
            stream._transport._transport.write(b"no record")  # type: ignore[union-attr]
            with pytest.raises(OSError):
                await everything(stream)
            await stream.close()

    gc.collect()
    gc.disable()
    try:
        run(loop, serve, scenario, contexts[0])
        assert [end() for end in ends] == [None] * 3
    finally:
        gc.enable()
