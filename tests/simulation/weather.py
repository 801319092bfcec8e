"""A network in which connections are refused, slow, cut and stalled, and a DNS that fails, dawdles and lies; all by dice."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import Counter, deque
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from struct import Struct

from tests.simulation.process import Process

from correo.clock import Clock
from correo.dns import Answer, DnsFailure, Resolver
from correo.dns.records import Rdtype
from correo.mail.instant import SECOND
from correo.net import Peer
from correo.net.memory import MemoryNetwork, MemoryStream, Serve

_INSTANT = Struct("<d")
MIDDLE = 3_000  # octets, about, that go over a connection before it fails


class Fault(Enum):
    NONE = "none"
    CUT = "cut"  # both ends are told
    STALL = "stall"  # nobody is: what is written arrives nowhere


@dataclass(slots=True)
class Weather:
    """How likely it is that something happens to a connection, or to a lookup."""

    refused: float = 0.01
    silent: float = 0.005
    cut: float = 0.02
    stall: float = 0.01
    slow: float = 0.15
    dns_fails: float = 0.01
    dns_slow: float = 0.02
    dns_lies: float = 0.002

    @classmethod
    def fine(cls) -> Weather:
        return cls(*(0.0,) * 8)


@dataclass(slots=True, eq=False)
class Wire:
    """One connection, and what is to befall it."""

    source: str
    target: str
    opened: float  # seconds on the loop's clock
    latency: float
    fault: Fault
    limit: int  # octets until then
    carried: int = 0
    failed: bool = False
    closed: float = math.inf

    def failed_about(self, at: float) -> bool:
        return self.failed and self.opened - 1.0 <= at <= self.closed + 1.0


class WeatherStream(MemoryStream):
    """One end. What a dead process writes does not arrive, and it is told nothing any more."""

    wire: Wire
    network: WeatherNetwork
    owner: Process | None = None

    def __init__(self, local: Peer, peer: Peer, *, chunk: int = 0) -> None:
        super().__init__(local, peer, chunk=chunk)
        self._flying: deque[bytes | None] = deque()  # None is the end

    def write(self, data: bytes) -> None:
        wire = self.wire
        if not data or (self.owner and self.owner.dead) or (wire.failed and wire.fault is Fault.STALL):
            return
        wire.carried += len(data)
        self.network.note(data)
        if wire.fault is not Fault.NONE and not wire.failed and wire.carried > wire.limit:
            keep = len(data) - (wire.carried - wire.limit)
            self.network.fail(wire, wire.fault)
            if wire.fault is Fault.STALL:
                self._send(data[:keep])
            else:
                super().write(data[:keep])
                self.break_off()
            return
        self._send(data)

    def _send(self, data: bytes) -> None:
        if self.wire.latency:
            self._flying.append(data)
            asyncio.get_running_loop().call_later(self.wire.latency, self._arrive)
        else:
            super().write(data)

    def _arrive(self) -> None:
        data = self._flying.popleft()
        if data is not None:
            super().write(data)
        elif self._other:
            self._other._eof = True
            self._other._rouse()

    async def close(self) -> None:
        self.network.ended(self)
        if self.wire.failed and self.wire.fault is Fault.STALL:
            self._closed = True
            self._rouse()
        elif self.wire.latency and self._other and not (self.owner and self.owner.dead):
            self._flying.append(None)
            asyncio.get_running_loop().call_later(self.wire.latency, self._arrive)
            self._rouse()
        else:
            await super().close()

    def abort(self) -> None:
        self.network.ended(self)
        if not (self.wire.failed and self.wire.fault is Fault.STALL):
            super().abort()

    def break_off(self) -> None:
        """Both ends hear that the connection is gone."""
        for end in (self, self._other):
            if end:
                end._eof = end._reset = True
                end._rouse()
                end._resume()


class WeatherNetwork(MemoryNetwork):
    def __init__(self, dice: Random) -> None:
        super().__init__()
        self.dice = dice
        self.weather = Weather()
        self._wires: dict[tuple[str, str], list[Wire]] = {}  # those that have failed
        self.faults: Counter[str] = Counter()
        self.digest = hashlib.blake2b(digest_size=16)  # of every octet that was sent, in order
        self.lasting: dict[WeatherStream, None] = {}  # ends that are open
        # Several processes of a machine may listen on one port, and the system chooses (SO_REUSEPORT).
        self._serving: dict[tuple[str, int], dict[Process | None, tuple[Serve, Context]]] = {}

    def listen(self, address: str, port: int, serve: Serve) -> None:
        self._serving.setdefault((address, port), {})[Process.current()] = serve, copy_context()

    def unlisten(self, address: str, port: int) -> None:
        self._serving.get((address, port), {}).pop(Process.current(), None)

    def note(self, data: bytes) -> None:
        self.digest.update(_INSTANT.pack(asyncio.get_running_loop().time()))
        self.digest.update(data)

    def fail(self, wire: Wire, fault: Fault) -> None:
        wire.failed = True
        wire.fault = fault
        self._wires.setdefault((wire.source, wire.target), []).append(wire)
        self.faults[f"connection {fault.value}"] += 1

    def between(self, source: str, target: str) -> list[Wire]:
        """Connections that have failed."""
        return self._wires.get((source, target), [])

    def ended(self, stream: WeatherStream) -> None:
        self.lasting.pop(stream, None)
        if stream.wire.closed == math.inf:
            stream.wire.closed = asyncio.get_running_loop().time()

    def fell(self, process: Process, *, silently: bool) -> None:
        """A process is gone: its connections are too, and the others are told, or not."""
        for serving in self._serving.values():
            serving.pop(process, None)
        for stream in list(self.lasting):
            if stream.owner is process:
                self.lasting.pop(stream, None)
                self.fail(stream.wire, Fault.STALL)
                if not silently:
                    stream.break_off()

    async def connect(self, source: str, address: str, port: int, timeout: float) -> WeatherStream:
        dialling = Process.current()
        if dialling and dialling.dead:
            await asyncio.sleep(timeout)
            raise TimeoutError
        weather, dice = self.weather, self.dice
        if dice.random() < weather.silent or address in self.silent:
            self.faults["no answer"] += 1
            await asyncio.sleep(timeout)
            raise TimeoutError
        if dice.random() < weather.refused:
            self.faults["connection refused"] += 1
            raise ConnectionRefusedError("refused by the weather")
        wire = self._wire(source, address)
        await asyncio.sleep(wire.latency)
        serving = list(self._serving.get((address, port), {}).values())
        if not serving:
            raise ConnectionRefusedError(f"nobody listens on {address} port {port}")
        serve, context = dice.choice(serving) if len(serving) > 1 else serving[0]
        context = context.copy()
        self._ports += 1
        near, far = WeatherStream.pair(Peer(source, self._ports), Peer(address, port))
        assert isinstance(near, WeatherStream)
        assert isinstance(far, WeatherStream)
        for end, owner in ((near, dialling), (far, context.run(Process.current))):
            end.wire, end.network, end.owner = wire, self, owner
            self.lasting[end] = None
        task = asyncio.get_running_loop().create_task(_serve(serve, far), context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return near

    def _wire(self, source: str, target: str) -> Wire:
        weather, dice = self.weather, self.dice
        drawn = dice.random()
        fault = Fault.NONE
        if drawn < weather.cut:
            fault = Fault.CUT
        elif drawn < weather.cut + weather.stall:
            fault = Fault.STALL
        limit = int(dice.expovariate(1 / MIDDLE)) if fault is not Fault.NONE else 0
        latency = dice.uniform(0.001, 2.0) if dice.random() < weather.slow else 0.0
        return Wire(source, target, asyncio.get_running_loop().time(), latency, fault, limit)


async def _serve(serve: Serve, stream: MemoryStream) -> None:
    try:
        await serve(stream)
    finally:
        await stream.close()


@dataclass(slots=True)
class MoodyResolver:
    """Asks another, and does not always say what that says."""

    resolver: Resolver
    clock: Clock
    network: WeatherNetwork
    lies: tuple[str, ...] = field(default=())  # addresses that it may give instead

    async def lookup(self, name: str, rdtype: Rdtype) -> Answer:
        """Raises DnsFailure."""
        weather, dice, faults = self.network.weather, self.network.dice, self.network.faults
        if dice.random() < weather.dns_slow:
            faults["DNS slow"] += 1
            await asyncio.sleep(dice.uniform(0.1, 20.0))
        if dice.random() < weather.dns_fails:
            faults["DNS failed"] += 1
            raise DnsFailure(name, rdtype, "the weather")
        answer = await self.resolver.lookup(name, rdtype)
        if rdtype == "A" and self.lies and answer.records and dice.random() < weather.dns_lies:
            faults["DNS lied"] += 1
            expires = self.clock.now() + 300 * SECOND
            return Answer(name, rdtype, answer.status, (dice.choice(self.lies),), False, expires)
        return answer
