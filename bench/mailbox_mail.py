"""A mailbox as people have them: half of the messages of 1 KB, four in ten of 4 KB, one in ten of 30 KB with HTML beside the text.

5.2 KB on average, so 104 MB in 20,000 messages. No two are alike, and the same seed gives the same messages.
"""

from __future__ import annotations

import random
from base64 import encodebytes
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

SIZES = (1_000,) * 5 + (4_000,) * 4 + (30_000,)
BASE64_EVERY = 7  # of the messages with HTML, in place of quoted-printable
SENDERS = 200
NEEDLE_SENDER = "Quillfeather"  # in From of one message in SENDERS
NEEDLE_WORD = (
    "xylographer"  # in the text of one message in NEEDLE_EVERY, and made of letters that are common in texts
)
NEEDLE_EVERY = 2_000
WORDS_KNOWN = 4_000
FIRST_DAY = datetime(2026, 1, 5, 8, tzinfo=UTC)


def messages(count: int, seed: int) -> Iterator[bytes]:
    choose = random.Random(seed)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(choose.choices(letters, k=choose.randint(2, 9))) for _ in range(WORDS_KNOWN)]
    senders = [f"{choose.choice(words).title()} {choose.choice(words).title()}" for _ in range(SENDERS)]
    senders[-1] = f"Ada {NEEDLE_SENDER}"
    for number in range(count):
        yield _message(choose, words, senders[number % SENDERS], number)


def _message(choose: random.Random, words: Sequence[str], sender: str, number: int) -> bytes:
    size = choose.choice(SIZES)
    unique = f"{choose.getrandbits(64):016x}"
    when = FIRST_DAY + timedelta(minutes=7 * number)
    subject = " ".join(choose.choices(words, k=5))
    header = (
        f"Return-Path: <{unique[:6]}@far.example>\r\n"
        f"Received: from mx.far.example (mx.far.example [192.0.2.1])\r\n"
        f"\tby mail.bench.test with ESMTPS id {unique}; {when:%a, %d %b %Y %H:%M:%S} +0000\r\n"
        f"From: {sender} <{unique[:6]}@far.example>\r\nTo: User Zero <user0@bench.test>\r\n"
        f"Subject: {subject}\r\nDate: {when:%a, %d %b %Y %H:%M:%S} +0000\r\n"
        f"Message-ID: <{unique}@far.example>\r\nMIME-Version: 1.0\r\n"
    )
    first = f"{NEEDLE_WORD} " if number % NEEDLE_EVERY == NEEDLE_EVERY // 2 else ""
    if size <= 4_000:
        text = first + _text(choose, words, size - len(header))
        return f"{header}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}".encode()
    return header.encode() + _alternative(choose, words, first, size, unique)


def _alternative(choose: random.Random, words: Sequence[str], first: str, size: int, unique: str) -> bytes:
    plain = first + _text(choose, words, size // 3)
    html = f"<html><body><p>{_text(choose, words, size * 2 // 3)}</p></body></html>\r\n"
    if choose.randrange(BASE64_EVERY):
        encoding, body = "quoted-printable", html.replace("=", "=3D")
    else:
        encoding, body = "base64", encodebytes(html.encode()).decode().replace("\n", "\r\n")
    return (
        f'Content-Type: multipart/alternative; boundary="=_{unique}"\r\n\r\n'
        f"--=_{unique}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{plain}\r\n"
        f"--=_{unique}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}"
        f"\r\n--=_{unique}--\r\n"
    ).encode()


def _text(choose: random.Random, words: Sequence[str], size: int) -> str:
    lines = []
    length = 0
    while length < size:
        line = " ".join(choose.choices(words, k=11)) + "\r\n"
        lines.append(line)
        length += len(line)
    return "".join(lines)
