"""Messages to send: no two alike, about as compressible as letters are, and the same for the same seed."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

SENDER = "sender@far.example"
WORDS_KNOWN = 4_000  # different words
LINE_WORDS = 11

KB = 1_000
# Share of the messages, and the least and the most octets of one: 12.8 KB on average, of which the few large ones are a third.
MIXED = ((0.50, 1 * KB, 4 * KB), (0.35, 5 * KB, 10 * KB), (0.13, 20 * KB, 55 * KB), (0.02, 60 * KB, 500 * KB))


@dataclass(frozen=True, slots=True)
class Letter:
    recipient: str
    data: bytes  # dot-stuffed, with the final dot


def letters(count: int, size: int, recipients: Sequence[str], seed: int) -> list[Letter]:
    """`count` messages of `size` octets, or of mixed sizes for 0, dealt to the recipients in turn."""
    choose = random.Random(seed)
    alphabet = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(choose.choices(alphabet, k=choose.randint(2, 9))) for _ in range(WORDS_KNOWN)]
    sizes: Callable[[], int] = (lambda: size) if size else (lambda: mixed(choose))
    return [
        _letter(choose, words, number, sizes(), recipients[number % len(recipients)])
        for number in range(count)
    ]


def mixed(choose: random.Random) -> int:
    """Octets of one of many messages; within each share small ones are as many as there are large ones by their logarithm."""
    at = choose.random()
    for share, least, most in MIXED:
        if at < share:
            return round(math.exp(choose.uniform(math.log(least), math.log(most))))
        at -= share
    return MIXED[-1][1]


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
        line = " ".join(choose.choices(words, k=LINE_WORDS)) + "\r\n"
        lines.append(line)
        length += len(line)
    return Letter(recipient, "".join(lines).encode() + b".\r\n")
