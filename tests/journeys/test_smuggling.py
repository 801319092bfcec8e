"""Every combination of line ends around a dot, sent to a server of ours and on through its client to a second one and to servers with
other ideas of a line: all of them see the same messages, and as many (SMTP smuggling, CVE-2023-51764 and its kin).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from tests.journeys.client import Smtp
from tests.journeys.onlookers import VIEWS, Onlooker
from tests.journeys.server import Server
from tests.journeys.town import Town, live

from correo.net import Session
from correo.net.memory import MemoryStream
from correo.receive.incoming import whole_newlines
from correo.receive.options import Limits
from correo.receive.session import SmtpSession

ALICE, BOB = "alice@here.example", "bob@there.example"
ENDS = ("\r\n", "\n", "\r", "\r\r\n", "\n\r", "", "\0", "\0\r\n", "\r\n\0")
DOTS = (".", "..", ". ")
PATIENT = Limits(errors=100_000, idle_commands=100_000)


def wires() -> list[bytes]:
    """What is sent after 354: a message, and in it, around a dot, what may be its end and another transaction."""
    return [
        (
            f"Subject: first {number}\r\n\r\none{before}{dot}{after}"
            f"MAIL FROM:<evil@elsewhere.example>\r\nRCPT TO:<all@here.example>\r\nDATA\r\n"
            f"Subject: second {number}\r\n\r\ntwo\r\n.\r\n"
        ).encode()
        for number, (before, dot, after) in enumerate(product(ENDS, DOTS, ENDS))
    ]


def meant(wire: bytes) -> list[bytes]:
    """The messages in it by the letter of the standard, as they were before dots were doubled (RFC 5321 §4.1.1.4, §4.5.2)."""
    found = []
    while wire:
        text, _, wire = wire.partition(b"\r\n.\r\n")
        found.append(re.sub(rb"(?:^|(?<=\r\n))\.", b"", text + b"\r\n"))
        wire = wire.partition(b"DATA\r\n")[2] if wire.startswith(b"MAIL") else b""
    return found


def is_clean(message: bytes) -> bool:
    """Lines that end in CR LF, and nothing else that could be taken for the end of one."""
    return not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", message)


class Mending(Server):
    """Makes whole lines of what has bare CR and LF, instead of refusing it."""

    def session(self, kind: str, stream: MemoryStream) -> Session:
        session = super().session(kind, stream)
        if isinstance(session, SmtpSession):
            talk = session.talk
            return SmtpSession(replace(talk.options, mend_newlines=True), talk.services, stream.peer)
        return session


async def surroundings(town: Town, make: type[Server]) -> tuple[Server, Server, list[Onlooker]]:
    here = await town.server("mail.here.example", "here.example", "alice", limits=PATIENT, make=make)
    there = await town.server("mx.there.example", "there.example", "bob")
    onlookers = [Onlooker(view) for view in VIEWS]
    for onlooker in onlookers:
        domain = f"{onlooker.view}.example"
        address = town.address()
        town.publish(domain, f"mx.{domain}", address)
        town.network.listen(address, 25, onlooker.serve)
    targets = [ALICE, BOB, *(f"bob@{view}.example" for view in VIEWS)]
    await here.alias("all@here.example", *targets)
    return here, there, onlookers


async def sent(smtp: Smtp, wires: Sequence[bytes]) -> None:
    """Each in a transaction of its own; what the server answers is heard to the end."""
    for wire in wires:
        assert (await smtp.ask("MAIL FROM:<zoe@elsewhere.example>")).code == 250
        assert (await smtp.ask("RCPT TO:<all@here.example>")).code == 250
        assert (await smtp.ask("DATA")).code == 354
        smtp.stream.write(wire + b"HELP\r\n")
        while (await smtp.reply()).code != 214:
            pass


def texts(stored: Sequence[bytes]) -> list[bytes]:
    """Without what each server writes in front."""
    return sorted(raw[raw.index(b"Subject: ") :] for raw in stored)


async def compare(here: Server, there: Server, onlookers: Sequence[Onlooker], expected: list[bytes]) -> None:
    assert texts(await here.inbox(ALICE)) == sorted(expected)
    assert texts(await there.inbox(BOB)) == sorted(expected)
    for onlooker in onlookers:
        assert texts(onlooker.taken) == sorted(expected), onlooker.view
        assert onlooker.said.count(b"MAIL") == len(expected), onlooker.view
        assert set(onlooker.said) <= {b"EHLO", b"MAIL", b"RCPT", b"DATA", b"QUIT", b"RSET"}, onlooker.view
        assert onlooker.hung == 0
    assert await here.queued() == []


@pytest.mark.parametrize("pieces", [0, 1, 7], ids=["whole", "octets", "sevens"])
@pytest.mark.parametrize("make", [Server, Mending])
def test_all_see_the_same_messages(make: type[Server], pieces: int, tmp_path: Path) -> None:
    @live
    async def story(town: Town) -> None:
        town.network.chunk = pieces
        here, there, onlookers = await surroundings(town, make)
        await sent(await here.smtp(), wires())
        await town.wait("10m")
        messages = [message for wire in wires() for message in meant(wire)]
        if make is Mending:
            expected = [whole_newlines(message) for message in messages if b"\0" not in message]
        else:
            expected = [message for message in messages if is_clean(message)]
        assert len(messages) > len(wires())  # in some, the dot in the middle is one for everybody
        assert len(expected) > 10
        await compare(here, there, onlookers, expected)

    story(tmp_path)


@pytest.mark.parametrize("make", [Server, Mending])
def test_by_chunks_a_dot_is_nothing_special(make: type[Server], tmp_path: Path) -> None:
    """In by BDAT, where nothing is doubled, and out by DATA, where a line of one dot would be the end."""

    @live
    async def story(town: Town) -> None:
        here, there, onlookers = await surroundings(town, make)
        smtp = await here.smtp()
        for wire in wires():
            assert (await smtp.ask("MAIL FROM:<zoe@elsewhere.example>")).code == 250
            assert (await smtp.ask("RCPT TO:<all@here.example>")).code == 250
            half = len(wire) // 2
            smtp.stream.write(
                b"BDAT %d\r\n%bBDAT %d LAST\r\n%b" % (half, wire[:half], len(wire) - half, wire[half:])
            )
            smtp.stream.write(b"RSET\r\nHELP\r\n")
            while (await smtp.reply()).code != 214:
                pass
        await town.wait("10m")
        if make is Mending:
            expected = [whole_newlines(wire) for wire in wires() if b"\0" not in wire]
        else:
            expected = [wire for wire in wires() if is_clean(wire)]
        assert len(expected) > 10
        await compare(here, there, onlookers, expected)

    story(tmp_path)
