"""POP3 beyond its transcripts: the wire's encoding, the total table, and bytes nobody should send."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from correo.access.pop3.commands import BY_VERB, COMMANDS
from correo.access.pop3.replies import REPLIES
from correo.mail.errors import Kind
from correo.wire import NEED_DATA
from correo.wire.pop3.reply import Err, Lines, Ok, stuffed
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


def test_the_module_of_each_command_is_named_after_it() -> None:
    folder = Path(__file__).parents[2] / "src/correo/access/pop3/commands"
    assert {path.stem.rstrip("_").upper() for path in folder.glob("*.py")} - {"", "ROW", "__INIT"} == set(
        BY_VERB
    )
