"""What of a dialogue is shown to somebody who looks on."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.access.imap.commands import BY_NAME
from correo.access.pop3.commands import BY_VERB
from correo.receive.commands import COMMANDS
from correo.wire import NEED_DATA
from correo.wire.imap import framing
from correo.wire.pop3 import reply as pop3_reply
from correo.wire.pop3 import server as pop3_server
from correo.wire.smtp import server as smtp_server
from correo.wire.smtp.answer import reply
from correo.wire.smtp.client import Client
from correo.wire.smtp.dialog import Greeted, Hello
from correo.wire.watched import Watched, imap, pop3, smtp
from correo.wire.watched.lines import MAX_LINE, LineReader, Message, Shown, readable
from correo.wire.watched.outgoing import Outgoing

ANSWER = b64encode(b"\0bob@example.com\0builder-of-towers").decode()
SECRETS = ("builder-of-towers", ANSWER, b64encode(b"builder-of-towers").decode())


def texts(shown: list[Shown]) -> list[str]:
    return [f"{line.who}: {line.text}" for line in shown]


def safe(lines: list[str]) -> bool:
    return not any(secret in line for secret in SECRETS for line in lines)


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def test_what_there_is_is_known() -> None:
    names = {name.removeprefix("UID ") for name in BY_NAME}
    assert names <= imap.NAMES
    assert {row.verb for row in COMMANDS} - {"AUTH"} <= smtp.VERBS
    assert set(BY_VERB) - {"AUTH", "PASS"} <= pop3.VERBS


# -- lines ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"plain", "plain"),
        ("Grüße".encode(), "Grüße"),
        (b"\x1b]0;title\x07\x1b[2J", "\\x1b]0;title\\x07\\x1b[2J"),
        (b"a\rb\tc\0", "a\\rb\\tc\\x00"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("\u202egnp.exe".encode(), "\\u202egnp.exe"),
        (b"\xc2\x9b31m", "\\x9b31m"),
    ],
)
def test_no_terminal_obeys_what_is_shown(octets: bytes, text: str) -> None:
    assert readable(octets) == text
    assert readable(octets).isprintable()


@given(st.binary(max_size=60))
@settings(deadline=None, max_examples=200)
def test_anything_is_printable(octets: bytes) -> None:
    assert readable(octets).isprintable()


@given(st.lists(st.binary(max_size=12), max_size=12))
@settings(deadline=None, max_examples=200)
def test_lines_in_any_pieces(parts: list[bytes]) -> None:
    reader = LineReader()
    lines = [line for part in parts for line in reader.feed(part)]
    expected = b"".join(parts).split(b"\n")
    assert [*lines, reader.rest()] == [line.removesuffix(b"\r") for line in expected]


def test_a_line_without_end_takes_no_memory() -> None:
    reader = LineReader()
    for _ in range(1_000):
        assert reader.feed(b"x" * 1_000) == []
    (line,) = reader.feed(b"\n")
    assert len(line) < MAX_LINE + 100
    assert line.endswith(b"... <998,000 octets more>")
    assert len(readable(b"y" * 1_000_000)) < MAX_LINE + 100


def test_a_message_is_a_size_or_its_lines() -> None:
    counted, shown = Message("C", show=False), Message("C", show=True)
    assert counted.feed(b"Subject: a\r\n") + counted.feed(b"\r\nbody") + counted.end() == [
        Shown("C", "<18 octets of message>")
    ]
    assert texts(shown.feed(b"Subj") + shown.feed(b"ect: a\r\n\r\nbody") + shown.end()) == [
        "C: Subject: a",
        "C: ",
        "C: body",
    ]
    assert counted.end() == shown.end() == []


# -- SMTP ----------------------------------------------------------------------------------------------------------------


class SmtpTalk:
    """A core whose every command is answered alike, and who looks on."""

    def __init__(self, *, data: bool = False) -> None:
        self.core = smtp_server.Server(max_size=100_000)
        self.watched = smtp.Smtp(data=data)
        self.seen: list[str] = []
        self.core.reply(reply(220, "", "ready"))

    def hear(self, data: bytes) -> None:
        self.core.receive(data)
        while (event := self.core.next_event()) is not NEED_DATA:
            self.seen += texts(self.watched.heard(event))
            match event:
                case smtp_server.Command("DATA"):
                    self.core.reply(reply(354, "", "go on"))
                case smtp_server.Command("AUTH"):
                    self.core.reply(reply(334, "", "VXNlcm5hbWU6"))
                case smtp_server.BeginChunk() | smtp_server.Chunk():
                    continue
                case smtp_server.Eof():
                    return
                case _:
                    self.core.reply(reply(250, "2.0.0", "fine"))
            self.seen += texts(self.watched.said(self.core.take_output()))


SMTP_LOGINS = (
    f"AUTH PLAIN {ANSWER}\r\n",
    f"auth plain\r\n{ANSWER}\r\n",
    f"AUTH LOGIN\r\n{ANSWER}\r\n",
    f"AUTH {ANSWER}\r\n{ANSWER}\r\n",
    f"AUTH  PLAIN  {ANSWER}\r\n",
    f"RSET\r\n{ANSWER}\r\n",
    "PASS builder-of-towers\r\nbuilder-of-towers\r\n",
    f"AUTH PLAIN {ANSWER}\x00\r\n",
    f"AUTH OAUTHBEARER {ANSWER} {ANSWER}\r\n",
)


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("login", SMTP_LOGINS)
def test_smtp_hides_what_proves_who_it_is(login: str, size: int) -> None:
    talk = SmtpTalk()
    for piece in pieces(b"EHLO there\r\n" + login.encode() + b"NOOP\r\n", size):
        talk.hear(piece)
    assert "C: EHLO there" in talk.seen
    assert safe([line.upper() for line in talk.seen])
    assert safe(talk.seen)
    assert "VXNlcm5hbWU6" not in "".join(talk.seen)


def test_smtp_shows_the_rest() -> None:
    talk = SmtpTalk()
    talk.hear(b"ehlo there\r\nMAIL FROM:<a@example.com>\r\nDATA\r\n")
    talk.hear(b"Subject: secret\r\n\r\n..\r\n.\r\nBDAT 3\r\nabcBDAT 2 LAST\r\nde")
    assert talk.seen == [
        "C: EHLO there",
        "S: 220 ready",
        "S: 250 2.0.0 fine",
        "C: MAIL FROM:<a@example.com>",
        "S: 250 2.0.0 fine",
        "C: DATA",
        "S: 354 go on",
        "C: <22 octets of message>",
        "C: .",
        "S: 250 2.0.0 fine",
        "C: BDAT 3",
        "C: <3 octets of message>",
        "S: 250 2.0.0 fine",
        "C: BDAT 2 LAST",
        "C: <2 octets of message>",
        "S: 250 2.0.0 fine",
    ]


def test_smtp_shows_messages_where_that_is_wanted() -> None:
    talk = SmtpTalk(data=True)
    talk.hear(b"DATA\r\nSubject: a\r\n\r\nbody\x1b[2J\r\n.\r\n")
    assert talk.seen[2:-1] == ["S: 354 go on", "C: Subject: a", "C: ", "C: body\\x1b[2J", "C: ."]


# -- POP3 ----------------------------------------------------------------------------------------------------------------


def pop3_talk(data: bytes, size: int, answers: dict[str, Any], *, show: bool = False) -> list[str]:
    core, watched, seen = pop3_server.Server(), pop3.Pop3(data=show), []
    for piece in pieces(data, size):
        core.receive(piece)
        while (event := core.next_event()) is not NEED_DATA:
            seen += texts(watched.heard(event))
            verb = event.verb if isinstance(event, pop3_server.Command) else ""
            core.reply(answers.get(verb, pop3_reply.Ok("fine")))
            for octets in pieces(core.take_output(), 7):
                seen += texts(watched.said(octets))
    return seen + texts(watched.settled())


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_pop3_hides_what_proves_who_it_is(size: int) -> None:
    logins = (
        "USER bob\r\nPASS builder-of-towers\r\npass builder-of-towers\r\nAPOP bob builder-of-towers\r\n"
        f"AUTH PLAIN {ANSWER}\r\n{ANSWER}\r\nbuilder-of-towers\r\nPAS builder-of-towers\r\nAUTH builder-of-towers\r\n"
    )
    seen = pop3_talk(logins.encode(), size, {"AUTH": pop3_reply.Challenge(b"builder-of-towers")})
    assert safe(seen)
    assert "C: USER bob" in seen
    assert "C: PASS <hidden>" in seen
    assert "C: APOP bob <hidden>" in seen
    assert "S: + <hidden>" in seen


@pytest.mark.parametrize("size", [1, 1000])
def test_pop3_shows_messages_as_a_size(size: int) -> None:
    message = pop3_reply.Lines("17 octets", b"Subject: a\r\n\r\n.\r\n")
    listed = pop3_reply.Lines("1 message", b"1 17\r\n")
    talk = b"LIST\r\nRETR 1\r\nTOP 1 0\r\nNOOP\r\n"
    answers = {"LIST": listed, "RETR": message, "TOP": pop3_reply.Err("no such message")}
    assert pop3_talk(talk, size, answers) == [
        "C: LIST",
        "S: +OK 1 message",
        "S: 1 17",
        "S: .",
        "C: RETR 1",
        "S: +OK 17 octets",
        "S: <21 octets of message>",
        "C: TOP 1 0",
        "S: -ERR no such message",
        "C: NOOP",
        "S: +OK fine",
    ]
    assert pop3_talk(b"RETR 1\r\n", size, answers, show=True)[2:] == ["S: Subject: a", "S: ", "S: ..", "S: ."]


# -- IMAP ----------------------------------------------------------------------------------------------------------------


def imap_talk(data: bytes, size: int, watched: Watched | None = None) -> list[str]:
    """Every command is answered OK, AUTHENTICATE asks for lines until `*` comes."""
    core, seen = framing.Server(), []
    watched = watched or imap.Imap()
    for piece in pieces(data, size):
        core.receive(piece)
        while (event := core.next_event()) is not NEED_DATA:
            seen += texts(watched.heard(event))
            match event:
                case framing.Command(tag, "AUTHENTICATE" | "IDLE"):
                    core.send(b"+ builder-of-towers\r\n" if event.name == "AUTHENTICATE" else b"+ idling\r\n")
                    core.expect_line()
                case framing.Command(tag):
                    core.send(tag.encode() + b" OK done\r\n")
                    core.resume()
                case framing.Line():
                    core.send(b"x OK done\r\n")
                    core.resume()
                case framing.BadLine(tag):
                    core.send((tag or "*").encode() + b" BAD no command\r\n")
            for octets in pieces(core.take_output(), 5):
                seen += texts(watched.said(octets))
    return seen


IMAP_LOGINS = (
    "a LOGIN bob builder-of-towers\r\n",
    'a login "bob" "builder-of-towers"\r\n',
    "a LOGIN bob {17+}\r\nbuilder-of-towers\r\n",
    "a LOGIN {3+}\r\nbob {17+}\r\nbuilder-of-towers\r\n",
    "a LOGIN builder-of-towers\r\n",
    'a LOGIN bob "builder-of-towers\r\n',
    "LOGIN bob builder-of-towers\r\n",
    f"a AUTHENTICATE PLAIN {ANSWER}\r\n*\r\n",
    f"a AUTHENTICATE PLAIN\r\n{ANSWER}\r\n",
    f"a AUTHENTICATE {ANSWER}\r\n*\r\n",
    f"{ANSWER}\r\n",
    "builder-of-towers\r\n",
    "a builder-of-towers\r\n",
    "builder-of-towers a\r\n",
)


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("login", IMAP_LOGINS)
def test_imap_hides_what_proves_who_it_is(login: str, size: int) -> None:
    seen = imap_talk(b"b NOOP\r\n" + login.encode() + b"c NOOP\r\n", size)
    assert safe(seen)
    assert "C: c NOOP" in seen


def test_imap_shows_the_rest() -> None:
    seen = imap_talk(
        b"a LOGIN bob@example.com x\r\nb IDLE\r\nDONE\r\nc SELECT {5+}\r\nINBOX\r\n"
        b"d APPEND Sent (\\Seen) {6+}\r\na: b\r\n\r\n",
        1000,
    )
    assert [line for line in seen if line.startswith("C")] == [
        "C: a LOGIN bob@example.com <hidden>",
        "C: b IDLE",
        "C: DONE",
        "C: c SELECT {5+} INBOX",
        "C: d APPEND Sent (\\Seen) {6+} <6 octets of message>",
    ]
    assert "S: + idling" in seen


FETCHED = (
    b'* 1 FETCH (UID 5 INTERNALDATE "01-Jan-2026 00:00:00 +0000" ENVELOPE ("a day" "a subject \\"of it\\"" NIL) '
    b"BODY[] {25}\r\nsecret\r\n* 2 FETCH (x)\r\n\r\n FLAGS (\\Seen))\r\n* 2 EXISTS\r\n"
)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_imap_shows_messages_as_a_size(size: int) -> None:
    watched = imap.Imap()
    assert [line.text for octets in pieces(FETCHED, size) for line in watched.said(octets)] == [
        '* 1 FETCH (UID 5 INTERNALDATE "01-Jan-2026 00:00:00 +0000" ENVELOPE ("<5>" "<19>" NIL) '
        "BODY[] {25} <25 octets of message> FLAGS (\\Seen))",
        "* 2 EXISTS",
    ]
    shown = imap.Imap(data=True)
    lines = [line.text for octets in pieces(FETCHED, size) for line in shown.said(octets)]
    assert lines[1:] == ["secret", "* 2 FETCH (x)", "", " FLAGS (\\Seen))", "* 2 EXISTS"]


@pytest.mark.parametrize("size", [1000, 100_000])
def test_a_long_answer_shows_nothing_of_messages_either(size: int) -> None:
    line = b"* 1 FETCH (ENVELOPE (" + b'"a \\" secret" ' * 3_000 + b"))\r\n"
    watched = imap.Imap()
    lines = [line.text for octets in pieces(line + b"* 2 EXISTS\r\n", size) for line in watched.said(octets)]
    assert len(lines) == 2
    assert "secret" not in lines[0]
    assert lines[1] == "* 2 EXISTS"


def test_imap_shows_an_appended_message_where_that_is_wanted() -> None:
    seen = imap_talk(b"d APPEND Sent {8+}\r\na: b\r\n\r\n\r\n", 1000, imap.Imap(data=True))
    assert seen[:3] == ["C: d APPEND Sent {8+}", "C: a: b", "C: "]


# -- outgoing ------------------------------------------------------------------------------------------------------------


def test_outgoing_hides_its_login_and_what_others_say_of_it() -> None:
    watched = Outgoing()
    seen = [
        *watched.received(b"220 there\r\n"),
        *watched.sent(f"AUTH PLAIN {ANSWER}\r\n".encode()),
        *watched.received(b"535-5.7.8 no: builder-of-towers\r\n535 5.7.8 "),
        *watched.received(f"{ANSWER}\r\n".encode()),
        *watched.sent(b"AUTH LOGIN\r\n"),
        *watched.received(b"334 VXNlcm5hbWU6\r\n"),
        *watched.sent(b"Ym9i\r\n"),
        *watched.received(b"334 UGFzc3dvcmQ6\r\n"),
        *watched.sent(f"{SECRETS[2]}\r\n".encode()),
        *watched.received(b"235 welcome\r\n"),
        *watched.sent(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n"),
    ]
    assert safe(texts(seen))
    assert texts(seen) == [
        "S: 220 there",
        "C: AUTH PLAIN <hidden>",
        "S: 535-<hidden>",
        "S: 535 <hidden>",
        "C: AUTH LOGIN",
        "S: 334 <hidden>",
        "C: <hidden>",
        "S: 334 <hidden>",
        "C: <hidden>",
        "S: 235 welcome",
        "C: MAIL FROM:<a@example.com>",
        "C: RCPT TO:<b@example.com>",
    ]


@pytest.mark.parametrize("hasty", ["250 welcome", "535 no", "535-no", "", "x"])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_outgoing_hides_its_login_from_a_server_that_does_not_wait_to_be_asked(
    before: int, hasty: str
) -> None:
    client, watched = Client("here"), Outgoing()
    seen: list[str] = []

    def hear(octets: bytes) -> None:
        seen.extend(texts(watched.received(octets)))
        client.receive(octets)
        while (event := client.next_event()) is not NEED_DATA:
            if isinstance(event, Greeted):
                client.send_hello()
            elif isinstance(event, Hello):
                client.send_auth("bob", "builder-of-towers")
            else:
                break
        seen.extend(texts(watched.sent(client.take_output())))

    hear(b"220 there\r\n")
    hear(b"250-there\r\n250 AUTH LOGIN\r\n")
    challenges = ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"]
    hear("\r\n".join([*challenges[:before], hasty, *challenges[before:], hasty, ""]).encode())
    assert "C: AUTH LOGIN" in seen
    assert safe(seen)
    assert not any("Ym9i" in line for line in seen)


@pytest.mark.parametrize("before", [MAX_LINE - 10, MAX_LINE - 4, MAX_LINE, MAX_LINE + 40])
def test_outgoing_shows_no_half_of_a_secret_where_a_line_is_cut(before: int) -> None:
    watched = Outgoing()
    watched.sent(f"AUTH PLAIN {ANSWER}\r\n".encode())
    (line,) = watched.received(b"535 " + b"x" * (before - 4) + b"builder-of-towers\r\n")
    assert line.text == "535 <hidden>"


def test_outgoing_shows_what_is_no_secret() -> None:
    lines = [b"EHLO here", b"starttls", b"DATA", b".", b"", b"BDAT 5 LAST", b"XFORWARD NAME=a", b"QUIT"]
    seen = Outgoing().sent(b"".join(line + b"\r\n" for line in lines))
    assert [line.text.encode() for line in seen] == lines


@pytest.mark.parametrize("chunked", [False, True])
def test_outgoing_messages_are_a_size(chunked: bool) -> None:
    watched = Outgoing()
    first = b"BDAT 12 LAST\r\n" if chunked else b""
    seen = watched.body(first + b"Subject:", chunked=chunked) + watched.body(b" a\r\n", chunked=chunked)
    seen += watched.received(b"250 taken\r\n")
    command = ["C: BDAT 12 LAST"] if chunked else []
    assert texts(seen) == [*command, "C: <12 octets of message>", "S: 250 taken"]
