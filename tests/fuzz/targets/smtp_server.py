"""The server's side of SMTP, driven by a session that says yes to everything and refuses what is no message."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.fuzz.dialogs import ANYWHERE, SMTP, dialogs
from tests.fuzz.target import Target, alike

from correo.wire import NEED_DATA
from correo.wire.smtp.answer import MAX_LINE, Reply, reply
from correo.wire.smtp.server import (
    AuthResponse,
    BeginChunk,
    Chunk,
    Command,
    EndOfChunk,
    EndOfData,
    Eof,
    Event,
    Fault,
    Malformed,
    Overlong,
    Server,
)

MOST = 300  # octets of a message that are kept
LINE = re.compile(rb"[2-5][0-9]{2}[ -][ -~]*")


class Session:
    """As little of one as drives the core through all its modes."""

    def __init__(self) -> None:
        self.core = Server(max_size=MOST)
        self.core.reply(reply(220, "", "here"))
        self.heard: list[object] = []
        self.output = b""
        self.text = bytearray()

    def feed(self, octets: bytes) -> None:
        self.core.receive(octets)
        for _ in range(2 * len(octets) + 2 * self.core.waiting + 8):
            event = self.core.next_event()
            if event is NEED_DATA:
                break
            assert not isinstance(event, type(NEED_DATA))
            self._answer(event)
        else:
            raise AssertionError("more events than octets")
        self.output += self.core.take_output()
        if self.core.tls_wanted:
            self.core.tls_started()

    def _answer(self, event: Event) -> None:
        if isinstance(event, Chunk):  # how a message comes in pieces may differ
            self.text += event.data
            assert len(self.text) <= MOST, "more of a message is kept than its limit"
            return
        self.heard.append(event)
        if isinstance(event, BeginChunk | Eof):
            return
        if isinstance(event, EndOfData | EndOfChunk):
            self._judge(event)
        self.core.reply(self._said(event))

    def _judge(self, end: EndOfData | EndOfChunk) -> None:
        """What is wrong with a text is told, whatever it is (RFC 5321 §2.3.8)."""
        last = isinstance(end, EndOfData) or end.last
        text = bytes(self.text)
        if Fault.TOO_BIG in end.faults:
            assert end.size > MOST
        else:
            assert end.size == len(text), "the size is not that of the text"
            assert (b"\0" in text) is (Fault.NUL in end.faults)
        if last and not end.faults:
            breaks = text.count(b"\r\n")
            assert text.count(b"\r") == text.count(b"\n") == breaks, "a line end of one octet was let pass"
        if last:
            self.heard.append(text)
            self.text.clear()

    def _said(self, event: Event) -> Reply:
        match event:
            case Malformed() | Overlong():
                return reply(500, "5.5.2", "no")
            case AuthResponse(data=None):
                return reply(501, "5.5.2", "no")
            case AuthResponse():
                return reply(235, "2.7.0", "yes")
            case EndOfData(faults=faults) | EndOfChunk(faults=faults):
                return reply(554, "5.6.0", "no") if faults else reply(250, "2.0.0", "yes")
            case Command(verb="DATA" | "RSET" as verb):
                self.core.forget_chunks()
                self.text.clear()
                return reply(354 if verb == "DATA" else 250, "", "go on")
            case Command(verb="AUTH"):
                return reply(334, "", "")
            case Command(verb="STARTTLS"):
                return reply(220, "2.0.0", "go on")
            case Command(verb="QUIT"):
                return reply(221, "2.0.0", "bye")
            case Command(argument=argument):  # whatever gets into a reply stays one line of it
                return reply(250, "2.0.0", "first", argument)
        raise AssertionError(f"{event} needs no answer")


def dialogue(pieces: list[bytes]) -> object:
    session = Session()
    for piece in [*pieces, b""]:
        session.feed(piece)
    for line in session.output.split(b"\r\n")[:-1]:
        assert LINE.fullmatch(line), f"{line!r} is no line of a reply"
        assert len(line) <= MAX_LINE
    assert session.output.endswith(b"\r\n")
    return session.heard, session.output


def run(octets: bytes) -> None:
    if b"STARTTLS" in octets.upper():  # what came with it is thrown away, which depends on what came with it
        dialogue([octets])
    else:
        alike(dialogue, octets)


def seeds() -> Iterator[bytes]:
    for kind in ("mx", "submission", "lmtp"):
        yield from (b"".join(lines) for lines in dialogs(kind))
    yield b"EHLO a\r\nBDAT 5\r\nab\r\ncBDAT 3 LAST\r\nd\r\nBDAT 9\r\n0123\0\n789\rBDAT 0 LAST\r\nQUIT\r\n"
    yield b"EHLO a\r\nDATA\r\n..a\r\n.\rb\n.\n\r\n.\r\nDATA\r\n.\r\nNOOP \t x\r\n"


TARGET = Target(
    "smtp-server",
    (
        "correo.wire.smtp.server",
        "correo.wire.smtp.data",
        "correo.wire.smtp.chunks",
        "correo.wire.smtp.answer",
        "correo.wire.buffer",
    ),
    run,
    seeds,
    (*SMTP, *ANYWHERE),
)
