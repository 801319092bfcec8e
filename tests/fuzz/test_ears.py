"""Whether what is to hear what is wrong does hear it, and lets pass what is right."""

from __future__ import annotations

import pytest
from tests.fuzz.arena import assault
from tests.fuzz.dialogs import LOGINS
from tests.fuzz.imap_ear import ImapEar, String, parse
from tests.fuzz.line_ears import Pop3Ear, SmtpEar

from correo.access.imap.view import View
from correo.wire.imap import framing
from correo.wire.imap.grammar import Arguments
from correo.wire.pop3 import server as pop3

OPEN = (
    b"* OK ready\r\n* 3 EXISTS\r\n* 1 FETCH (UID 4 FLAGS (\\Seen))\r\n* 3 FETCH (UID 9)\r\na OK Selected\r\n"
)


def imap(*commands: str) -> ImapEar:
    """Who has a mailbox of three messages open, and has said these commands then."""
    ear = ImapEar()
    for name in ("SELECT", *commands):
        ear.understood(framing.Command("a", name, Arguments(b"")))
        if name == "SELECT":
            ear.heard(OPEN)
    return ear


@pytest.mark.parametrize(
    ("commands", "octets"),
    [
        (["NOOP"], b"* 2 EXISTS\r\n"),
        (["NOOP"], b"b OK done\r\n"),
        (["NOOP"], b"a OK done\r\na OK done\r\n"),
        (["NOOP"], b"a OK \r\n"),
        (["NOOP"], b"a PERHAPS done\r\n"),
        (["NOOP"], b"* BYE gone\r\n* 4 EXISTS\r\n"),
        (["NOOP"], b"* 4 EXPUNGE\r\n"),
        (["NOOP"], b"* 0 EXPUNGE\r\n"),
        (["NOOP"], b"* VANISHED 1:4\r\n"),
        (["NOOP"], b"* VANISHED 5,6\r\n"),
        (["NOOP"], b"* NONSENSE\r\n"),
        (["FETCH"], b"* 1 EXPUNGE\r\n"),
        ([], b"* 1 EXPUNGE\r\n"),
        (["FETCH"], b"* 4 FETCH (UID 10)\r\n"),
        (["FETCH"], b"* 1 FETCH (UID 5)\r\n"),
        (["FETCH"], b"* 2 FETCH (UID 9)\r\n"),
        (["FETCH"], b"* 2 FETCH (UID 3)\r\n"),
        (["FETCH"], b"* 2 FETCH (UID)\r\n"),
        (["FETCH"], b"* 2 FETCH ()\r\n"),
        (["FETCH"], b"* 2 FETCH (UID 5\r\n"),
        (["FETCH"], b"* 2 FETCH (FLAGS (\\Seen \\SEEN))\r\n"),
        (["FETCH"], b'* 2 FETCH (BODY[] "a\0")\r\n'),
        (["FETCH"], b"* 2 FETCH (ENVELOPE (NIL))\r\n"),
        (["FETCH"], b"* 2 FETCH (INTERNALDATE NIL)\r\n"),
        (["FETCH"], b"* 2 FETCH (RFC822.SIZE NIL)\r\n"),
        (["FETCH"], b"* 2 FETCH (SHOESIZE 42)\r\n"),
    ],
)
def test_an_imap_client_hears_what_is_wrong(commands: list[str], octets: bytes) -> None:
    with pytest.raises(AssertionError):
        imap(*commands).heard(octets)


def test_and_what_is_right() -> None:
    ear = imap("UID FETCH", "EXPUNGE", "NOOP")
    ear.heard(
        b"* 2 FETCH (UID 7 BODY[HEADER.FIELDS (X)]<0> {3}\r\n)\r\n BINARY[1] ~{1}\r\n\0 BODY[TEXT] NIL)\r\na OK"
    )
    ear.heard(
        b" [MODIFIED 3] done\r\n* 1 EXPUNGE\r\n* VANISHED (EARLIER) 1:3\r\n* VANISHED 9\r\na OK done\r\n"
    )
    assert ear.uids == [7]
    assert ear.unanswered == ["NOOP"]


def test_what_an_imap_response_is_made_of() -> None:
    assert parse(b'(a "b\\"" (NIL {2}\r\n)() )c') == [[b"a", String(b'b\\"'), [b"NIL", String(b")(")]], b"c"]


def test_a_server_that_forgets_to_tell_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second client expunges, and the first is not told."""
    pieces = [LOGINS["imap"], b"\x1da STORE 1 +FLAGS (\\Deleted)\r\nb EXPUNGE\r\n", b"c NOOP\r\n"]
    assault("imap", pieces, at_once=False)
    monkeypatch.setattr(View, "take_expunged", lambda self: [])
    with pytest.raises(AssertionError):
        assault("imap", pieces, at_once=False)


@pytest.mark.parametrize(
    "octets", [b"250 a\nb\r\n", b"250-a\r\n251 b\r\n", b"2500 a\r\n", b"250 5.0.0 no\r\n", b"250 " + b"x" * 600 + b"\r\n", b"220 a\r\n220 b\r\n"]
)  # fmt: skip
def test_an_smtp_client_hears_what_is_wrong(octets: bytes) -> None:
    SmtpEar().heard(b"250-a\r\n250 2.0.0 b\r\n")
    with pytest.raises(AssertionError):
        SmtpEar().heard(octets)


@pytest.mark.parametrize(
    "octets",
    [b"ok\r\n", b"+OK 5 octets\r\n.a\r\n.\r\n", b"+OK 5 octets\r\na\r\n.\r\n", b"+OK 5 octets\r\naaaaaaaa\r\n", b"+OK 0 octets\r\n.\r\n+OK\r\n"],
)  # fmt: skip
def test_a_pop3_client_hears_what_is_wrong(octets: bytes) -> None:
    ear = Pop3Ear()
    ear.heard(b"+OK ready\r\n")
    ear.understood(pop3.Command("RETR", "1"))
    with pytest.raises(AssertionError):
        ear.heard(octets)


def test_a_pop3_client_hears_a_message() -> None:
    ear = Pop3Ear()
    ear.understood(pop3.Command("RETR", "1"))
    ear.heard(b"+OK ready\r\n+OK 6 octets\r\n..\r\na\r\n.\r\n")
    assert not ear.unanswered
