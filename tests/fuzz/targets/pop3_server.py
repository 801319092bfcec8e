"""The server's side of POP3: framing, authentication, and answers of many lines."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz.dialogs import ANYWHERE, POP3, dialogs
from tests.fuzz.target import Target, alike

from correo.wire import NEED_DATA
from correo.wire.pop3.reply import BeginTls, Challenge, Err, Lines, Ok, Reply, stuffed
from correo.wire.pop3.server import MAX_LINE, AuthResponse, Command, Eof, Event, Server, TooLong


def answer(event: Event) -> Reply:
    match event:
        case TooLong() | AuthResponse(data=None):
            return Err("no", "SYS/TEMP")
        case AuthResponse():
            return Ok("yes")
        case Command(verb="AUTH"):
            return Challenge(b"say it")
        case Command(verb="STLS"):
            return BeginTls()
        case Command(verb="QUIT"):
            return Ok("bye", last=True)
        case Command(verb="RETR", argument=argument):
            return Lines("here", argument.encode("utf-8", "surrogateescape").replace(b"|", b"\r\n"))
    return Ok()


def dialogue(pieces: list[bytes]) -> object:
    core = Server()
    core.greet("ready")
    heard: list[object] = []
    output = b""
    for piece in [*pieces, b""]:
        core.receive(piece)
        for _ in range(len(piece) + MAX_LINE + 2):
            event = core.next_event()
            if event is NEED_DATA or core.closed:
                break
            assert isinstance(event, Command | AuthResponse | TooLong | Eof)
            heard.append(event)
            core.reply(answer(event))
        else:
            raise AssertionError("more events than octets")
        output += core.take_output()
        if core.tls_wanted:
            core.tls_started()
        if core.closed:
            break
    assert output.endswith(b"\r\n")
    assert output.count(b"\n") == output.count(b"\r\n") == output.count(b"\r"), (
        "a line end of one octet was sent"
    )
    return heard, output


def run(octets: bytes) -> None:
    if b"STLS" in octets.upper():  # what came with it is thrown away
        dialogue([octets])
    else:
        alike(dialogue, octets)
    text = stuffed(octets)
    assert b"\r\n.\r\n" not in b"\r\n" + text, "a message that ends early"
    assert sum(len(piece) for piece in Lines("", octets).pieces()) == len(Lines("", octets).encode())


def seeds() -> Iterator[bytes]:
    yield from (b"".join(lines) for lines in dialogs("pop3"))
    yield b"AUTH PLAIN\r\nAGEAYg==\r\nRETR .|..|.a|\r\nAUTH\r\n*\r\nQUIT\r\n"


TARGET = Target(
    "pop3-server", ("correo.wire.pop3", "correo.wire.buffer"), run, seeds, (*POP3, *ANYWHERE, b"|")
)
