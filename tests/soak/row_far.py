"""Far servers that take for ever: one stops reading in the midst of a message, one answers an octet a second. Others get their mail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.journeys.client import Smtp
from tests.soak.busy import CONNECTING, letter
from tests.soak.serving import PEOPLE, SECONDS, Loaded, serving
from tests.soak.table import Row, percentile

from correo.dns.server import DnsServer
from correo.dns.zone import Zone
from correo.net.listen import bind
from correo.net.stream import SocketDialer

DEAF, DRIBBLING, WELL = "127.0.0.2", "127.0.0.3", "127.0.0.4"
ZONE = "\n".join(
    f"{name}.example MX 10 mx.{name}.example\nmx.{name}.example A {address}"
    for name, address in (("deaf", DEAF), ("dribbling", DRIBBLING), ("well", WELL))
)
LARGE = 200_000  # lines of a letter that no socket holds: 16 MB
WINDOW = 16 * 1024
PER_DESTINATION = 5  # as transport.per_destination has it by itself
P99 = 5.0  # seconds from 250 to being at the other server
PAUSE = 1.0  # seconds between octets


class Well:
    """A server that takes what comes, and notes when."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.well.example\r\n")
        try:
            while line := (await reader.readline()).strip():
                if line == b"DATA":
                    writer.write(b"354 go on\r\n")
                    text = await reader.readuntil(b"\r\n.\r\n")
                    subject = next(field for field in text.split(b"\r\n") if field.startswith(b"Subject: "))
                    self.arrived[subject.decode()] = time.monotonic()
                writer.write(b"221 bye\r\n" if line == b"QUIT" else b"250 ok\r\n")
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def close(self) -> None:
        """Those who are here come to their end by themselves."""


class Ill:
    """One of whom all connections are counted, and none comes to an end."""

    def __init__(self, *, dribbling: bool) -> None:
        self._dribbling = dribbling
        self._never = asyncio.Event()
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await (self._dribble(writer) if self._dribbling else self._listen(reader, writer))
        except OSError:
            pass
        finally:
            self.connections -= 1
            writer.transport.abort()

    async def close(self) -> None:
        """End those who wait."""
        self._never.set()

    async def _dribble(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220-")
        while not self._never.is_set():
            writer.write(b"x")
            await writer.drain()
            try:
                await asyncio.wait_for(self._never.wait(), PAUSE)
            except TimeoutError:
                pass

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Up to the text of a message, of which it reads nothing."""
        writer.write(b"220 mx.deaf.example\r\n")
        while line := (await reader.readline()).strip():
            writer.write(b"354 go on\r\n" if line == b"DATA" else b"250 ok\r\n")
            if line == b"DATA":
                await self._never.wait()
                return


async def run(folder: Path, *, letters: int, lines: int = LARGE) -> Row:
    row = Row("far servers that stop")
    well, deaf, dribbling = Well(), Ill(dribbling=False), Ill(dribbling=True)
    async with far({WELL: well, DEAF: deaf, DRIBBLING: dribbling}) as (port, dns):
        transport = f"port = {port}\n"
        async with serving(folder, row, transport=transport, dns=dns) as server:
            before = server.look()
            alone = await relay(server, well, range(letters))
            for number in range(2 * PER_DESTINATION):
                await submit(server, "deaf.example", number, lines)
                await submit(server, "dribbling.example", number)
            await all_there(deaf, dribbling)
            present = server.look()
            row.add(
                f"memory with {PER_DESTINATION} letters of {lines * 80e-6:.0f} MB stuck",
                present.memory - before.memory,
                "MiB",
                most=200,
            )
            beside = await relay(server, well, range(letters, 2 * letters))
            for when, seconds in (("alone", alone), ("beside those who stop", beside)):
                row.add(f"relayed {when}", len(seconds), least=letters)
                row.add(f"from 250 to the far server {when}: p50", percentile(seconds, 0.50) * 1e3, "ms")
                row.add(
                    f"from 250 to the far server {when}: p99",
                    percentile(seconds, 0.99) * 1e3,
                    "ms",
                    most=P99 * 1e3,
                )
            row.exactly("connections to the one who stops reading", deaf.connections, PER_DESTINATION)
            row.exactly("connections to the one who dribbles", dribbling.connections, PER_DESTINATION)
            row.add("seconds of stopping meanwhile", await server.ended(), "s", most=20)
    return row


async def relay(server: Loaded, well: Well, numbers: range) -> list[float]:
    """Seconds each letter took from its 250 to the other server."""
    said = {}
    for number in numbers:
        await submit(server, "well.example", number)
        said[f"Subject: number {number}"] = time.monotonic()
    async with asyncio.timeout(SECONDS):
        while not well.arrived.keys() >= said.keys():
            await asyncio.sleep(0.01)
    return [max(0.0, well.arrived[subject] - at) for subject, at in said.items()]


async def submit(server: Loaded, domain: str, number: int, lines: int = 40) -> None:
    """Somebody of here writes to somebody there."""
    stream = await SocketDialer().connect("127.0.0.1", server.port("submission", "none"), CONNECTING)
    client = Smtp(stream)
    await client.hello(PEOPLE[0])
    said = await client.send(PEOPLE[0], [f"someone@{domain}"], letter(number, lines))
    assert said.code == 250, said
    await client.quit()


async def all_there(*servers: Ill) -> None:
    async with asyncio.timeout(SECONDS):
        while any(server.connections < PER_DESTINATION for server in servers):
            await asyncio.sleep(0.05)


@asynccontextmanager
async def far(servers: dict[str, Well | Ill]) -> AsyncIterator[tuple[int, str]]:
    """The servers, all on one port, which is given with the address of the DNS."""
    with bind("127.0.0.1:0") as sock:
        port = sock.getsockname()[1]
    zone = DnsServer(Zone(ZONE))
    dns = await zone.start("127.0.0.1", 0)
    listening = [
        await asyncio.start_server(server.serve, address, port, limit=1 << 16)
        for address, server in servers.items()
    ]
    try:
        yield port, f"127.0.0.1:{dns}"
    finally:
        for one in listening:
            one.close()
        for server in servers.values():
            await server.close()
        await asyncio.sleep(0.1)
        await zone.close()
