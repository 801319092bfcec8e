"""The server's core: events, what the reply does, and what it never does."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire import NEED_DATA
from correo.wire.buffer import Overlong
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.data import PIECE
from correo.wire.smtp.server import (
    MAX_AUTH,
    MAX_COMMAND,
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
    Server,
)

OK = reply(250, "2.0.0", "Ok")


def server(max_size: int = 10_000) -> Server:
    core = Server(max_size=max_size)
    core.reply(reply(220, "", "ready"))
    core.take_output()
    return core


def event_of(core: Server) -> Event:
    event = core.next_event()
    assert event is not NEED_DATA
    return event


def test_nothing_is_read_before_the_greeting() -> None:
    core = Server(max_size=10)
    core.receive(b"EHLO early\r\n")
    assert core.next_event() is NEED_DATA
    assert core.waiting == 12
    core.reply(reply(220, "", "ready"))
    assert core.take_output() == b"220 ready\r\n"
    assert core.next_event() == Command("EHLO", "early")


def test_one_event_then_nothing_until_the_reply() -> None:
    core = server()
    core.receive(b"noop\r\n  QUIT \r\n")
    assert core.next_event() == Command("NOOP", "")
    assert core.next_event() is NEED_DATA
    core.reply(OK)
    assert core.next_event() == Command("QUIT", "")
    core.reply(reply(221, "2.0.0", "Bye"))
    assert core.closed
    assert core.take_output() == b"250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n"
    core.receive(b"NOOP\r\n")
    assert core.next_event() is NEED_DATA
    core.reply(OK)
    assert core.take_output() == b""


def test_a_message_and_what_follows_it() -> None:
    core = server()
    core.receive(b"DATA\r\nlooks like NOOP\r\n.\r\nNOOP\r\n")
    assert core.next_event() == Command("DATA", "")
    core.reply(reply(354, "", "go"))
    assert core.next_event() == Chunk(b"looks like NOOP\r\n")
    assert core.next_event() == EndOfData(17, Fault.NONE)
    assert core.next_event() is NEED_DATA
    core.reply(OK, OK)
    assert core.next_event() == Command("NOOP", "")
    assert core.take_output().count(b"250") == 2


def test_data_that_is_refused_eats_no_commands() -> None:
    core = server()
    core.receive(b"DATA\r\nNOOP\r\n")
    event_of(core)
    core.reply(reply(503, "5.5.1", "no"))
    assert core.next_event() == Command("NOOP", "")


def test_starttls_forgets_what_came_in_clear() -> None:
    core = server()
    core.receive(b"STARTTLS\r\nMAIL FROM:<evil@example.net>\r\n")
    event_of(core)
    core.reply(reply(220, "2.0.0", "go"))
    assert core.tls_wanted
    core.receive(b"RSET\r\n")
    assert core.next_event() is NEED_DATA
    core.tls_started()
    assert core.next_event() is NEED_DATA
    core.receive(b"NOOP\r\n")
    assert core.next_event() == Command("NOOP", "")
    core.reply(reply(220, "", "not an answer to STARTTLS"))
    core.receive(b"RSET\r\n")
    assert core.next_event() == Command("RSET", "")


def test_starttls_refused_keeps_the_rest() -> None:
    core = server()
    core.receive(b"STARTTLS\r\nNOOP\r\n")
    event_of(core)
    core.reply(reply(502, "5.5.1", "no"))
    assert not core.tls_wanted
    assert core.next_event() == Command("NOOP", "")


def test_an_authentication_exchange() -> None:
    core = server()
    for line, expected in [
        (b"cXV1eA==", AuthResponse(b"quux")),
        (b"", AuthResponse(b"")),
        (b"*", AuthResponse(None, cancelled=True)),
        (b"cXV1eA", AuthResponse(None)),
        (b"* ", AuthResponse(None)),
        (b"\xff\x00", AuthResponse(None)),
    ]:
        core.receive(b"AUTH X\r\n" + line + b"\r\n")
        assert core.next_event() == Command("AUTH", "X")
        core.reply(reply(334, "", ""))
        assert core.next_event() == expected
        core.reply(OK)
    core.receive(b"*\r\n")
    assert core.next_event() == Command("*", "")


def test_limits_of_lines() -> None:
    core = server()
    for line, fits in [
        (b"NOOP " + b"x" * (MAX_COMMAND - 7), True),
        (b"NOOP " + b"x" * (MAX_COMMAND - 6), False),
        (b"AUTH " + b"x" * (MAX_AUTH - 7), True),
        (b"AUTH " + b"x" * (MAX_AUTH - 6), False),
    ]:
        core.receive(line + b"\r\n")
        assert isinstance(event_of(core), Command if fits else Overlong)
        core.reply(OK)


def test_lines_that_are_no_text() -> None:
    core = server()
    for line in (b"NO\0OP", b"NOOP \x7f", b"NOOP \xc3\x28", b"NO\rOP", b"\x16\x03\x01\x02\x00\x01"):
        core.receive(line + b"\r\n")
        assert core.next_event() == Malformed()
        core.reply(OK)
    core.receive("NOOP grüße\ttab\r\n".encode())
    assert core.next_event() == Command("NOOP", "grüße\ttab")


def test_the_end_of_the_stream() -> None:
    core = server()
    core.receive(b"NOOP\r\nQUI")
    core.receive(b"")
    assert core.next_event() == Command("NOOP", "")
    core.reply(OK)
    assert core.next_event() == Eof()
    assert core.closed
    assert core.next_event() is NEED_DATA


def test_replies_are_encoded_line_by_line() -> None:
    assert reply(250, "", "one", "two").encode() == b"250-one\r\n250 two\r\n"
    assert Reply(214, "2.0.0", ("one", "two")).encode() == b"214-2.0.0 one\r\n214 2.0.0 two\r\n"
    assert reply(550, "5.1.1", "a\r\n250 b\x00ü").encode() == b"550 5.1.1 a  250 b ?\r\n"
    assert len(reply(550, "5.1.1", "x" * 1000).encode()) == 512


WORDS = [
    b"EHLO x\r\n", b"MAIL FROM:<a@b.c>\r\n", b"RCPT TO:<a@b.c>\r\n", b"DATA\r\n", b"AUTH PLAIN\r\n", b"STARTTLS\r\n", b"QUIT\r\n",
    b"\r\n.\r\n", b".", b"\r", b"\n", b"*\r\n", b"cXV1eA==\r\n", b"\0", b"\xff", b"x" * 3000,
]  # fmt: skip
ANSWERS = {
    "DATA": reply(354, "", "go"),
    "AUTH": reply(334, "", ""),
    "STARTTLS": reply(220, "", "go"),
    "QUIT": reply(221, "", "bye"),
}


def play(pieces: list[bytes]) -> list[object]:
    """All events; chunks are joined, since their bounds are no promise."""
    core = server(max_size=100)
    events: list[object] = []
    text = b""
    for piece in pieces:
        core.receive(piece)
        # An event takes at least one octet, or is the end of a message or of the stream.
        for _ in range(len(piece) + MAX_AUTH + PIECE):
            event = core.next_event()
            if event is NEED_DATA:
                break
            if isinstance(event, Chunk):
                text += event.data
                continue
            events += [text, event] if isinstance(event, EndOfData) else [event]
            text = b""
            verb = event.verb if isinstance(event, Command) else ""
            core.reply(ANSWERS.get(verb, OK))
            core.take_output()
            if core.tls_wanted:
                return events  # what is forgotten depends on what had come: that is the point
        else:
            raise AssertionError("it never asks for more")
        assert core.waiting <= MAX_AUTH
    return events


@given(
    st.lists(st.sampled_from(WORDS) | st.binary(max_size=20), max_size=30).map(b"".join),
    st.lists(st.integers(1, 200), min_size=1),
)
@settings(deadline=None, max_examples=300)
def test_any_octets_in_any_pieces_are_the_same_events(octets: bytes, sizes: list[int]) -> None:
    pieces = []
    rest, index = octets, 0
    while rest:
        size = sizes[index % len(sizes)]
        pieces.append(rest[:size])
        rest, index = rest[size:], index + 1
    expected = play([octets]) if octets else []
    assert play(pieces) == expected
    assert play([bytes([octet]) for octet in octets]) == expected


def chunked(core: Server, data: bytes, cut: int) -> list[Event]:
    """What comes of the octets when they arrive in pieces of `cut`, each event answered at once."""
    events: list[Event] = []
    for at in range(0, len(data), cut):
        core.receive(data[at : at + cut])
        while (event := core.next_event()) is not NEED_DATA:
            events.append(event)
            if not isinstance(event, BeginChunk | Chunk):
                core.reply(OK)
    return events


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 50))
def test_chunks_are_counted_and_never_read_as_commands(pieces: list[bytes], cut: int) -> None:
    stream = b"".join(b"BDAT %d\r\n%b" % (len(piece), piece) for piece in pieces) + b"BDAT 0 LAST\r\nNOOP\r\n"
    *events, end, noop = chunked(server(), stream, cut)
    text = b"".join(event.data for event in events if isinstance(event, Chunk))
    assert text == b"".join(pieces)
    assert [event.size for event in events if isinstance(event, BeginChunk)] == [*map(len, pieces), 0]
    assert noop == Command("NOOP", "")
    breaks = text.count(b"\r\n")
    expected = Fault.NUL if b"\0" in text else Fault.NONE
    expected |= Fault.BARE_LF if text.count(b"\n") != breaks else Fault.NONE
    expected |= Fault.BARE_CR if text.count(b"\r") != breaks else Fault.NONE
    assert end == EndOfChunk(True, len(text), expected)


def test_a_chunk_too_big_is_swallowed_not_kept() -> None:
    core = server(max_size=10)
    events = chunked(core, b"BDAT 100000 LAST\r\n" + b"x" * 100_000 + b"NOOP\r\n", 5_000)
    assert [event for event in events if isinstance(event, Chunk)] == []
    assert events[1:] == [EndOfChunk(True, 100_000, Fault.TOO_BIG), Command("NOOP", "")]


def test_chunks_that_are_forgotten_count_for_nothing() -> None:
    core = server(max_size=10)
    assert chunked(core, b"BDAT 8\r\n12345678", 100)[-1] == EndOfChunk(False, 8, Fault.NONE)
    core.forget_chunks()
    assert chunked(core, b"BDAT 8\r\n12345678", 100)[-1] == EndOfChunk(False, 8, Fault.NONE)
    assert chunked(core, b"BDAT 8\r\n12345678", 100)[-1] == EndOfChunk(False, 16, Fault.TOO_BIG)


def test_a_chunk_without_a_size_is_a_command_like_any_other() -> None:
    core = server()
    assert chunked(core, b"BDAT x\r\nBDAT\r\nBDAT 1 FIRST\r\nBDAT -1\r\n", 100) == [
        Command("BDAT", "x"), Command("BDAT", ""), Command("BDAT", "1 FIRST"), Command("BDAT", "-1"),
    ]  # fmt: skip
