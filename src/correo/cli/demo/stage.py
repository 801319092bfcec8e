"""The small world of the demo: two Correo servers, a name server for both, and nobody at 127.0.0.3."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from correo import accounts, mailbox
from correo.app import Server, World, bind_all
from correo.clock import Chance
from correo.clock.system import SystemChance, SystemClock
from correo.config import read
from correo.dns.server import DnsServer
from correo.dns.zone import Zone
from correo.mail.address import Address
from correo.net.listen import bind, split_host_port
from correo.storage.db import Tx

HERE, THERE, NOWHERE = "127.0.0.1", "127.0.0.2", "127.0.0.3"

# The demo's "port 25": one number on three loopback addresses, as every mail server of the world listens on one port.
CONFIG = """
hostname = "{hostname}"
data_dir = "{folder}"
[[listener]]
protocol = "smtp"
address = "{address}:{smtp}"
[[listener]]
protocol = "submission"
address = "{address}:0"
[[listener]]
protocol = "pop3"
address = "{address}:0"
[[listener]]
protocol = "imap"
address = "{address}:0"
[dns]
servers = ["127.0.0.1:{dns}"]
[auth]
allow_plaintext = true   # passwords in clear text never leave this machine here
[queue]
retry = ["1s", "2s"]     # minutes and hours on a real server
expire = "5s"            # days on a real server
warn_after = ""
[transport]
port = {smtp}
ipv6 = false
[limits]
drain = "2s"
"""

ZONE = f"""
example.org.       MX 10 mail.example.org.
example.net.       MX 10 mail.example.org.
mail.example.org.  A {HERE}
far.example.       MX 10 mx.far.example.
mx.far.example.    A {THERE}
down.example.      MX 10 mx.down.example.
mx.down.example.   A {NOWHERE}
"""


@dataclass(frozen=True, slots=True)
class Stage:
    near: Server  # example.org (alice) and example.net (bob)
    far: Server  # far.example (carol)
    dns: int
    folder: Path

    def port(self, protocol: str) -> int:
        """Where the near server listens."""
        position = [listener.protocol for listener in self.near.config.listener].index(protocol)
        return split_host_port(self.near.listeners[position].address)[1]


@asynccontextmanager
async def built(folder: Path, password: str) -> AsyncIterator[Stage]:
    dns = DnsServer(Zone(ZONE))
    dns_port = await dns.start(HERE, 0)
    smtp = free_port()
    near = await _server(folder / "near", "mail.example.org", HERE, smtp, dns_port)
    try:
        far = await _server(folder / "far", "mx.far.example", THERE, smtp, dns_port)
        try:
            await _people(near, ["alice@example.org", "bob@example.net"], password)
            await _people(far, ["carol@far.example"], password)
            yield Stage(near, far, dns_port, folder)
        finally:
            await far.stop()
    finally:
        await near.stop()
        await dns.close()


def free_port() -> int:
    with bind(f"{HERE}:0") as sock:
        port: int = sock.getsockname()[1]
        return port


async def _server(folder: Path, hostname: str, address: str, smtp: int, dns: int) -> Server:
    text = CONFIG.format(hostname=hostname, folder=folder, address=address, smtp=smtp, dns=dns)
    config = read(text, folder / "correo.toml")
    server = await Server.open(config, World(SystemClock(), SystemChance()))
    try:
        await server.start(bind_all(config.listener))
    except BaseException:
        await server.db.close()
        raise
    (folder / "correo.toml").write_text(text)
    return server


async def _people(server: Server, names: list[str], password: str) -> None:
    credentials = await server.logins.hash(password)
    world = server.world
    await server.db.write(_move_in, names, credentials, world.chance, world.clock.now())


async def _move_in(
    tx: Tx, names: list[str], credentials: accounts.Credentials, chance: Chance, now: int
) -> None:
    for name in names:
        address = Address.parse(name)
        await accounts.add_domain(tx, address.host, now)
        account = await accounts.add_account(
            tx, id=chance.id(now), address=address, credentials=credentials, now=now
        )
        await mailbox.open_account(tx, account.id, chance, now)
