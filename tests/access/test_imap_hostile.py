"""Clients that mean harm, or are broken: they get a clear BAD, NO or BYE, little memory, and nobody else notices them."""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.access.test_imap_session import CLIENT, SERVER, House, house, lines

from correo.access.imap.commands import COMMANDS
from correo.net.memory import WINDOW, MemoryStream

MEMORY = (
    8 * 1024 * 1024
)  # octets that one hostile connection may cost at its worst, with a mailbox of MESSAGES
MESSAGES = 300
PIECE = 16 * 1024  # octets of one write
ENDING = (
    "LOGOUT",
    "STARTTLS",
    "COMPRESS",
    "IDLE",
    "LOGIN",
    "AUTHENTICATE",
    "UNAUTHENTICATE",
)  # of the dialog
LOGIN = lines("l LOGIN alice@example.org secret", "s SELECT INBOX")


def literal_flood() -> Iterator[bytes]:
    """Literals announced without end, none of which it means."""
    yield LOGIN
    for size in (4294967295, 99999999999999999999, 2_000_000, 1_000_001):
        yield lines(f"a APPEND INBOX {{{size}}}")
    yield lines("b LOGIN {9+}", "x" * 9)
    for _ in range(200):
        yield b"c SEARCH TEXT {60000+}\r\n" + b"x" * 60_000 + b" TEXT {60000+}\r\n" + b"y" * 60_000 + b"\r\n"


def literal_before_login() -> Iterator[bytes]:
    for _ in range(50):
        yield b"a LOGIN {100000+}\r\n" + b"x" * 100_000 + b" y\r\n"


def deep_nesting() -> Iterator[bytes]:
    yield LOGIN
    for depth in (100, 10_000, 30_000):
        yield lines(f"a SEARCH {'(' * depth}ALL{')' * depth}")
        yield lines(f"b SEARCH {'NOT ' * depth}ALL", f"c SEARCH {'OR ALL ' * depth}ALL")
        yield lines(f"d FETCH 1 BODY[{'1.' * depth}MIME]", f"e LIST {'(' * depth}")
        yield lines(f"f ID {'(' * depth}", f"g STORE 1 FLAGS {'(' * depth}", f"h THREAD {'(' * depth}")


def huge_sets() -> Iterator[bytes]:
    yield LOGIN
    whole = "1:4294967295"
    many = ",".join(str(n) for n in range(1, 60_000, 2))[:50_000].rpartition(",")[0]
    everything = ",".join([whole] * 3_000)
    for numbers in (whole, many, everything, "4294967295:1,*:1,*"):
        for command in (
            "UID FETCH {} (UID FLAGS)",
            "UID SEARCH UID {}",
            "FETCH {} FLAGS",
            "UID COPY {} Nowhere",
        ):
            yield lines("a " + command.format(numbers))
        yield lines(f"b UID STORE {numbers} +FLAGS.SILENT (\\Seen)", f"c UID EXPUNGE {numbers}")
        yield lines(f"d SEARCH NOT {numbers}", f"e UID SEARCH NOT UID {numbers} NOT UID {numbers}")
        yield lines(f"f SELECT INBOX (QRESYNC (1 1 {numbers} ({numbers} {numbers})))")
    yield lines("g FETCH 4294967296 UID", "h FETCH 0 UID", "i FETCH 99999999999999999999999 UID")


def costly_patterns() -> Iterator[bytes]:
    yield LOGIN
    for _ in range(20):
        yield lines(
            f'a LIST "" "{"%*" * 400}x"', f'b LSUB "" "{"*a%" * 300}"', f'c LIST "{"a/" * 400}" "*%*%*%"'
        )


def pipelined() -> Iterator[bytes]:
    """Every command there is, with arguments that fit or do not, and nothing of it is waited for."""
    yield LOGIN
    dice = random.Random(7)
    names = [row.name for row in COMMANDS if row.name not in ENDING]
    endings = (
        "",
        " 1",
        " 1:* FLAGS",
        " INBOX",
        ' "" "*"',
        " ALL",
        " 1 +FLAGS (x)",
        " (",
        " {0+}\r\n",
        " 1:* Trash",
    )
    for _ in range(400):
        yield lines(*(f"p{n} {dice.choice(names)}{dice.choice(endings)}" for n in range(10)), "ok NOOP")


def nonsense() -> Iterator[bytes]:
    dice = random.Random(3)
    for _ in range(200):
        yield dice.randbytes(2_000)


def pieces_of_one_part() -> Iterator[bytes]:
    """Each of them is nearly all of a large message, and all are asked for in one FETCH."""
    message = b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUJD" * 200_000
    append = b"a APPEND Trash {%d+}\r\n%b\r\n" % (len(message), message)
    whole = " ".join(f"BODY.PEEK[]<{n}.999999>" for n in range(200))
    part = " ".join(f"BINARY.PEEK[1]<{n}.999999>" for n in range(200))
    yield LOGIN + lines("b SELECT Trash") + append
    yield lines(f"c FETCH 1 ({whole})", f"d FETCH 1 ({part})", f"e UID FETCH 1 (UID BINARY.SIZE[1] {part})")


def endless_line() -> Iterator[bytes]:
    yield LOGIN + b"a SEARCH TEXT "
    for _ in range(500):
        yield b"x" * PIECE


ATTACKS = (
    literal_flood,
    literal_before_login,
    deep_nesting,
    huge_sets,
    costly_patterns,
    pieces_of_one_part,
    pipelined,
    nonsense,
    endless_line,
)


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as home:
        await home.fill("INBOX", MESSAGES)
        yield home


class Honest:
    """Does its work and counts what is done."""

    def __init__(self, home: House) -> None:
        self.near, far = MemoryStream.pair(CLIENT, SERVER)
        self.task = asyncio.get_running_loop().create_task(home.serve(far))
        self.heard = b""

    async def command(self, tag: str, text: str) -> None:
        self.near.write(lines(f"{tag} {text}"))
        while f"{tag} ".encode() not in self.heard:
            data = await asyncio.wait_for(self.near.read(None), 20)
            assert isinstance(data, bytes)
            assert data
            self.heard += data
        assert f"{tag} OK".encode() in self.heard, self.heard[-300:]
        self.heard = b""


async def attack(home: House, pieces: Iterator[bytes]) -> bytes:
    """What the server says to a client that sends all this as fast as it is taken; "" behind it where it hung up."""
    near, far = MemoryStream.pair(CLIENT, SERVER)
    task = asyncio.get_running_loop().create_task(home.serve(far))
    said = bytearray()

    async def listen() -> None:
        try:
            while data := await near.read(None):
                assert isinstance(data, bytes)
                said[:] = (said + data)[-4_000:]
        except ConnectionResetError:
            pass  # it hung up while we still talked

    listening = asyncio.get_running_loop().create_task(listen())
    try:
        for piece in pieces:
            for at in range(0, len(piece), PIECE):
                near.write(piece[at : at + PIECE])
                await near.drain(20)
    except ConnectionResetError:
        pass  # the server had enough
    far._eof = True  # it says no more, and hears all that is still to come
    far._rouse()
    await asyncio.wait_for(asyncio.gather(task, listening), 60)
    return bytes(said)


@pytest.mark.parametrize("pieces", ATTACKS, ids=lambda pieces: pieces.__name__)
async def test_little_memory_and_nobody_else_notices(home: House, pieces: object) -> None:
    assert callable(pieces)
    honest = Honest(home)
    await honest.command("a", "LOGIN alice@example.org secret")
    await honest.command("b", "SELECT INBOX")
    tracemalloc.start()
    try:
        attacking = asyncio.get_running_loop().create_task(attack(home, pieces()))
        done = 0
        while not attacking.done() or done < 3:
            done += 1
            await honest.command(f"c{done}", "NOOP")
            await honest.command(f"d{done}", "UID FETCH 1:5 (FLAGS)")
        said = await attacking
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
    last = said.splitlines()[-1]
    assert b" BAD " in last or b" NO " in last or b" OK " in last or last.startswith(b"* BYE "), last
    await honest.near.close()
    await asyncio.wait_for(honest.task, 20)
    assert not home.faults


async def test_who_does_not_read_is_not_written_to_without_end(home: House) -> None:
    """Half-open: it asks for very much, and takes nothing."""
    near, far = MemoryStream.pair(CLIENT, SERVER)
    task = asyncio.get_running_loop().create_task(home.serve(far))
    near.write(LOGIN + lines(*(f"a{n} FETCH 1:* BODY.PEEK[]" for n in range(2_000))))
    honest = Honest(home)
    await honest.command("a", "LOGIN alice@example.org secret")
    for number in range(50):
        await honest.command(f"b{number}", "STATUS INBOX (MESSAGES)")
    assert len(near._inbox) < 4 * WINDOW
    near.abort()
    await asyncio.wait_for(task, 20)
    await honest.near.close()
    await asyncio.wait_for(honest.task, 20)
    assert not home.faults
