"""Every combination of line ends around a dot: who sends it, who takes it, and that nobody sees two messages where others see one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product

import pytest

from correo.receive.incoming import whole_newlines
from correo.wire import NEED_DATA
from correo.wire.smtp.answer import reply
from correo.wire.smtp.data import Chunk, EndOfData, Fault
from correo.wire.smtp.server import Command, Server
from correo.wire.smtp.stuffing import Stuffer

BEFORE = (
    "",
    "\r\n",
    "\n",
    "\r",
    "\r\r\n",
    "\n\r",
    "\n\n",
    "\r\r",
    "\r\n\n",
    "\n\r\n",
    "\0\r\n",
    "\r\n\0",
    " \r\n",
)
DOTS = (".", "..", ". ", ".\0")
AFTER = ("\r\n", "\n", "\r", "\r\r\n", "\n\r", "\n\n", "\r\r", "\0\r\n", "\r\0\n")
MATRIX = [
    f"Subject: x\r\n\r\none{before}{dot}{after}MAIL FROM:<evil@example.net>\r\ntwo".encode()
    for before, dot, after in product(BEFORE, DOTS, AFTER)
]
# How servers end lines: as they should, at any LF, at any CR or LF.
VIEWS = {"strict": rb"\r\n", "lax": rb"\r?\n", "laxer": rb"\r\n|\r|\n"}


def seen(wire: bytes, view: str) -> tuple[list[bytes], bytes]:
    """The lines of the first message as a server of this kind understands what is sent to it, and what it takes for commands."""
    lines: list[bytes] = []
    at = 0
    for end in re.finditer(VIEWS[view], wire):
        line, at = wire[at : end.start()], end.end()
        if line == b".":
            return lines, wire[at:]
        lines.append(line.removeprefix(b"."))
    raise AssertionError("the message does not end")


def served(wire: bytes, piece: int) -> tuple[bytes, Fault, list[str]]:
    return read_in(wire[start : start + piece] for start in range(0, len(wire), piece))


def read_in(pieces: Iterable[bytes]) -> tuple[bytes, Fault, list[str]]:
    """What our server makes of it: text, faults, and the commands behind the message."""
    server = Server(max_size=10_000)
    server.reply(reply(220, "", "hello"))
    server.receive(b"DATA\r\n")
    assert isinstance(server.next_event(), Command)
    server.reply(reply(354, "", "go on"))
    text, faults, commands = b"", Fault.NONE, []
    for piece in pieces:
        server.receive(piece)
        while (event := server.next_event()) is not NEED_DATA:
            match event:
                case Chunk(data):
                    text += data
                case EndOfData():
                    faults = event.faults
                    server.reply(reply(250, "2.0.0", "Ok"))
                case Command(verb):
                    commands.append(verb)
                    server.reply(reply(250, "2.0.0", "Ok"))
                case _:
                    commands.append("?")
                    server.reply(reply(500, "5.5.2", "What?"))
    return text, faults, commands


@pytest.mark.parametrize("piece", [1, 3, 10_000])
def test_what_others_would_take_for_two_is_refused(piece: int) -> None:
    for message in MATRIX:
        wire = message + b"\r\n.\r\n"
        _, faults, commands = served(wire, piece)
        ended = re.search(rb"\r\n\.\r\n", wire)
        assert ended
        honest = ended.end() == len(
            wire
        )  # it ends once, where it ends for everybody who keeps to the standard
        assert ("MAIL" in commands) is not honest, wire
        views = [seen(wire, view) for view in VIEWS]
        if honest and any(view != views[0] for view in views):
            assert faults & (Fault.BARE_CR | Fault.BARE_LF), wire


def test_where_it_is_cut_makes_no_difference() -> None:
    for message in MATRIX:
        wire = message + b"\r\n.\r\n"
        whole = read_in([wire])
        for at in range(wire.index(b"one"), wire.index(b"evil")):
            assert read_in([wire[:at], wire[at:]]) == whole, (wire, at)


def test_what_is_mended_means_one_thing_to_everybody() -> None:
    for message in MATRIX:
        text, _, _ = served(message + b"\r\n.\r\n", 10_000)
        mended = whole_newlines(text)
        wire = sent(mended, 10_000)
        lines, rest = seen(wire, "strict")
        assert rest == b""
        assert b"\r\n".join(lines) + b"\r\n" == mended
        assert all(seen(wire, view) == (lines, rest) for view in VIEWS), message


def sent(message: bytes, piece: int) -> bytes:
    stuffer = Stuffer()
    pieces = [stuffer.encode(message[start : start + piece]) for start in range(0, len(message), piece)]
    return b"".join(pieces) + stuffer.finish()


@pytest.mark.parametrize("piece", [1, 2, 5, 10_000])
def test_what_we_send_means_one_thing_to_everybody(piece: int) -> None:
    """Whatever a message that we hold is made of: it came by IMAP, or before anybody knew of this."""
    for message in MATRIX:
        wire = sent(message, piece)
        views = [seen(wire, view) for view in VIEWS]
        assert all(view == views[0] for view in views), message
        lines, rest = views[0]
        assert rest == b"", message
        assert b"\r\n".join(lines) + b"\r\n" == whole_newlines(message + b"\r\n"), message


def test_what_we_send_is_what_our_server_takes() -> None:
    for message in MATRIX:
        if b"\0" in message:
            continue
        text, faults, commands = served(sent(message, 10_000), 7)
        assert (faults, commands) == (Fault.NONE, [])
        assert text == whole_newlines(message + b"\r\n")
