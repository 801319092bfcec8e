"""POP3 beyond its transcripts: the wire's encoding, the total table, and bytes nobody should send."""

from __future__ import annotations

import ast
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from correo.access.pop3.commands import BY_VERB, COMMANDS
from correo.access.pop3.commands.retr import answer_with
from correo.access.pop3.delays import Delays
from correo.access.pop3.languages import NAMES, matching, translated, words
from correo.access.pop3.replies import REPLIES
from correo.mail.errors import Kind
from correo.mail.message.surrogate import surrogate
from correo.wire import NEED_DATA
from correo.wire.pop3.reply import PIECE, Challenge, Err, Lines, Ok, stuffed
from correo.wire.pop3.server import MAX_LINE, AuthResponse, Command, Eof, Server, TooLong


def test_every_kind_of_refusal_has_words() -> None:
    assert set(REPLIES) == set(Kind)


def test_verbs_are_listed_once() -> None:
    assert len(BY_VERB) == len(COMMANDS)


@given(st.binary(max_size=300))
def test_what_is_stuffed_can_be_read_back(body: bytes) -> None:
    """Every line ends in CR LF and none is a lone dot; taking the dots off gives the text with its line ends made whole."""
    sent = stuffed(body)
    assert sent == b"" or sent.endswith(b"\r\n")
    lines = sent.split(b"\r\n")
    assert b"." not in lines
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    back = b"\n".join(line[1:] if line.startswith(b".") else line for line in lines)
    plain = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert back == (plain if plain.endswith(b"\n") or not plain else plain + b"\n")


@given(st.binary(max_size=300), st.booleans())
def test_an_answer_that_was_made_before_is_the_same(message: bytes, utf8: bool) -> None:
    made = answer_with(message, utf8=utf8)
    shown = message if utf8 else surrogate(message)
    assert made.encode() == Lines(f"{len(shown)} octets", shown).encode()


def test_a_long_answer_that_was_made_before_is_sent_in_pieces() -> None:
    body = 3_000 * b"..sixty octets and a few more, until it is a line of a message\r\n"
    pieces = list(Lines("x", body, ready=True).pieces())
    assert b"".join(pieces) == b"+OK x\r\n" + body + b".\r\n"
    assert max(map(len, pieces)) < 2 * PIECE


def test_replies() -> None:
    assert Ok().encode() == b"+OK\r\n"
    assert Err("no", "SYS/TEMP").encode() == b"-ERR [SYS/TEMP] no\r\n"
    assert Lines("x", b"").encode() == b"+OK x\r\n.\r\n"


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(max_size=60), max_size=30), st.booleans())
def test_any_octets_give_events_and_no_exception(pieces: list[bytes], answer: bool) -> None:
    core = Server()
    for piece in [*pieces, b"\r\n", b""]:
        core.receive(piece)
        for _ in range(200):
            event = core.next_event()
            if event is NEED_DATA or isinstance(event, Eof):
                break
            assert isinstance(event, Command | AuthResponse | TooLong)
            core.reply(Ok() if answer else Err("no"))
    core.take_output()


def test_a_flood_without_a_line_end_is_not_kept() -> None:
    core = Server()
    for _ in range(1000):
        core.receive(b"a" * 1000)
        assert core.next_event() is NEED_DATA
    assert len(core._buffer) <= MAX_LINE
    core.receive(b"\r\n")
    assert core.next_event() == TooLong()


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from([b".\r\n", b".x", b"\r\n", b"\n", b"\r", b"y" * 9]), max_size=8))
def test_a_long_answer_is_the_same_in_pieces(parts: list[bytes]) -> None:
    body = b"".join(parts) * (2 * PIECE // 9)
    core = Server()
    core.receive(b"RETR 1\r\nNOOP\r\n")
    assert isinstance(core.next_event(), Command)
    said = []
    for _ in core.reply_in_pieces(Lines("x", body)):
        said.append(core.take_output())
        assert core.next_event() is NEED_DATA
    assert b"".join(said) == b"+OK x\r\n" + stuffed(body) + b".\r\n"
    assert core.next_event() == Command("NOOP", "")


def test_every_sentence_is_there_in_every_language() -> None:
    """Whatever the package says by the constructors of replies; a value in braces is a number."""
    missing = set()
    folder = Path(__file__).parents[2] / "src/correo/access/pop3"
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = (
                getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            )
            if isinstance(node, ast.Call) and name in ("Ok", "Err", "Lines", "BeginTls") and node.args:
                for text in _texts(node.args[0]):
                    if any(words(text, tag) == text for tag in NAMES if tag != "en"):
                        missing.add(text)
    # LIST with a number says numbers alone.
    assert missing == {"7 7"}


def _texts(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(str(p.value) if isinstance(p, ast.Constant) else "7" for p in parts)]
        case ast.IfExp(body=one, orelse=other):
            return _texts(one) + _texts(other)
    return []


def test_languages() -> None:
    assert [matching(range) for range in ("es", "ES-mx", "de-DE-1996", "fr", "e", "")] == [
        "es",
        "es",
        "de",
        None,
        None,
        None,
    ]
    assert translated(Ok("Maildrop has 3 messages (12 octets)", last=True), "es") == Ok(
        "El buzón tiene 3 mensajes (12 octetos)", last=True
    )
    assert translated(Challenge(b"x"), "es") == Challenge(b"x")
    assert words("3 69233.1f", "de") == "3 69233.1f"


def test_delays_are_forgotten_when_they_are_over() -> None:
    delays = Delays()
    assert delays.enter(1, 100, 50)
    assert not delays.enter(1, 149, 50)
    assert delays.enter(2, 149, 50)
    assert delays.enter(1, 150, 50)
    assert delays.enter(1, 120, 50), "a clock that was set back locks nobody out"
    assert delays.enter(3, 999, 0)
    assert not delays._last


def test_the_module_of_each_command_is_named_after_it() -> None:
    folder = Path(__file__).parents[2] / "src/correo/access/pop3/commands"
    assert {path.stem.rstrip("_").upper() for path in folder.glob("*.py")} - {"", "ROW", "__INIT"} == set(
        BY_VERB
    )
