"""A client that sends mail as fast as a server takes it, in a process of its own, so that nothing else takes turns with it.

It renders all messages before it begins, and then only moves octets over plain sockets: about 0.05 ms of processor a message.
`Generator` starts it and lets it go. What it measures comes back as `Sent`.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle

from letters import SENDER, Letter, letters
from processes import own_cpu

RECEIVE = 65_536  # octets of one read
SILENCE = 120.0  # seconds without an event after which the server is taken to be dead
POOL = 20_000  # messages of an open loop before the first comes again, by far most of which never come so far
CLEARED = 0.05  # seconds between looks at what has lost patience


@dataclass(frozen=True, slots=True)
class Load:
    """`where` is host:port or unix:path. With a `rate` the loop is open: so many new connections a second, with a message each."""

    where: str
    count: int
    connections: int  # at once; the most of them where the loop is open
    each: int = 0  # messages of one connection; 0: it stays open
    size: int = 0  # octets of a message; 0: mixed
    recipients: Sequence[str] = ()
    seed: int = 0
    rate: float = 0.0
    patience: float = (
        SILENCE  # seconds that a message may take before the client hangs up and counts it as lost
    )
    lmtp: bool = False


@dataclass(slots=True)
class Sent:
    began: float = 0.0  # perf_counter, which all processes of a machine share
    ended: float = 0.0  # at the last 250
    latencies: list[float] = field(default_factory=list)  # seconds from MAIL to the 250 after the text
    times: list[float] = field(default_factory=list)  # when each of these was, after `began`
    cpu: float = 0.0  # seconds of processor the client took
    refused: int = 0  # with a 4xx answer
    lost: int = 0  # no patience, or a connection that broke
    late: int = 0  # could not be offered in time: as many connections were open as may be

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def client(self) -> float:
        return self.cpu / max(self.seconds, 1e-9)


class Generator:
    """Ready when it is made; `go` lets it send."""

    def __init__(self, load: Load) -> None:
        command = [sys.executable, __file__, json.dumps(asdict(load))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError("the client did not start")

    def go(self) -> Sent:
        self.start()
        return self.wait()

    def start(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def wait(self) -> Sent:
        output, _ = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError(f"the client failed: {output.strip()}")
        return Sent(**json.loads(output))


def send(load: Load) -> Sent:
    return Generator(load).go()


class _Failed(Exception):
    """The server said something else than what belongs there."""


class _Connection:
    """One conversation: greeting, EHLO, messages with their envelopes pipelined (RFC 2920), QUIT."""

    __slots__ = (
        "_due",
        "_input",
        "_left",
        "_loop",
        "_steps",
        "_unsent",
        "begun",
        "letter",
        "opened",
        "socket",
    )

    def __init__(self, loop: _Loop, left: int) -> None:
        self._loop = loop
        self._left = left
        self._input = b""
        self._unsent = memoryview(b"")
        self._due: list[bytes] = [b"220"]
        self._steps: Iterator[None] = self._talk()
        self.begun = 0.0
        self.opened = time.perf_counter()
        self.letter: Letter | None = None
        self.socket = loop.connect()

    def readable(self) -> bool:
        """False when it has ended. Raises _Failed, OSError."""
        data = self.socket.recv(RECEIVE)
        if not data:
            raise _Failed(b"the server hung up")
        *lines, self._input = (self._input + data).split(b"\r\n")
        for line in lines:
            if line[3:4] == b"-":
                continue
            if not self._due or not line.startswith(self._due[0]):
                raise _Failed(line)
            del self._due[0]
            if not self._due and next(self._steps, "over") == "over":
                return False
        return True

    def writable(self) -> None:
        self._send(self._unsent)

    def _talk(self) -> Iterator[None]:
        """Goes on whenever all answers that are due have come."""
        self._ask(
            b"LHLO client.far.example\r\n" if self._loop.load.lmtp else b"EHLO client.far.example\r\n", b"250"
        )
        yield
        while self._left and (letter := self._loop.letter()):
            self.letter = letter
            self._left -= 1
            self.begun = time.perf_counter()
            envelope = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{letter.recipient}>\r\nDATA\r\n"
            self._ask(envelope.encode(), b"250", b"250", b"354")
            yield
            self._ask(letter.data, b"250")
            yield
            self._loop.taken(self)
            self.letter = None
        self._ask(b"QUIT\r\n", b"221")
        yield

    def _ask(self, data: bytes, *due: bytes) -> None:
        self._due.extend(due)
        self._send(memoryview(data))

    def _send(self, data: memoryview) -> None:
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        waiting, self._unsent = bool(self._unsent), data[sent:]
        if waiting != bool(self._unsent):
            self._loop.want(self.socket, bool(self._unsent))


class _Loop:
    def __init__(self, load: Load) -> None:
        self.load = load
        self.sent = Sent()
        made = letters(
            min(load.count, POOL) if load.rate else load.count, load.size, load.recipients, load.seed
        )
        self._work_left = cycle(made) if load.rate else iter(made)
        self._given = 0
        self._poll = select.epoll()
        self._open: dict[int, _Connection] = {}
        self._ended = False

    def run(self) -> Sent:
        self.sent.began, before = time.perf_counter(), own_cpu()
        if self.load.rate:
            self._offer()
        else:
            self._work()
        self.sent.cpu = own_cpu() - before
        return self.sent

    def connect(self) -> socket.socket:
        host, _, port = self.load.where.rpartition(":")
        if host == "unix":
            made = socket.socket(socket.AF_UNIX)
            made.connect(port)  # a local one never says that it is under way: it waits, or refuses
            made.setblocking(False)
        else:
            made = socket.socket()
            made.setblocking(False)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.connect_ex((host, int(port)))
        self._poll.register(made, select.EPOLLIN)
        return made

    def want(self, sock: socket.socket, writing: bool) -> None:
        self._poll.modify(sock, select.EPOLLIN | select.EPOLLOUT if writing else select.EPOLLIN)

    def letter(self) -> Letter | None:
        self._given += 1
        return next(self._work_left, None)

    def taken(self, connection: _Connection) -> None:
        self.sent.ended = time.perf_counter()
        since = (
            connection.opened if self.load.rate else connection.begun
        )  # who offers counts from his first try
        self.sent.latencies.append(self.sent.ended - since)
        self.sent.times.append(self.sent.ended - self.sent.began)

    def _work(self) -> None:
        """As many connections as may be, until all is sent; whatever goes wrong is an error."""
        for _ in range(min(self.load.connections, self.load.count)):
            self._start()
        while self._open:
            if not (events := self._poll.poll(SILENCE)):
                raise _Failed(b"the server says nothing")
            for number, event in events:
                if not self._step(self._open[number], event):
                    self._close(number)
                    if self._given < self.load.count:
                        self._start()

    def _offer(self) -> None:
        """New connections by the clock, whatever becomes of those before."""
        load, began, offered, looked = self.load, self.sent.began, 0, 0.0
        while offered < load.count or self._open:
            now = time.perf_counter()
            due = min(load.count, int((now - began) * load.rate)) - offered
            for _ in range(due):
                offered += 1
                if len(self._open) < load.connections:
                    self._start()
                else:
                    self.sent.late += 1
            if now - looked > CLEARED:
                looked = now
                for number in [
                    number for number, one in self._open.items() if now - one.opened > load.patience
                ]:
                    self.sent.lost += 1
                    self._close(number)
            for number, event in self._poll.poll(0.001 if offered < load.count else CLEARED):
                self._bear(number, event)

    def _bear(self, number: int, event: int) -> None:
        connection = self._open[number]
        try:
            if not self._step(connection, event):
                self._close(number)
        except _Failed as failed:
            if failed.args[0][:1] == b"4":
                self.sent.refused += 1
            else:
                self.sent.lost += 1
            self._close(number)
        except OSError:
            self.sent.lost += 1
            self._close(number)

    def _step(self, connection: _Connection, event: int) -> bool:
        if event & select.EPOLLOUT:
            connection.writable()
        return connection.readable() if event & ~select.EPOLLOUT else True

    def _start(self) -> None:
        connection = _Connection(self, 1 if self.load.rate else self.load.each or self.load.count)
        self._open[connection.socket.fileno()] = connection

    def _close(self, number: int) -> None:
        self._open.pop(number).socket.close()


def main() -> int:
    given = json.loads(sys.argv[1])
    loop = _Loop(Load(**given))
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        sent = loop.run()
    except (_Failed, OSError) as failed:
        print(repr(failed))
        return 1
    print(json.dumps(asdict(sent)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
