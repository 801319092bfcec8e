"""The loop that joins a stream to a session: order, time, faults, ends."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

from correo.clock.virtual import run
from correo.net import Flush, Peer, TlsInfo
from correo.net.drive import HELD, Stopping, Terms, drive
from correo.net.memory import TLS, MemoryStream
from correo.wire import NEED_DATA
from correo.wire.buffer import LineBuffer

CLIENT, SERVER = Peer("192.0.2.1", 40000), Peer("192.0.2.9", 25)


class Echo:
    """A protocol of one word: each line is an event and is answered by itself."""

    def __init__(self) -> None:
        self.closed = False
        self.tls_wanted = False
        self.output = bytearray()
        self.buffer = LineBuffer(1000)
        self.eof = False

    def receive(self, data: bytes) -> None:
        self.buffer.feed(data)
        self.eof = self.eof or not data

    def next_event(self) -> Any:
        line = self.buffer.line()
        if line is None and self.eof:
            self.closed = True
            return b"EOF"
        return NEED_DATA if line is None else line

    def take_output(self) -> bytes:
        data = bytes(self.output)
        self.output.clear()
        return data

    def tls_started(self) -> None:
        self.tls_wanted = False
        self.buffer.clear()


class EchoSession:
    def __init__(self) -> None:
        self.core = Echo()
        self.timeout = 10.0
        self.logged_in = ""
        self.patient = False  # something is to be finished before the server stops
        self.ends = 0

    def say(self, text: str, *, last: bool = False) -> None:
        self.core.output += text.encode() + b"\n"
        self.core.closed = self.core.closed or last

    async def greet(self) -> None:
        self.say("hello")

    async def handle(self, event: Any, flush: Flush) -> None:
        match event:
            case b"EOF":
                return
            case b"fault":
                raise ValueError("a secret of the inside")
            case b"disk":
                raise OSError("a disk, not the connection")
            case b"tls":
                self.core.tls_wanted = True
                self.say("go")
            case b"quit":
                self.say("bye", last=True)
            case b"long":
                for _ in range(100):
                    self.core.output += b"x" * HELD
                    await flush()
            case _:
                self.say(event.decode())

    async def woken(self) -> None:
        self.say("woken")

    def tls_started(self, tls: TlsInfo) -> None:
        self.say(f"tls {tls.version}")

    def timed_out(self) -> None:
        self.say("timeout", last=True)

    def broken(self, incident: str) -> None:
        self.say(f"broken {incident}", last=True)

    def shutting_down(self, *, at_once: bool = False) -> None:
        if at_once or not self.patient:
            self.say("stopping", last=True)

    async def ended(self) -> None:
        self.ends += 1


class Scene:
    def __init__(self) -> None:
        self.client, self.server = MemoryStream.pair(CLIENT, SERVER)
        self.session = EchoSession()
        self.stopping = Stopping()
        self.faults: list[BaseException] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.task = asyncio.ensure_future(
            drive(self.server, self.session, Terms(lambda: context, self.stopping, self.note))
        )

    def note(self, fault: BaseException) -> str:
        self.faults.append(fault)
        return "REF1"

    async def rest(self) -> bytes:
        """All that the server says up to its end."""
        heard = b""
        while data := await self.client.read(1000):
            assert isinstance(data, bytes)
            heard += data
        await self.task
        assert self.session.ends == 1
        return heard


def test_lines_are_answered_in_order_and_quit_ends() -> None:
    async def test() -> None:
        scene = Scene()
        scene.client.write(b"one\ntwo\nquit\nthree\n")
        assert await scene.rest() == b"hello\none\ntwo\nbye\n"

    run(test())


def test_silence_gets_parting_words() -> None:
    async def test() -> None:
        assert await Scene().rest() == b"hello\ntimeout\n"

    run(test())


def test_a_fault_of_ours_is_logged_and_tells_nothing() -> None:
    async def test() -> None:
        for line in (b"fault\n", b"disk\n"):
            scene = Scene()
            scene.client.write(line)
            assert await scene.rest() == b"hello\nbroken REF1\n"
            assert len(scene.faults) == 1

    run(test())


def test_a_client_that_leaves_is_no_fault() -> None:
    async def test() -> None:
        scene = Scene()
        scene.client.write(b"one\n")
        await scene.client.close()
        await scene.task
        assert scene.faults == []
        assert scene.session.ends == 1

    run(test())


def test_a_client_that_breaks_off_is_no_fault() -> None:
    async def test() -> None:
        scene = Scene()
        scene.client.write(b"long\n")
        await asyncio.sleep(1)
        scene.client.abort()
        await scene.task
        assert scene.faults == []
        assert scene.session.ends == 1

    run(test())


def test_a_client_that_takes_nothing_is_let_go() -> None:
    async def test() -> None:
        scene = Scene()
        scene.client.write(b"long\n")
        await scene.task  # in virtual time: after WRITE_SECONDS
        assert scene.faults == []

    run(test())


def test_how_long_a_client_may_take_nothing_is_among_the_terms() -> None:
    async def test() -> None:
        client, server = MemoryStream.pair(CLIENT, SERVER)
        client.write(b"long\n")
        terms = Terms(lambda: None, Stopping(), lambda fault: "", write_seconds=5.0)
        await drive(server, EchoSession(), terms)
        assert asyncio.get_running_loop().time() == pytest.approx(5.0)

    run(test())


def test_stopping_speaks_between_commands() -> None:
    async def test() -> None:
        scene = Scene()
        scene.client.write(b"one\n")
        await asyncio.sleep(1)
        scene.stopping.stop()
        assert await scene.rest() == b"hello\none\nwoken\nstopping\n"

    run(test())


def test_what_is_to_be_finished_is_waited_for() -> None:
    async def test() -> None:
        scene = Scene()
        scene.session.patient = True
        await asyncio.sleep(1)
        scene.stopping.stop()
        await asyncio.sleep(1)
        scene.client.write(b"one\n")
        await asyncio.sleep(1)
        scene.session.patient = False
        scene.client.write(b"two\n")
        assert await scene.rest() == b"hello\nwoken\none\ntwo\nstopping\n"

    run(test())


def test_who_is_cut_off_at_last_is_told() -> None:
    async def test() -> None:
        scene = Scene()
        scene.session.patient = True
        await asyncio.sleep(1)
        scene.stopping.stop()
        await asyncio.sleep(1)
        scene.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scene.task
        assert await scene.client.read(1000) == b"hello\nwoken\nstopping\n"
        assert await scene.client.read(1000) == b""
        assert scene.session.ends == 1
        assert scene.session.core.closed

    run(test())


def test_waking_reaches_the_session() -> None:
    async def test() -> None:
        scene = Scene()
        await asyncio.sleep(1)
        scene.server.wake()
        await asyncio.sleep(1)
        scene.client.write(b"quit\n")
        assert await scene.rest() == b"hello\nwoken\nbye\n"

    run(test())


def test_octets_sent_ahead_of_tls_are_thrown_away() -> None:
    async def test() -> None:
        scene = Scene()
        scene.client.write(b"tls\ninjected\n")
        await asyncio.sleep(1)
        scene.client.write(b"quit\n")
        assert await scene.rest() == f"hello\ngo\ntls {TLS.version}\nbye\n".encode()

    run(test())


def test_a_flood_of_commands_lets_others_run() -> None:
    async def test() -> None:
        scene, other = Scene(), Scene()
        scene.client.write(b"x\n" * 20_000)
        other.client.write(b"quit\n")
        assert await other.rest() == b"hello\nbye\n"
        assert not scene.task.done()
        scene.client.write(b"quit\n")
        assert (await scene.rest()).count(b"x\n") == 20_000

    run(test())


def test_a_handshake_that_fails_is_told_of() -> None:
    class Refusing(MemoryStream):
        async def start_tls(self, context: ssl.SSLContext, **how: Any) -> None:
            raise ssl.SSLError("no shared cipher")

    async def test() -> None:
        told: list[str] = []
        near, far = MemoryStream(CLIENT, SERVER), Refusing(SERVER, CLIENT)
        near._other, far._other = far, near
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

        def note(address: str, error: OSError | TimeoutError) -> None:
            told.append(f"{address} {error}")

        terms = Terms(lambda: context, Stopping(), lambda fault: "", failed=note)
        near.write(b"tls\n")
        await drive(far, EchoSession(), terms)
        assert len(told) == 1
        assert told[0].startswith("192.0.2.1 ")

    run(test())
