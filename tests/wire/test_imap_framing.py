"""Dialogues on the bare core: each whole, octet by octet and cut at random, with the same events and the same output."""

from __future__ import annotations

import time
from collections.abc import Iterable
from random import Random

import pytest

from correo.wire import NEED_DATA
from correo.wire.imap import encode, framing
from correo.wire.imap.framing import (
    LINE_LIMIT,
    MAX_AHEAD,
    MAX_LITERALS,
    MAX_SWALLOWED,
    NAME_LIMIT,
    TAG_LIMIT,
    BadLine,
    Command,
    Eof,
    Event,
    Fatal,
    Line,
    Refused,
    Server,
)
from correo.wire.imap.grammar import Arguments

READY = b"+ Ready\r\n"
TOO_BIG = "the literal is too big"
TOO_LONG = "the command is too long"
TAG = "the tag is missing or malformed"
NAME = "the name of the command is missing or malformed"
FAR = "the end of a command that is too long is too far"

Seen = Event | tuple[str, str, bytes]


def small(name: str) -> int:
    return 1000 if name == "APPEND" else 20


def drained(args: Arguments) -> bytes:
    """What the command says after its name, literals in angle brackets."""
    said = args._text[args._at :]
    for octets, text in args._rest:
        said += b"<" + octets + b">" + text
    return said


def play(core: Server, pieces: Iterable[bytes]) -> list[Seen]:
    """What the session sees. AUTHENTICATE and IDLE ask for one line, everything else is answered at once."""
    seen: list[Seen] = []
    for piece in [*pieces, b""]:
        core.receive(piece)
        while (event := core.next_event()) is not NEED_DATA:
            if not isinstance(event, Command):
                seen.append(event)
                if isinstance(event, Eof | Fatal):
                    return seen
                core.resume()
                continue
            assert core.paused
            assert core.next_event() is NEED_DATA
            seen.append((event.tag, event.name, drained(event.arguments)))
            core.send(encode.ok(event.tag, "done"))
            if event.name in ("AUTHENTICATE", "IDLE"):
                core.expect_line(limit=30)
            else:
                core.resume()
    raise AssertionError("no end")


def cuts(data: bytes) -> Iterable[list[bytes]]:
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    for seed in range(4):
        random = Random(seed)
        marks = sorted(random.sample(range(len(data) + 1), min(len(data), 3)))
        yield [
            piece
            for start, end in zip([0, *marks], [*marks, len(data)], strict=True)
            if (piece := data[start:end])
        ]


def done(*tags: str) -> bytes:
    return b"".join(encode.ok(tag, "done") for tag in tags)


LONG = b"x" * 101

DIALOGUES: list[tuple[str, bytes, list[Seen], bytes]] = [
    ("a command", b"a1 NOOP\r\n", [("a1", "NOOP", b"")], done("a1")),
    ("a lone LF", b"a1 NOOP\na2 NOOP\r\n", [("a1", "NOOP", b""), ("a2", "NOOP", b"")], done("a1", "a2")),
    ("CRs inside", b"a1 \rNOOP\r\r\n", [BadLine("a1", NAME)], b""),
    ("case", b"A.1 sElEcT INBOX\r\n", [("A.1", "SELECT", b" INBOX")], done("A.1")),
    ("UID", b"a uid Fetch 1\r\nb UID\r\nc UID  X\r\n", [("a", "UID FETCH", b" 1"), ("b", "UID", b""), ("c", "UID", b"  X")],
     done("a", "b", "c")),
    ("a literal", b"a LOGIN {3}\r\nfoo bar\r\n", [("a", "LOGIN", b" {3}<foo> bar")], READY + done("a")),
    ("two literals", b"a LOGIN {3}\r\nfoo {5+}\r\na\r\nb\n\r\nb NOOP\r\n",
     [("a", "LOGIN", b" {3}<foo> {5+}<a\r\nb\n>"), ("b", "NOOP", b"")], READY + done("a", "b")),
    ("nothing in it", b"a LOGIN {0}\r\n{0+}\r\n\r\n", [("a", "LOGIN", b" {0}<>{0+}<>")], READY + done("a")),
    ("a binary literal", b"a APPEND x ~{2}\r\n\x00\xff\r\n", [("a", "APPEND", b" x ~{2}<\x00\xff>")], READY + done("a")),
    ("commands in a literal", b"a X {10+}\r\nb LOGOUT\r\n\r\n", [("a", "X", b" {10+}<b LOGOUT\r\n>")], done("a")),
    ("braces that mean nothing", b'a X "{5}"\r\nb X {5}}\r\nc X {5}x\r\nd X {}\r\ne X {+}\r\nf X {5-}\r\n',
     [("a", "X", b' "{5}"'), ("b", "X", b" {5}}"), ("c", "X", b" {5}x"), ("d", "X", b" {}"), ("e", "X", b" {+}"),
      ("f", "X", b" {5-}")], done(*"abcdef")),
    ("zeros in front", b"a X {00000000000000000003}\r\nabc\r\n", [("a", "X", b" {00000000000000000003}<abc>")],
     READY + done("a")),
    ("lines asked for", b"a AUTHENTICATE PLAIN\r\nAGEAYg==\r\nb IDLE\r\nDONE\nc NOOP\r\n",
     [("a", "AUTHENTICATE", b" PLAIN"), Line(b"AGEAYg=="), ("b", "IDLE", b""), Line(b"DONE"), ("c", "NOOP", b"")],
     done("a", "b", "c")),
    ("no literals in lines", b"a IDLE\r\n{3+}\r\nb NOOP\r\n", [("a", "IDLE", b""), Line(b"{3+}"), ("b", "NOOP", b"")],
     done("a", "b")),
    ("a line just short enough", b"a IDLE\r\n" + b"x" * 30 + b"\r\n", [("a", "IDLE", b""), Line(b"x" * 30)], done("a")),
    ("a line too long", b"a IDLE\r\n" + b"x" * 31 + b"\r\nb NOOP\r\n", [("a", "IDLE", b""), Fatal("the line is too long")],
     done("a")),
    ("no tag", b"\r\n NOOP\r\n+ NOOP\r\n(a NOOP\r\n\xe4 NOOP\r\nb NOOP\r\n",
     [*[BadLine(None, TAG)] * 5, ("b", "NOOP", b"")], done("b")),
    ("no name", b"a\r\na \r\na  NOOP\r\na (\r\na NO\x00OP\r\na LOGIN{3+}\r\nb X\r\n", [BadLine("a", NAME)] * 6, b""),
    ("another protocol", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
     [("GET", "/", b" HTTP/1.1"), ("Host:", "X", b""), BadLine(None, TAG)], done("GET", "Host:")),
    ("a bad line with a literal", b"(x {4+}\r\na X\n\r\nb NOOP\r\n", [BadLine(None, TAG), ("b", "NOOP", b"")], done("b")),
    ("a bad line that waits", b"(x {4}\r\nb NOOP\r\n", [BadLine(None, TAG), ("b", "NOOP", b"")], done("b")),
    ("longest tag", b"t" * TAG_LIMIT + b" X\r\n" + b"t" * (TAG_LIMIT + 1) + b" X\r\n",
     [("t" * TAG_LIMIT, "X", b""), BadLine(None, TAG)], done("t" * TAG_LIMIT)),
    ("longest name", b"a " + b"n" * NAME_LIMIT + b"\r\nb " + b"n" * (NAME_LIMIT + 1) + b"\r\n",
     [("a", "N" * NAME_LIMIT, b""), BadLine("b", NAME)], done("a")),
    ("longest line", b"a X " + b"x" * 96 + b"\r\nb X " + b"x" * 96 + b"\n", [("a", "X", b" " + b"x" * 96), ("b", "X", b" " + b"x" * 96)],
     done("a", "b")),
    ("line too long", b"a X " + b"x" * 97 + b"\r\nb NOOP\r\n", [Refused("a", TOO_LONG, "LIMIT"), ("b", "NOOP", b"")], done("b")),
    ("line too long, no tag", LONG + b"\r\nb NOOP\r\n", [BadLine(None, TOO_LONG), ("b", "NOOP", b"")], done("b")),
    ("line too long, no name", b"a (" + LONG + b"\r\nb NOOP\r\n", [Refused("a", TOO_LONG, "LIMIT"), ("b", "NOOP", b"")], done("b")),
    ("line too long, literal to come", b"a X " + LONG + b"{8+}\r\nb NOOP\r\n\r\nc NOOP\r\n",
     [Refused("a", TOO_LONG, "LIMIT"), ("c", "NOOP", b"")], done("c")),
    ("line too long, literal not asked for", b"a X " + LONG + b"{8}\r\nb NOOP\r\n",
     [Refused("a", TOO_LONG, "LIMIT"), ("b", "NOOP", b"")], done("b")),
    ("too long after a literal", b"a X {3}\r\nabc" + LONG + b"\r\nb NOOP\r\n",
     [Refused("a", TOO_LONG, "LIMIT"), ("b", "NOOP", b"")], READY + done("b")),
    ("texts count together", b"a X " + b"x" * 50 + b"{3+}\r\nabc" + b"x" * 50 + b"\r\nb NOOP\r\n",
     [Refused("a", TOO_LONG, "LIMIT"), ("b", "NOOP", b"")], done("b")),
    ("literal just small enough", b"a X {20}\r\n" + b"x" * 20 + b"\r\n", [("a", "X", b" {20}<" + b"x" * 20 + b">")], READY + done("a")),
    ("literal too big", b"a X {21}\r\nb NOOP\r\n", [Refused("a", TOO_BIG, "TOOBIG"), ("b", "NOOP", b"")], done("b")),
    ("literal too big and sent", b"a X {21+}\r\n" + b"\r\n" * 10 + b"x y\r\nb NOOP\r\n",
     [Refused("a", TOO_BIG, "TOOBIG"), ("b", "NOOP", b"")], done("b")),
    ("more after it", b"a X {21+}\r\n" + b"x" * 21 + b" {3+}\r\nabc {9}\r\nb NOOP\r\n",
     [Refused("a", TOO_BIG, "TOOBIG"), ("b", "NOOP", b"")], done("b")),
    ("long line after it", b"a X {21+}\r\n" + b"x" * 21 + LONG + LONG + b"{3+}\r\nabc\r\nb NOOP\r\n",
     [Refused("a", TOO_BIG, "TOOBIG"), ("b", "NOOP", b"")], done("b")),
    ("literals count together", b"a X {15}\r\n" + b"x" * 15 + b" {6}\r\nb NOOP\r\n",
     [Refused("a", TOO_BIG, "TOOBIG"), ("b", "NOOP", b"")], READY + done("b")),
    ("limit by name", b"a append x {200+}\r\n" + b"x" * 200 + b"\r\n", [("a", "APPEND", b" x {200+}<" + b"x" * 200 + b">")], done("a")),
    ("4 GB that waits", b"a X {4294967295}\r\nb NOOP\r\n", [Refused("a", TOO_BIG, "TOOBIG"), ("b", "NOOP", b"")], done("b")),
    ("4 GB that does not", b"a X {4294967295+}\r\nb NOOP\r\n", [Fatal(FAR)], b""),
    ("many digits", b"a X {99999999999999999999+}\r\nb NOOP\r\n", [Fatal(FAR)], b""),
    ("end in a line", b"a NOOP\r\nb NO", [("a", "NOOP", b"")], done("a")),
    ("end in a literal", b"a X {5+}\r\nabc", [], b""),
    ("end in a refused literal", b"a X {50+}\r\nabc", [], b""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "wanted", "output"), [row[1:] for row in DIALOGUES], ids=[row[0] for row in DIALOGUES]
)
def test_dialogue(data: bytes, wanted: list[Seen], output: bytes) -> None:
    for pieces in cuts(data):
        core = Server(literal_limit=small, line_limit=100)
        seen = play(core, pieces)
        assert seen == (wanted if wanted and isinstance(wanted[-1], Fatal) else [*wanted, Eof()])
        assert core.take_output() == output
        assert core.closed


# -- nothing runs ahead -----------------------------------------------------------------------------------------------


def command(core: Server) -> Command:
    event = core.next_event()
    assert isinstance(event, Command)
    return event


def test_nothing_is_read_until_resume() -> None:
    core = Server()
    core.receive(b"a NOOP\r\nb X {3}\r\nabc\r\n")
    assert command(core).tag == "a"
    for _ in range(3):
        assert core.next_event() is NEED_DATA
    assert core.take_output() == b""  # nor is the literal asked for
    core.resume()
    assert command(core).tag == "b"
    assert core.take_output() == READY


def test_a_line_is_not_a_command() -> None:
    core = Server()
    core.receive(b"a IDLE\r\nDONE\r\nb NOOP\r\n")
    command(core)
    core.expect_line()
    assert core.next_event() == Line(b"DONE")
    assert core.paused
    assert core.next_event() is NEED_DATA
    core.resume()
    assert command(core).tag == "b"


def test_what_was_injected_before_tls_is_forgotten() -> None:  # RFC 3501 §6.2.1
    for injected in (b"", b"b LOGIN x y\r\n", b"b LOGIN ", b"b LOGIN {5+}\r\nab", b"x" * 1000):
        core = Server()
        core.receive(b"a STARTTLS\r\n" + injected)
        command(core)
        core.send(encode.ok("a", "begin"))
        core.receive(b"c LOGIN p q\r\n")
        core.tls_started()
        assert core.paused
        core.resume()
        core.receive(b"d NOOP\r\n")
        assert command(core).tag == "d"
        assert core.next_event() is NEED_DATA


def test_too_much_ahead() -> None:
    core = Server()
    core.receive(b"a NOOP\r\n")
    command(core)
    for _ in range(1000):
        core.receive(b"b NOOP\r\n" * 512)
        assert len(core._input) <= MAX_AHEAD + 4096
    assert core.next_event() == Fatal("too much was sent ahead of the reply")
    assert core.closed


def test_pipelining_within_bounds() -> None:
    core = Server()
    core.receive(b"a NOOP\r\n" * 100_000)
    for _ in range(100_000):
        assert command(core).tag == "a"
        core.resume()
    assert core.next_event() is NEED_DATA


def test_closing() -> None:
    core = Server()
    core.receive(b"a LOGOUT\r\nb NOOP\r\n")
    command(core)
    core.send(b"* BYE\r\n")
    core.close()
    core.resume()
    core.expect_line()
    core.receive(b"c NOOP\r\n")
    assert core.closed
    assert core.next_event() == Eof()
    assert core.next_event() == Eof()
    assert core.take_output() == b"* BYE\r\n"
    assert core.take_output() == b""


def test_what_came_before_the_end_is_still_done() -> None:
    core = Server()
    core.receive(b"a NOOP\r\nb IDLE\r\n")
    core.receive(b"")
    assert command(core).tag == "a"
    core.resume()
    assert command(core).tag == "b"
    core.expect_line()
    assert core.next_event() == Eof()


def test_utf8_is_for_the_commands_after_it() -> None:
    core = Server()
    core.receive(b'a X\r\nb SELECT "\xc3\xbc"\r\nc SELECT {2+}\r\n\xc3\xbc\r\n')
    assert not command(core).arguments.utf8
    core.utf8 = True
    for _ in range(2):
        core.resume()
        assert command(core).arguments.sp().mailbox() == "ü"


def test_so_is_whatever_else_was_enabled() -> None:
    core = Server()
    core.receive(b"a X\r\nb X\r\nc X {1+}\r\ny\r\n")
    before = command(core).arguments
    assert (before.rev2, before.uid_only) == (False, False)
    core.rev2, core.uid_only = True, True
    for _ in range(2):
        core.resume()
        after = command(core).arguments
        assert (after.rev2, after.uid_only) == (True, True)


def test_a_literal_limit_below_nothing() -> None:
    core = Server(literal_limit=lambda _: -1)
    core.receive(b"a X {0}\r\n")
    assert core.next_event() == Refused("a", TOO_BIG, "TOOBIG")


# -- limits and cost --------------------------------------------------------------------------------------------------


def test_too_many_literals() -> None:
    for mark in (b"{0+}\r\n", b"{0}\r\n"):
        core = Server()
        enough = b"a X " + mark * MAX_LITERALS + b"\r\n"
        assert [type(event) for event in play(core, [enough])] == [tuple, Eof]
        core = Server()
        seen = play(core, [b"a X " + mark * (MAX_LITERALS + 1) + b"\r\nb NOOP\r\n"])
        assert seen[0] == Refused("a", "there are too many literals", "LIMIT")
        assert core.take_output().count(READY) == (0 if b"+" in mark else MAX_LITERALS)


def test_a_flood_of_literals_ends() -> None:
    core = Server()
    seen = play(core, [b"a X " + b"{0+}\r\n" * 1_000_000])
    assert seen == [Fatal(FAR)]
    assert core._input == b""


def test_a_flood_without_a_line_end_ends() -> None:
    core = Server()
    received = 0
    while (event := core.next_event()) is NEED_DATA:
        core.receive(b"x" * 10_000)
        received += 10_000
        assert len(core._input) <= LINE_LIMIT + 10_000 + 2
    assert event == Fatal(FAR)
    assert received <= MAX_SWALLOWED + LINE_LIMIT


def test_a_refused_literal_is_not_kept() -> None:
    core = Server()
    core.receive(b"a X {1000000+}\r\n")
    for _ in range(100):
        core.receive(b"x" * 10_000)
        assert core.next_event() is NEED_DATA
        assert len(core._input) == 0
    core.receive(b"\r\n")
    assert core.next_event() == Refused("a", TOO_BIG, "TOOBIG")


@pytest.mark.parametrize("piece", [500, 70_000])
def test_a_large_message_in_pieces_is_linear(piece: int) -> None:
    size = 8_000_000
    core = Server(literal_limit=lambda _: size)
    core.receive(b"a APPEND x {%d}\r\n" % size)
    assert core.next_event() is NEED_DATA
    message = b"\n" * piece
    started = time.process_time()
    for _ in range(0, size, piece):
        core.receive(message)
        core.next_event()
    core.receive(b"\r\n" * piece)
    if not core.paused:
        assert isinstance(core.next_event(), Command)
    assert time.process_time() - started < 2


def test_a_long_line_in_pieces_is_linear() -> None:
    core = Server(line_limit=8_000_000)
    core.receive(b"a X ")
    started = time.process_time()
    for _ in range(16_000):
        core.receive(b"x" * 499)
        assert core.next_event() is NEED_DATA
    core.receive(b"\r\n")
    assert isinstance(core.next_event(), Command)
    assert time.process_time() - started < 2


def test_secrets_do_not_show_in_a_log() -> None:
    core = Server()
    core.receive(b"a LOGIN user sesame\r\nsesame\r\n")
    shown = repr(command(core))
    core.expect_line()
    assert "sesame" not in shown + repr(core.next_event())


def test_the_words_of_events_can_be_shown() -> None:
    for text in (TOO_BIG, TOO_LONG, TAG, NAME, FAR, framing._ENDLESS):
        assert encode.bad("a", text) == f"a BAD {text}\r\n".encode()
