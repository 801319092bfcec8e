"""The server under load: `correo serve` with as many workers as wanted, its log in memory, its processes watched."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trustme
from tests.interop.serving import HOST, Correo, give_away
from tests.journeys.server import credentials
from tests.soak.table import Row
from tests.soak.watching import Seen, Watch

from correo import accounts, mailbox
from correo.clock.system import SystemChance, SystemClock
from correo.config import DATABASE
from correo.mail.address import Address
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

NAME, DOMAIN = "mail.here.example", "here.example"
PEOPLE = [f"user{number}@{DOMAIN}" for number in range(10)]
SETTLING = 15.0  # seconds in which descriptors of connections that have ended are closed
SECONDS = 60.0  # for anything that takes a second on a machine with nothing else to do
READERS = 64  # that a process keeps: threads of its pool, and those that stand by
RESERVE = 200  # descriptors that a process needs besides those of connections

CONFIG = """
hostname = "{name}"
data_dir = "data"
workers = {workers}
[tls]
certificate = "certificate.pem"
key = "key.pem"
[auth]
allow_plaintext = true
[dns]
servers = ["{dns}"]
[queue]
retry = ["1s"]
[search]
index = false
[log]
format = "json"
[transport]
ipv6 = false
mta_sts = false
dane = false
{transport}
[limits]
hourly_messages = 0
hourly_recipients = 0
daily_messages = 0
daily_recipients = 0
drain = "5s"
{limits}
"""
LISTENER = """
[[listener]]
protocol = "{protocol}"
address = "127.0.0.1:0"
tls = "{tls}"
"""
DOORS = (
    ("smtp", "starttls"),
    ("submission", "none"),
    ("submission", "implicit"),
    ("pop3", "starttls"),
    ("imap", "starttls"),
    ("imap", "implicit"),
)
# Behind a balancer, so that clients can come from everywhere: a door for each protocol that does it.
PROXIED = LISTENER.format(protocol="smtp", tls="none") + 'proxy_from = ["127.0.0.1"]\n'


class Loaded(Correo):
    """A running server. `look` at it, and `settle` at the end of what was done to it."""

    def __init__(self, folder: Path, watch: Watch, *, descriptors: int = 0) -> None:
        """`descriptors`: how many its processes may have, 0 for as many as this one."""
        bounded = ("sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh") if descriptors else ()
        super().__init__(folder, prefix=bounded)
        self.watch = watch

    @property
    def pids(self) -> list[int]:
        """The first process, and the workers where there are some."""
        assert self._process is not None
        master = self._process.pid
        text = Path(f"/proc/{master}/task/{master}/children").read_text()
        return [master, *(int(child) for child in text.split())]

    def look(self) -> Seen:
        return self.watch.look(self.pids)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pids[0], number)

    def events(self, event: str) -> int:
        """How many lines of the log say so."""
        return sum(entry["event"] == event for entry in list(self.log))

    def faults(self) -> list[str]:
        """What the log tells of as an error."""
        return [entry["event"] for entry in list(self.log) if entry.get("level") in ("error", None)]

    async def settled(self, before: Seen) -> Counter[str]:
        """Descriptors, by kind, that are still open beyond those from before; waits some seconds for there to be none.

        The database's are left out up to what its pool of readers may keep.
        """
        end = time.monotonic() + SETTLING
        pools = Counter({name: READERS for name in before.descriptors if DATABASE in name})
        while left := self.look().descriptors - before.descriptors - pools:
            if time.monotonic() > end:
                break
            await asyncio.sleep(0.2)
        return left

    async def ended(self) -> float:
        """Stop it, without holding up those who talk to it; seconds of how long that took. Judged as by `stop`."""
        began = time.monotonic()
        await asyncio.to_thread(self.stop)
        return time.monotonic() - began


@asynccontextmanager
async def serving(
    folder: Path,
    row: Row,
    *,
    workers: int = 1,
    limits: str = "",
    transport: str = "",
    dns: str = "127.0.0.1:9",
    descriptors: int = 0,
) -> AsyncIterator[Loaded]:
    """A server with PEOPLE in `folder`, made at the first time; at the end it is stopped, if it runs, and judged."""
    fresh = not folder.exists()
    folder.mkdir(exist_ok=True)
    with Watch() as watch:
        server = Loaded(folder, watch, descriptors=descriptors)
        config = CONFIG.format(name=NAME, workers=workers, dns=dns, transport=transport, limits=limits)
        doors = (LISTENER.format(protocol=protocol, tls=tls) for protocol, tls in DOORS)
        server.config.write_text("".join([config, *doors, PROXIED]))
        if fresh:
            await furnish(folder)
        give_away(folder)
        server.start()
        try:
            yield server
            await server.ended()
        finally:
            server.kill()
    row.exactly("lines in the log that tell of an error", len(server.faults()), 0)


async def furnish(folder: Path) -> None:
    """A certificate, and a database with people in it."""
    certificate = trustme.CA().issue_cert(NAME, HOST)
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    (folder / "data").mkdir()
    chance, now = SystemChance(), SystemClock().now()

    async def move_in(tx: Tx) -> None:
        await accounts.add_domain(tx, DOMAIN, now)
        for person in PEOPLE:
            id, address = chance.id(now), Address.parse(person)
            await accounts.add_account(tx, id=id, address=address, credentials=credentials(), now=now)
            await mailbox.open_account(tx, id, chance, now)

    database = await Sqlite.open(folder / "data" / "correo.db", now=now, threaded=False)
    await database.write(move_in)
    await database.close()


def raise_limit() -> int:
    """Let this process, and those it starts, have as many descriptors as they may; how many that is."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def possible(connections: int) -> int:
    """As many of them as the system lets one process have."""
    return max(1, min(connections, raise_limit() - RESERVE))
