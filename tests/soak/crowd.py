"""A crowd of connections that want nothing, or nothing good: a process of its own, so that it slows nobody else's clock down.

    python -m tests.soak.crowd PORTS COUNT

PORTS is JSON. It writes one line of JSON when everybody is there, another each time it is asked by a line, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeAlias

import uvloop
from tests.interop.serving import HOST
from tests.journeys.client import PASSWORD

AT_ONCE = 100  # that are about to connect
SLOW = (2.0, 5.0)  # seconds between octets
AGAIN = 1.0  # seconds before somebody who was shown out comes again
PEOPLE = 10
TOO_LONG = b"NOOP " + b"x" * 100_000 + b"\r\n"
MANY_AT_ONCE = 130  # from one address: more than limits.connections_per_address
NO_HELLO = b"\x16\x03\x01\x00\xc8\xff"  # a record of 200 octets that is there, of a handshake that begins with no known word
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST

told: Counter[str] = Counter()
standing: Counter[str] = Counter()
Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
Member = Callable[[int, Random], Awaitable[None]]


async def opened(port: int) -> tuple[Reader, Writer]:
    return await asyncio.open_connection(HOST, port)


async def idle_imap(port: int, dice: Random) -> None:
    """Logged in, waiting for mail to come."""
    reader, writer = await opened(port)
    await reader.readline()
    for line in (f"a LOGIN user{dice.randrange(PEOPLE)}@here.example {PASSWORD}", "b SELECT INBOX"):
        writer.write(line.encode() + b"\r\n")
        while not (answer := await reader.readline()).startswith(line[:1].encode()):
            if not answer:
                raise EOFError
    writer.write(b"c IDLE\r\n")
    await linger("idle IMAP", reader)


async def silent(port: int, dice: Random) -> None:
    """Greeted, and then nothing."""
    reader, _writer = await opened(port)
    await reader.readline()
    await linger("silent", reader)


async def linger(kind: str, reader: Reader) -> None:
    """Stay until shown out; what is heard meanwhile is not looked at."""
    standing[kind] += 1
    try:
        last = b""
        while line := await reader.readline():
            last = line
        told[f"{kind}: {last[:4].decode('latin-1').strip()}"] += 1
    finally:
        standing[kind] -= 1


async def slow(port: int, dice: Random) -> None:
    """Speaks, an octet every few seconds."""
    reader, writer = await opened(port)
    await reader.readline()
    listening = asyncio.ensure_future(linger("slow", reader))
    while not listening.done():
        for octet in b"NOOP\r\n":
            await asyncio.sleep(dice.uniform(*SLOW))
            writer.write(bytes([octet]))
    await listening


async def babbling(port: int, dice: Random) -> None:
    """Commands that are none, until that is enough."""
    reader, writer = await opened(port)
    last = await reader.readline()
    # One at a time: what is still under way when a server hangs up makes the kernel forget its last words.
    while last and not last.startswith(b"421"):
        writer.write(b"WHATEVER\r\n")
        last = await reader.readline()
    told[f"babbling: {last[:3].decode('latin-1') or 'closed'}"] += 1
    writer.close()


async def overlong(port: int, dice: Random) -> None:
    """Lines of a hundred thousand octets, one after the other."""
    reader, writer = await opened(port)
    await reader.readline()
    for _ in range(5):
        writer.write(TOO_LONG)
        answer = await reader.readline()
        told[f"overlong: {answer[:3].decode()}"] += 1
    writer.close()


async def deaf(port: int, dice: Random) -> None:
    """Asks and asks, and reads none of the answers."""
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, (HOST, port))
        standing["deaf"] += 1
        await loop.sock_sendall(sock, f"a LOGIN user0@here.example {PASSWORD}\r\n".encode())
        try:
            async with asyncio.timeout(60):
                while True:
                    await loop.sock_sendall(sock, b"b CAPABILITY\r\n" * 100)
        except TimeoutError:
            pass
        finally:
            standing["deaf"] -= 1


async def half_open(port: int, dice: Random) -> None:
    """Leaves without a word: by RST, or by closing its half while the other side still speaks."""
    reader, writer = await opened(port)
    writer.write(b"EHLO client.example\r\nMAIL FR")
    if dice.random() < 0.5:
        writer.write_eof()
        await hang_on("half open", reader)
    else:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()
        told["half open: reset"] += 1


async def garbage(port: int, dice: Random) -> None:
    """No TLS where TLS is spoken."""
    reader, writer = await opened(port)
    writer.write(NO_HELLO + dice.randbytes(200) if dice.random() < 0.5 else b"GET / HTTP/1.1\r\n\r\n")
    await hang_on("garbage", reader)
    writer.close()


async def pushing(port: int, dice: Random) -> None:
    """Too many from one address, as a balancer says."""
    address = f"198.51.{dice.randrange(100)}.{dice.randrange(1, 255)}"
    header = f"PROXY TCP4 {address} 192.0.2.1 4711 25\r\n".encode()
    writers: list[Writer] = []
    try:
        for _ in range(MANY_AT_ONCE):
            reader, writer = await opened(port)
            writers.append(writer)
            writer.write(header)
            told[f"pushing: {(await reader.readline())[:3].decode()}"] += 1
    finally:
        for writer in writers:
            writer.close()


async def hang_on(kind: str, reader: Reader) -> None:
    """Until the connection ends; the last word is what counts."""
    last = b""
    async with asyncio.timeout(120):
        while line := await reader.readline():
            last = line
    told[f"{kind}: {last[:3].decode('latin-1').strip() or 'closed'}"] += 1


# Of a hundred in the crowd, so many are of each kind, at each door.
MEMBERS: tuple[tuple[Member, str, int], ...] = (
    (idle_imap, "imap", 50),
    (silent, "smtp", 20),
    (silent, "pop3", 10),
    (slow, "smtp", 14),
    (babbling, "smtp", 1),
    (overlong, "smtp", 1),
    (deaf, "imap", 1),
    (half_open, "smtp", 1),
    (garbage, "imaps", 1),
    (pushing, "proxied", 1),
)
# Those who hammer are few, however large the crowd: it is the server that is measured, and not how much processor they take from it.
HAMMERING = (babbling, overlong, half_open, garbage, pushing)
MOST_HAMMERING = 5


async def stay(member: Member, port: int, dice: Random, doors: asyncio.Semaphore) -> None:
    """Come, and come again when shown out."""
    while True:
        try:
            if member in HAMMERING:
                async with doors:
                    await member(port, dice)
            else:
                await member(port, dice)
        except (OSError, EOFError, TimeoutError):
            told[f"{member.__name__}: cut"] += 1
        await asyncio.sleep(AGAIN * dice.uniform(0.5, 1.5))


async def main(ports: dict[str, int], count: int) -> None:
    dice, doors, tasks = Random(count), asyncio.Semaphore(AT_ONCE), []
    lasting = 0
    for member, door, share in MEMBERS:
        many = max(1, count * share // 100)
        if member in HAMMERING:
            many = min(many, MOST_HAMMERING)
        elif member is not deaf:
            lasting += many
        for _ in range(many):
            tasks.append(asyncio.ensure_future(stay(member, ports[door], dice, doors)))
            if len(tasks) % AT_ONCE == 0:
                await asyncio.sleep(0.05)
    while sum(standing.values()) < lasting:
        await asyncio.sleep(0.1)
    say()
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        say()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def say() -> None:
    print(json.dumps({"standing": standing, "told": told}), flush=True)


if __name__ == "__main__":
    uvloop.run(main(json.loads(sys.argv[1]), int(sys.argv[2])))
