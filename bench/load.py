"""A client that sends mail as fast as the server takes it, and tells how fast that was."""

from __future__ import annotations

import asyncio
import random
import resource
import time
from dataclasses import dataclass

SENDER = "sender@far.example"
WORDS_KNOWN = 4_000  # different words: about as compressible as letters are
ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Letter:
    recipient: str
    data: bytes  # dot-stuffed, with the final dot


@dataclass(frozen=True, slots=True)
class Sent:
    seconds: float  # from the first connection to the last 250
    latencies: list[float]  # seconds from MAIL to the 250 after DATA, one a message
    cpu: float  # seconds of processor this client took


def letters(count: int, size: int, recipients: list[str], seed: int) -> list[Letter]:
    """`count` messages, no two alike, of `size` octets, dealt to the recipients in turn."""
    choose = random.Random(seed)
    alphabet = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(choose.choices(alphabet, k=choose.randint(2, 9))) for _ in range(WORDS_KNOWN)]
    return [
        _letter(choose, words, number, size, recipients[number % len(recipients)]) for number in range(count)
    ]


def _letter(choose: random.Random, words: list[str], number: int, size: int, recipient: str) -> Letter:
    unique = f"{choose.getrandbits(64):016x}"
    header = (
        f"From: A Sender <{SENDER}>\r\nTo: <{recipient}>\r\nSubject: message {number} {unique}\r\n"
        f"Date: Mon, 23 Nov 2026 09:53:00 +0000\r\nMessage-ID: <{unique}@far.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    )
    lines = [header]
    length = len(header)
    while length < size:
        line = " ".join(choose.choices(words, k=11)) + "\r\n"
        lines.append(line)
        length += len(line)
    return Letter(recipient, "".join(lines).encode() + b".\r\n")


async def send(host: str, port: int, work: list[Letter], connections: int) -> Sent:
    """`host` may be `unix:path`. Send everything over `connections` at once, each kept open, with the envelope pipelined (RFC 2920) as servers do it."""
    queue = iter(work)
    latencies: list[float] = []
    before = _cpu()
    start = time.perf_counter()
    await asyncio.gather(*(_connection(host, port, queue, latencies) for _ in range(connections)))
    seconds = time.perf_counter() - start
    return Sent(seconds, latencies, _cpu() - before)


async def _connection(host: str, port: int, queue: object, latencies: list[float]) -> None:
    path = host.removeprefix("unix:")
    opening = asyncio.open_unix_connection(path) if path != host else asyncio.open_connection(host, port)
    reader, writer = await opening
    await _answer(reader, b"220")
    writer.write(b"EHLO client.far.example\r\n")
    await _answer(reader, b"250")
    for letter in queue:  # type: ignore[attr-defined]
        begin = time.perf_counter()
        writer.write(f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{letter.recipient}>\r\nDATA\r\n".encode())
        await _answer(reader, b"250")
        await _answer(reader, b"250")
        await _answer(reader, b"354")
        writer.write(letter.data)
        await _answer(reader, b"250")
        latencies.append(time.perf_counter() - begin)
    writer.write(b"QUIT\r\n")
    await _answer(reader, b"221")
    writer.close()


async def _answer(reader: asyncio.StreamReader, expected: bytes) -> None:
    async with asyncio.timeout(ANSWER_SECONDS):
        line = await reader.readline()
        while line[3:4] == b"-":
            line = await reader.readline()
    if not line.startswith(expected):
        raise RuntimeError(f"the server said {line!r} where {expected!r} belongs")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
