"""A town of mail servers on virtual time: complete Correo servers, servers of others, one DNS, one network, no socket.

    async def story(town: Town) -> None:
        here = await town.server("mail.here.example", "here.example", "alice")
        there = town.far("there.example", Far())
        await here.send("alice@here.example", ["bob@there.example"])
        await town.wait("5m")

`@live` makes a test of a story. Time jumps when everybody waits, so days take milliseconds; the same story always goes the same
way. When a story is over, `audit.faults` goes over the books of every server, and no session may have failed.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from pathlib import Path

from tests.journeys.far import Far
from tests.journeys.server import Server, template

from correo.clock.virtual import START, VirtualClock, VirtualLoop, run
from correo.dns.zone import Zone
from correo.mail.instant import SECOND, parse_duration
from correo.net.memory import MemoryNetwork
from correo.queue.schedule import Schedule
from correo.receive.options import Limits


class Town:
    def __init__(self, folder: Path, *, seed: int = 1, start: int = START) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.clock = VirtualClock(loop, start)
        self.network = MemoryNetwork()
        self.zone = Zone()
        self.servers: list[Server] = []
        self.folder = folder
        self.seed = seed
        self.letters = 0
        self.hosts: dict[str, str] = {}  # name to address
        self._hosts = 0

    async def server(
        self,
        hostname: str,
        domain: str,
        *users: str,
        schedule: Schedule | None = None,
        limits: Limits | None = None,
        make: type[Server] = Server,
    ) -> Server:
        """A Correo that serves `domain` for `users` (local parts), running and in the DNS."""
        folder = self.folder / hostname
        fresh = not folder.exists()
        if fresh:
            shutil.copytree(await template(), folder)
        server = make(self, folder, hostname, self.address(), schedule or Schedule(), limits or Limits())
        self.servers.append(server)
        self.publish(domain, hostname, server.address)
        await server.start()
        if fresh:
            await server.people(*(f"{user}@{domain}" for user in users), domain=domain)
        return server

    def far(self, domain: str, far: Far | None = None, *, hostname: str = "", preference: int = 10) -> Far:
        """A server of others for `domain`, running and in the DNS."""
        far = far or Far()
        address = self.address()
        self.publish(domain, hostname or f"mx.{domain}", address, preference)
        self.network.listen(address, 25, far.serve)
        return far

    def publish(self, domain: str, hostname: str, address: str, preference: int = 10) -> None:
        self.zone.add(f"{domain}. MX {preference} {hostname}.")
        self.zone.add(f"{hostname}. A {address}")
        self.hosts[hostname] = address

    def address(self) -> str:
        self._hosts += 1
        return f"198.51.100.{self._hosts}"

    def letter(self, sender: str, recipients: Sequence[str], subject: str = "hello") -> bytes:
        """A message like no other."""
        self.letters += 1
        return (
            f"From: <{sender or 'MAILER-DAEMON@elsewhere.example'}>\r\nTo: {', '.join(recipients[:5])}\r\n"
            f"Subject: {subject}\r\nMessage-ID: <{self.letters}@client.example>\r\n"
            f"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\nThis is letter {self.letters}.\r\n.\r\nIt has a dot.\r\n"
        ).encode()

    async def wait(self, duration: str | int) -> None:
        """As `5m`, or in µs."""
        await asyncio.sleep((parse_duration(duration) if isinstance(duration, str) else duration) / SECOND)

    async def close(self) -> None:
        """Stop every server, go over its books."""
        found: dict[str, list[str]] = {}
        for server in self.servers:
            wrong = await server.audit()
            if wrong:
                found[server.hostname] = wrong
            await server.stop()
        await self.network.close()
        assert not found, found


Story = Callable[[Town], Awaitable[None]]


def live(story: Story) -> Callable[[Path], None]:
    """A test of a story: told in virtual time in a town of its own, which is gone over at the end."""

    @wraps(story)
    def test(tmp_path: Path) -> None:
        async def tell() -> None:
            town = Town(tmp_path)
            try:
                await story(town)
            except BaseException:
                await town.network.close()
                raise
            await town.close()

        run(tell())

    # pytest looks through `wraps` at the arguments of the story, which are not fixtures.
    del test.__wrapped__
    return test
