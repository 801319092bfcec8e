"""Who stops reading in the middle of a large answer costs some memory for some time, and nobody else notices."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.interop.serving import HOST
from tests.journeys.client import PASSWORD
from tests.soak import busy
from tests.soak.serving import PEOPLE, SECONDS, Loaded, serving
from tests.soak.table import Row

from correo.net.limits import READING

PATIENCE = 3  # seconds, of limits.write_time
LIMITS = """message_size = "128MiB"
write_time = "{patience}s"
memory = "{memory}MiB"
"""
OWNER = PEOPLE[-2]  # of the large message
LINE = 76  # characters of base64
WINDOW = 16 * 1024  # octets that a client's socket holds
READ = 10_000  # octets that a client reads before it stops
P99 = 5.0  # seconds
GRACE = 10.0  # seconds from the time-out to the end of the connection, with its parting words


@dataclass(frozen=True, slots=True)
class Kind:
    """A client that asks for much and stops reading."""

    name: str
    protocol: str
    asks: list[bytes]
    many: int  # a maildrop is open once


def imap(*lines: bytes) -> list[bytes]:
    return [b"a LOGIN %b %b" % (OWNER.encode(), PASSWORD.encode()), b"b SELECT INBOX", *lines]


def pop3(*lines: bytes) -> list[bytes]:
    return [b"USER %b" % OWNER.encode(), b"PASS %b" % PASSWORD.encode(), *lines]


# There is none of SMTP: before so many answers are due, it has ended with 421, too many commands without mail.
LARGE = (
    Kind("FETCH of a large message", "imap", imap(b"c FETCH 1 BODY.PEEK[]"), 4),
    Kind("RETR of a large message", "pop3", pop3(b"RETR 1"), 1),
)
MANY = (
    Kind("thousands of FETCH", "imap", imap(*[b"c FETCH 2:* BODY.PEEK[]"] * 2_000), 8),
    Kind("thousands of LIST", "pop3", pop3(*[b"LIST"] * 200_000), 1),
)
SHORT = 20  # messages behind the large one
OF_MANY = 4.0  # MiB that a client may take who asks for much in small pieces
AT_ONCE = 2  # large messages for which there is memory: the next ones wait
COPIES = 2.5  # of a message while it is read and unpacked, for a moment
CACHES = 64.0  # MiB that the database keeps of pages that were read


async def run(folder: Path, *, megabytes: int, work: int, patience: int = PATIENCE) -> Row:
    row = Row("stalled clients")
    memory = int(AT_ONCE * (megabytes + 1) / READING) + 1
    async with serving(folder, row, limits=LIMITS.format(patience=patience, memory=memory)) as server:
        await fill(server, megabytes)
        await busy.work(server, work)
        for kind in LARGE:
            await stall(server, row, kind, work, patience, COPIES * megabytes * AT_ONCE + CACHES)
        for kind in MANY:
            await stall(server, row, kind, work, patience, OF_MANY * kind.many)
    return row


async def stall(server: Loaded, row: Row, kind: Kind, work: int, patience: int, most: float) -> None:
    """`most`: MiB that all of them together may take."""
    before, began = server.look(), time.monotonic()
    port = server.port(kind.protocol)
    asking = (asyncio.to_thread(stalled, port, kind.asks) for _ in range(kind.many))
    socks = await asyncio.gather(*asking)
    try:
        noted = await busy.work(server, work)
        name = f"{kind.many} x {kind.name}"
        row.add(f"{name}: memory of all", server.look().memory - before.memory, "MiB", most=most)
        noted.tell(row, f"beside {name}", p99=P99)
        left = await server.settled(before)
        row.exactly(f"{name}: connections still there", left.total(), 0)
        # With large messages the later ones begin when the first ones have been hung up on.
        turns = patience * kind.many / AT_ONCE + GRACE
        row.add(
            f"{name}: hung up on after", time.monotonic() - began, "s", least=patience, most=turns + SECONDS
        )
        row.add(f"{name}: memory afterwards", server.look().memory - before.memory, "MiB")
    finally:
        for sock in socks:
            sock.close()


def stalled(port: int, lines: list[bytes]) -> socket.socket:
    """Says all of them as far as the other side takes them, reads a little, and then nothing more."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
    sock.connect((HOST, port))
    sock.settimeout(0.5)
    try:
        sock.sendall(b"".join(line + b"\r\n" for line in lines))
    except TimeoutError:
        pass
    heard = 0
    try:
        while heard < READ and (more := sock.recv(READ - heard)):
            heard += len(more)
    except TimeoutError:
        pass  # it waits until there is memory for the answer
    return sock


async def fill(server: Loaded, megabytes: int) -> None:
    """A message that cannot be packed, and short ones behind it."""
    line = Random(megabytes)
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    table = bytes(alphabet[octet % 64] for octet in range(256))
    text = b"Subject: large\r\n\r\n" + b"".join(
        line.randbytes(LINE).translate(table) + b"\r\n" for _ in range(megabytes * 1024 * 1024 // (LINE + 2))
    )
    client = await busy.smtp(server)
    said = await client.send("carol@far.example", [OWNER], text)
    assert said.code == 250, said
    for number in range(SHORT):
        await client.send("carol@far.example", [OWNER], busy.letter(number))
    await client.quit()
