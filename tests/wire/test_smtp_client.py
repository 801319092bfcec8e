"""The client core against scripted servers, each dialog whole, byte by byte and in odd pieces."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.address import Address
from correo.wire import NEED_DATA
from correo.wire.smtp.client import Client
from correo.wire.smtp.dialog import (
    BodyWanted,
    Bye,
    Done,
    Event,
    Extensions,
    Greeted,
    Hello,
    LoggedIn,
    Lost,
    Refused,
    Result,
    Stage,
    TlsReady,
    Transaction,
)
from correo.wire.smtp.reply import MAX_LINE, MAX_LINES, Reply
from correo.wire.smtp.stuffing import Stuffer

ANA = Address.parse("ana@here.example")
BOB, EVA, ZOE = (Address.parse(f"{name}@there.example") for name in ("bob", "eva", "zoe"))
PIPELINING = "220 mx.there.example ESMTP\r\n250-mx.there.example\r\n250-SIZE 1000\r\n250 PIPELINING\r\n"
PLAIN = "220 mx.there.example ESMTP\r\n250 mx.there.example\r\n"


class Script:
    """Runs a client to its end: the server's answers are fed in pieces, each `C:` line is what the client must have sent.

    `S:` lines may come before the client has said anything about them, as a lying server would do it.
    """

    def __init__(self, piece: int = 0) -> None:
        self.client = Client("here.example")
        self.piece = piece
        self.sent = b""

    def serve(self, text: str | bytes) -> list[Event]:
        data = text.encode() if isinstance(text, str) else text
        events: list[Event] = []
        size = self.piece or len(data) or 1
        for start in range(0, len(data), size):
            self.client.receive(data[start : start + size])
            events += self.pull()
        return events

    def end(self) -> list[Event]:
        self.client.receive(b"")
        return self.pull()

    def pull(self) -> list[Event]:
        events: list[Event] = []
        while (event := self.client.next_event()) is not NEED_DATA:
            events.append(event)
        self.sent += self.client.take_output()
        return events

    def take(self) -> str:
        self.sent += self.client.take_output()
        sent, self.sent = self.sent, b""
        return sent.decode()

    def hello(self, text: str) -> None:
        greeting, _, rest = text.partition("\r\n")
        (greeted,) = self.serve(greeting + "\r\n")
        assert isinstance(greeted, Greeted)
        self.client.send_hello()
        (hello,) = self.serve(rest)
        assert isinstance(hello, Hello)
        self.take()


@pytest.fixture(params=[0, 1, 3], ids=["whole", "by one", "by three"])
def script(request: pytest.FixtureRequest) -> Script:
    return Script(request.param)


def mail(*recipients: Address, body: str = "7BIT", utf8: bool = False, size: int = 500) -> Transaction:
    return Transaction(ANA, recipients, size, body, utf8)


def codes(results: tuple[Result, ...]) -> list[tuple[str, int]]:
    return [(result.stage.value, result.reply.code if result.reply else 0) for result in results]


def done(events: list[Event]) -> list[tuple[str, int]]:
    (event,) = events
    assert isinstance(event, Done)
    return codes(event.results)


def lost(events: list[Event]) -> list[tuple[str, int]]:
    (event,) = events
    assert isinstance(event, Lost)
    return codes(event.results)


def test_a_whole_conversation_with_pipelining(script: Script) -> None:
    client = script.client
    (greeted,) = script.serve("220-MX.There.Example ready\r\n220 and willing\r\n")
    assert isinstance(greeted, Greeted)
    assert greeted.name == "mx.there.example"
    client.send_hello()
    assert script.take() == "EHLO here.example\r\n"
    (hello,) = script.serve("250-mx.there.example\r\n250-size 1000\r\n250-8BITMIME\r\n250 Pipelining\r\n")
    assert isinstance(hello, Hello)
    assert hello.extensions.size == 1000
    client.send_mail(mail(BOB, EVA, body="8BITMIME"))
    assert client.stage == Stage.MAIL
    assert script.take() == (
        "MAIL FROM:<ana@here.example> SIZE=500 BODY=8BITMIME\r\n"
        "RCPT TO:<bob@there.example>\r\nRCPT TO:<eva@there.example>\r\nDATA\r\n"
    )
    assert script.serve("250 ok\r\n250 ok\r\n550 5.1.1 who?\r\n354 go on\r\n") == [BodyWanted()]
    client.send_body(b"Subject: x\r\n\r\n.dot\r\n")
    client.end_body()
    assert script.take() == "Subject: x\r\n\r\n..dot\r\n.\r\n"
    assert done(script.serve("250 2.0.0 queued\r\n")) == [("end of DATA", 250), ("RCPT", 550)]
    client.send_quit()
    assert script.take() == "QUIT\r\n"
    assert script.serve("221 bye\r\n") == [Bye()]
    assert client.closed


def test_without_pipelining_one_command_at_a_time(script: Script) -> None:
    script.hello(PLAIN)
    script.client.send_mail(mail(BOB, EVA, body="8BITMIME", utf8=True))
    assert script.take() == "MAIL FROM:<ana@here.example>\r\n"
    assert script.serve("250 ok\r\n") == []
    assert script.take() == "RCPT TO:<bob@there.example>\r\n"
    assert script.serve("450 later\r\n") == []
    assert script.take() == "RCPT TO:<eva@there.example>\r\n"
    assert script.serve("251 forwards\r\n") == []
    assert script.take() == "DATA\r\n"
    assert script.serve("354 go\r\n") == [BodyWanted()]
    script.client.end_body()
    assert done(script.serve("250 ok\r\n")) == [("RCPT", 450), ("end of DATA", 250)]


def test_data_is_not_sent_for_nobody(script: Script) -> None:
    script.hello(PLAIN)
    script.client.send_mail(mail(BOB, EVA))
    assert script.serve("250 ok\r\n") + script.serve("550 no\r\n") == []
    assert done(script.serve("551 no\r\n")) == [("RCPT", 550), ("RCPT", 551)]
    assert "DATA" not in script.take()


def test_a_354_for_nobody_is_answered_with_a_lone_dot(script: Script) -> None:
    script.hello(PIPELINING)
    script.client.send_mail(mail(BOB))
    script.take()
    assert script.serve("250 ok\r\n550 no\r\n354 go on\r\n") == []
    assert script.take() == ".\r\n"
    assert done(script.serve("250 delivered, they say\r\n")) == [("RCPT", 550)]


def test_mail_refused(script: Script) -> None:
    script.hello(PIPELINING)
    script.client.send_mail(mail(BOB, EVA))
    assert done(script.serve("552 5.3.4 too big\r\n503 what?\r\n250 what?\r\n503 what?\r\n")) == [
        ("MAIL", 552),
        ("MAIL", 552),
    ]


def test_mail_refused_and_354_nevertheless(script: Script) -> None:
    script.hello(PIPELINING)
    script.client.send_mail(mail(BOB))
    script.take()
    assert script.serve("452 full\r\n250 ok\r\n354 go on\r\n") == []
    assert script.take() == ".\r\n"
    assert done(script.serve("250 ok\r\n")) == [("MAIL", 452)]


def test_mail_refused_without_pipelining(script: Script) -> None:
    script.hello(PLAIN)
    script.client.send_mail(mail(BOB, EVA))
    assert done(script.serve("451 not now\r\n")) == [("MAIL", 451), ("MAIL", 451)]
    assert script.take() == "MAIL FROM:<ana@here.example>\r\n"


def test_data_refused_decides_for_those_accepted(script: Script) -> None:
    script.hello(PIPELINING)
    script.client.send_mail(mail(BOB, EVA))
    assert done(script.serve("250 ok\r\n550 no\r\n250 ok\r\n451 disk\r\n")) == [("RCPT", 550), ("DATA", 451)]


@pytest.mark.parametrize("hello", [PIPELINING, PLAIN], ids=["pipelining", "plain"])
def test_the_next_transaction_resets_what_was_left_of_the_last(script: Script, hello: str) -> None:
    script.hello(hello)
    script.client.send_mail(mail(BOB))
    script.serve("250 ok\r\n")
    script.serve("550 no\r\n")
    if hello == PIPELINING:
        script.serve("503 no\r\n")
    script.take()
    script.client.send_mail(mail(EVA))
    assert script.take().startswith("RSET\r\n")
    script.serve("250 reset\r\n")
    script.serve("250 ok\r\n")
    script.serve("250 ok\r\n")
    assert script.serve("354 ok\r\n") == [BodyWanted()]
    script.client.end_body()
    assert done(script.serve("250 ok\r\n")) == [("end of DATA", 250)]
    script.take()
    script.client.send_mail(mail(EVA))
    assert script.take().startswith("MAIL")


def test_ehlo_falls_back_to_helo(script: Script) -> None:
    script.serve("220 old\r\n")
    script.client.send_hello()
    assert script.serve("502 what?\r\n") == []
    assert script.take() == "EHLO here.example\r\nHELO here.example\r\n"
    assert script.serve("250-hello\r\n250 PIPELINING\r\n") == [Hello(Extensions())]


def test_ehlo_and_helo_refused(script: Script) -> None:
    script.serve("220 old\r\n")
    script.client.send_hello()
    (refused,) = script.serve("550 no\r\n") + script.serve("550 still no\r\n")
    assert refused == Refused(Stage.HELLO, Reply(550, ("still no",)))


def test_ehlo_refused_for_now_is_not_tried_as_helo(script: Script) -> None:
    script.serve("220 busy\r\n")
    script.client.send_hello()
    assert script.serve("451 later\r\n") == [Refused(Stage.HELLO, Reply(451, ("later",)))]


def test_greeting_refused(script: Script) -> None:
    assert script.serve("554 go away\r\n") == [Refused(Stage.GREETING, Reply(554, ("go away",)))]


def test_greeted_with_421(script: Script) -> None:
    (event,) = script.serve("421 busy\r\n")
    assert isinstance(event, Lost)
    assert (event.stage, event.reply) == (Stage.GREETING, Reply(421, ("busy",)))


def test_starttls_forgets_what_was_learnt_in_clear_text(script: Script) -> None:
    script.hello("220 x\r\n250-x\r\n250-SIZE 1000\r\n250 STARTTLS\r\n")
    script.client.send_starttls()
    assert script.serve("220 ready\r\n250-injected\r\n250 AUTH PLAIN\r\n") == [TlsReady()]
    assert script.serve("250 injected\r\n") == []
    script.client.tls_started()
    assert script.client.extensions == Extensions()
    assert script.pull() == []
    script.client.send_hello()
    assert script.serve("250-x\r\n250 PIPELINING\r\n") == [Hello(Extensions({"PIPELINING": ""}))]


def test_the_end_instead_of_the_handshake(script: Script) -> None:
    script.hello("220 x\r\n250-x\r\n250 STARTTLS\r\n")
    script.client.send_starttls()
    assert script.serve("220 ready\r\n") == [TlsReady()]
    assert lost(script.end()) == []
    assert script.pull() == []


@pytest.mark.parametrize("ask", [Client.send_starttls, Client.send_hello])
def test_an_answer_that_came_before_the_question_is_none(ask: Callable[[Client], None]) -> None:
    client = Client("here.example")
    client.receive(b"220 x\r\n")
    assert isinstance(client.next_event(), Greeted)
    client.receive(b"220 go ahead\r\n")
    ask(client)
    assert client.take_output() == b""
    assert client.next_event() == Lost(None, "the server speaks out of turn", None, ())


def test_starttls_refused_leaves_the_connection(script: Script) -> None:
    script.hello("220 x\r\n250-x\r\n250 STARTTLS\r\n")
    script.client.send_starttls()
    assert script.serve("454 not now\r\n") == [Refused(Stage.STARTTLS, Reply(454, ("not now",)))]
    script.client.send_mail(mail(BOB))
    assert script.serve("250 ok\r\n") == []


def test_auth_plain(script: Script) -> None:
    script.hello("220 x\r\n250-x\r\n250 AUTH LOGIN PLAIN\r\n")
    script.client.send_auth("ana", "s\u00e9same")
    assert script.take() == "AUTH PLAIN AGFuYQBzw6lzYW1l\r\n"
    assert script.serve("235 ok\r\n") == [LoggedIn()]


def test_auth_login_as_old_servers_announce_it(script: Script) -> None:
    script.hello("220 x\r\n250-x\r\n250 AUTH=LOGIN\r\n")
    script.client.send_auth("ana", "secret")
    assert script.serve("334 VXNlcm5hbWU6\r\n") == []
    assert script.serve("334 UGFzc3dvcmQ6\r\n") == []
    assert script.take() == "AUTH LOGIN\r\nYW5h\r\nc2VjcmV0\r\n"
    assert script.serve("535 5.7.8 no\r\n") == [Refused(Stage.AUTH, Reply(535, ("5.7.8 no",)))]


def test_auth_cancels_a_challenge_too_many(script: Script) -> None:
    script.hello("220 x\r\n250-x\r\n250 AUTH PLAIN\r\n")
    script.client.send_auth("ana", "secret")
    script.take()
    assert script.serve("334 \r\n") == []
    assert script.take() == "*\r\n"
    assert script.serve("501 cancelled\r\n") == [Refused(Stage.AUTH, Reply(501, ("cancelled",)))]


def test_auth_with_a_mechanism_nobody_has() -> None:
    script = Script()
    script.hello("220 x\r\n250-x\r\n250 AUTH GSSAPI\r\n")
    with pytest.raises(ValueError, match="mechanism"):
        script.client.send_auth("ana", "secret")


def test_421_anywhere_decides_for_those_undecided(script: Script) -> None:
    script.hello(PIPELINING)
    script.client.send_mail(mail(BOB, EVA, ZOE))
    assert lost(script.serve("250 ok\r\n550 no\r\n250 ok\r\n421 bye\r\n")[-1:]) == [
        ("RCPT", 550),
        ("RCPT", 421),
        ("RCPT", 421),
    ]
    assert script.client.closed


@pytest.mark.parametrize(
    ("heard", "results"),
    [
        ("", [("MAIL", 0), ("MAIL", 0)]),
        ("250 ok\r\n", [("RCPT", 0), ("RCPT", 0)]),
        ("250 ok\r\n550 no\r\n", [("RCPT", 550), ("RCPT", 0)]),
        ("250 ok\r\n550 no\r\n250 ok\r\n", [("RCPT", 550), ("DATA", 0)]),
        ("250 ok\r\n550 no\r\n250 ok\r\n354", [("RCPT", 550), ("DATA", 0)]),
    ],
)
def test_the_connection_may_end_anywhere(script: Script, heard: str, results: list[tuple[str, int]]) -> None:
    script.hello(PIPELINING)
    script.client.send_mail(mail(BOB, EVA))
    assert script.serve(heard) == []
    assert lost(script.end()) == results
    assert script.pull() == []


def test_the_end_while_the_message_is_sent_and_after_it(script: Script) -> None:
    script.hello(PIPELINING)
    script.client.send_mail(mail(BOB))
    assert script.serve("250 ok\r\n250 ok\r\n354 go\r\n") == [BodyWanted()]
    script.client.send_body(b"half")
    assert lost(script.end()) == [("end of DATA", 0)]
    other = Script(script.piece)
    other.hello(PIPELINING)
    other.client.send_mail(mail(BOB))
    other.serve("250 ok\r\n250 ok\r\n354 go\r\n")
    other.client.end_body()
    assert lost(other.serve("250") + other.end()) == [("end of DATA", 0)]


def test_a_refusal_in_the_middle_of_the_message_counts(script: Script) -> None:
    script.hello(PIPELINING)
    script.client.send_mail(mail(BOB))
    script.serve("250 ok\r\n250 ok\r\n354 go\r\n")
    script.client.send_body(b"half")
    assert lost(script.serve("552 5.3.4 too big\r\n")[-1:]) == [("end of DATA", 552)]


def test_a_250_in_the_middle_of_the_message_does_not(script: Script) -> None:
    script.hello(PIPELINING)
    script.client.send_mail(mail(BOB))
    script.serve("250 ok\r\n250 ok\r\n354 go\r\n")
    script.client.send_body(b"half")
    assert lost(script.serve("250 ok\r\n")) == [("end of DATA", 0)]


def test_a_250_that_came_with_the_354_does_not_count() -> None:
    script = Script()
    script.hello(PIPELINING)
    script.client.send_mail(mail(BOB))
    assert lost(script.serve("250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n")) == [("DATA", 0)]


@pytest.mark.parametrize(
    "answers",
    [
        "354 go\r\n",
        "250 ok\r\n354 go\r\n",
        "250 ok\r\n250 ok\r\n250 ok\r\n",
        "hello?\r\n",
        "999 x\r\n",
        "\r\n",
    ],
)
def test_nonsense_is_no_answer(script: Script, answers: str) -> None:
    script.hello(PIPELINING)
    script.client.send_mail(mail(BOB))
    events = script.serve(answers)
    assert [code for _, code in lost(events[-1:])] == [0]
    assert script.client.closed


def test_replies_nobody_asked_for_end_the_connection(script: Script) -> None:
    script.hello(PIPELINING)
    (event,) = script.serve("250 surprise\r\n")
    assert event == Lost(None, "the server speaks out of turn", None, ())
    idle = Script(script.piece)
    idle.hello(PIPELINING)
    (event,) = idle.serve("421 4.4.2 idle\r\n")
    assert isinstance(event, Lost)
    assert event.reply == Reply(421, ("4.4.2 idle",))


@pytest.mark.parametrize("early", ["250 2.0.0 one more\r\n", "354 go on\r\n", "250-2.0.0 and", "250 2"])
def test_a_reply_that_was_there_before_it_was_asked_for_answers_nothing(script: Script, early: str) -> None:
    """By BDAT there is no 354 in between: one reply too many, and the last recipient's 250 would be that of the message."""
    script.hello("220 x\r\n250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
    script.client.send_mail(mail(BOB))
    (wanted,) = script.serve("250 ok\r\n250 ok\r\n")
    assert isinstance(wanted, BodyWanted)
    script.client.begin_body(0)
    script.client.end_body()
    script.take()
    script.client.receive(b"250 taken\r\n" + early.encode())
    assert isinstance(script.client.next_event(), Done)
    script.client.send_mail(mail(BOB, EVA))
    assert lost(script.pull()) == [("MAIL", 0), ("MAIL", 0)]
    assert script.take() == ""
    assert script.client.closed


@pytest.mark.parametrize(
    "flood",
    [b"2" * (MAX_LINE * 3), b"250-x\r\n" * (MAX_LINES + 1), b"\x00" * (MAX_LINE * 2) + b"\r\n"],
    ids=["line", "lines", "octets"],
)
def test_replies_are_bounded(flood: bytes) -> None:
    script = Script(1000)
    script.serve("220 x\r\n")
    script.client.send_hello()
    events = script.serve(flood) + script.serve("\r\n")
    assert [type(event) for event in events] == [Lost]


def test_the_last_line_of_a_reply_decides(script: Script) -> None:
    script.hello(PIPELINING)
    script.client.send_mail(mail(BOB))
    assert done(script.serve("250 ok\r\n250-fine\r\n550 not fine\r\n503 no\r\n")) == [("RCPT", 550)]


def test_the_end_after_quit(script: Script) -> None:
    script.hello(PLAIN)
    script.client.send_quit()
    assert script.end() == [Bye()]


def test_paths() -> None:
    script = Script()
    script.hello("220 x\r\n250-x\r\n250 SMTPUTF8\r\n")
    idn = Address.parse("bob@b\u00fccher.example")
    script.client.send_mail(Transaction(None, [idn], 10))
    assert script.take() == "MAIL FROM:<>\r\n"
    script.serve("250 ok\r\n")
    assert script.take() == "RCPT TO:<bob@xn--bcher-kva.example>\r\n"
    eai = Address.parse("z\u00f6e@b\u00fccher.example")
    other = Script()
    other.hello("220 x\r\n250-x\r\n250 SMTPUTF8\r\n")
    other.client.send_mail(Transaction(eai, [eai], 10, utf8=True))
    assert other.take() == "MAIL FROM:<z\u00f6e@b\u00fccher.example> SMTPUTF8\r\n"


@pytest.mark.parametrize("path", ["a\r\nRSET\r\n", "\u00f6"])
def test_what_cannot_be_written_is_not(path: str) -> None:
    script = Script()
    script.hello(PIPELINING)
    with pytest.raises(ValueError, match="SMTPUTF8"):
        script.client.send_mail(mail(Address(path, "x.example", f"{path}@x.example")))
    assert script.take() == ""


def test_status_of_replies() -> None:
    reply = Reply(550, ("5.7.26 not signed", "5.7.26 see https://x.example"))
    assert (reply.status.enhanced, reply.status.text) == ("5.7.26", "not signed see https://x.example")
    assert Reply(550, ("5.1.1 who", "5.2.1 what")).status.text == "who 5.2.1 what"
    assert Reply(250, ("",)).status.text == ""
    assert Reply(250, ("5.1.1 a lie",)).status.enhanced == ""


def unstuffed(wire: bytes) -> bytes:
    """What a strict server makes of DATA."""
    assert wire.endswith(b"\r\n.\r\n") or wire == b".\r\n"
    lines = wire[:-3].split(b"\r\n")
    assert b"." not in lines
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"x", b"..", b""]), max_size=12), st.data())
def test_no_message_ends_early_or_breaks_out(parts: list[bytes], data: st.DataObject) -> None:
    message = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(message)), max_size=4)))
    stuffer = Stuffer()
    pieces = [message[a:b] for a, b in zip([0, *cuts], [*cuts, len(message)], strict=True)]
    wire = b"".join(stuffer.encode(piece) for piece in pieces) + stuffer.finish()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", wire)
    assert len(re.findall(rb"(?:^|\r\n)\.\r\n", wire)) == 1
    clean = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
    assert unstuffed(wire) == (clean if clean.endswith(b"\r\n") or not clean else clean + b"\r\n")


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            [
                b"250 ok\r\n",
                b"250-",
                b"354 go\r\n",
                b"421 x\r\n",
                b"550 no\r\n",
                b"\r\n",
                b"\xff",
                b"220 hi\r\n",
            ]
        ),
        max_size=15,
    )
)
def test_whatever_the_server_says_every_recipient_has_one_result(answers: list[bytes]) -> None:
    script = Script()
    script.hello(PIPELINING)
    script.client.send_mail(mail(BOB, EVA))
    events: list[Event] = []
    for answer in answers:
        heard = script.serve(answer)
        events += heard
        if heard == [BodyWanted()]:
            script.client.send_body(b"x")
            script.client.end_body()
        if events and isinstance(events[-1], Done | Lost):
            break
    else:
        events += script.end()
    last = events[-1]
    assert isinstance(last, Done | Lost)
    assert len(last.results) == 2
    taken = [result for result in last.results if result.reply and result.reply.first_digit == 2]
    assert all(result.stage is Stage.BODY for result in taken)


CHUNKING = "220 mx.there.example ESMTP\r\n250-mx.there.example\r\n250-CHUNKING\r\n250 PIPELINING\r\n"


@pytest.mark.parametrize("piece", [0, 1, 7])
@pytest.mark.parametrize("pipelining", [True, False])
def test_by_bdat_without_a_round_trip_for_data(piece: int, pipelining: bool) -> None:
    """RFC 3030 §2: nothing is stuffed, and only those who were taken get it."""
    script = Script(piece)
    script.hello(CHUNKING if pipelining else CHUNKING.replace("PIPELINING", "HELP"))
    script.take()
    script.client.send_mail(Transaction(ANA, (BOB, EVA), 12))
    events: list[Event] = []
    for reply in ("250 ok\r\n", "550 who?\r\n", "250 ok\r\n"):
        events += script.serve(reply)
    assert events == [BodyWanted()]
    assert script.take() == (
        "MAIL FROM:<ana@here.example>\r\nRCPT TO:<bob@there.example>\r\nRCPT TO:<eva@there.example>\r\n"
    )
    script.client.begin_body(9)
    script.client.send_body(b".\r\n..")
    script.client.send_body(b"\nxyz")
    script.client.end_body()
    assert script.take() == "BDAT 9 LAST\r\n.\r\n..\nxyz"
    (done,) = script.serve("250 2.0.0 mine\r\n")
    assert isinstance(done, Done)
    assert [(result.stage, result.reply and result.reply.code) for result in done.results] == [
        (Stage.RCPT, 550),
        (Stage.BODY, 250),
    ]


@pytest.mark.parametrize("pipelining", [True, False])
def test_by_bdat_to_nobody(pipelining: bool) -> None:
    script = Script()
    script.hello(CHUNKING if pipelining else CHUNKING.replace("PIPELINING", "HELP"))
    script.client.send_mail(Transaction(ANA, (BOB, EVA), 12))
    replies = ("250 ok\r\n", "550 no\r\n", "550 no\r\n")
    (done,) = [event for reply in replies for event in script.serve(reply)]
    assert isinstance(done, Done)
    assert {result.stage for result in done.results} == {Stage.RCPT}
    assert "BDAT" not in script.take()


def test_a_refused_sender_and_bdat() -> None:
    script = Script()
    script.hello(CHUNKING)
    script.client.send_mail(Transaction(ANA, (BOB,), 12))
    (done,) = script.serve("550 not you\r\n503 no sender\r\n")
    assert isinstance(done, Done)
    assert [result.stage for result in done.results] == [Stage.MAIL]


def test_after_a_refused_chunk_the_next_message_begins_anew() -> None:
    """RFC 3030 §2: the state of the transaction is unknown then."""
    script = Script()
    script.hello(CHUNKING)
    script.client.send_mail(Transaction(ANA, (BOB,), 12))
    script.serve("250 ok\r\n250 ok\r\n")
    script.client.begin_body(1)
    script.client.send_body(b"x")
    script.client.end_body()
    script.serve("452 full\r\n")
    script.take()
    script.client.send_mail(Transaction(ANA, (BOB,), 12))
    assert script.take().startswith("RSET\r\nMAIL FROM")


def test_a_server_that_gives_up_in_the_middle_of_a_chunk() -> None:
    script = Script()
    script.hello(CHUNKING)
    script.client.send_mail(Transaction(ANA, (BOB,), 12))
    script.serve("250 ok\r\n250 ok\r\n")
    script.client.begin_body(100_000)
    script.client.send_body(b"x" * 1000)
    (lost,) = script.serve("552 too big\r\n")
    assert isinstance(lost, Lost)
    (result,) = lost.results
    assert result.stage is Stage.BODY
    assert result.reply
    assert result.reply.code == 552


def test_an_answer_before_the_chunk_was_sent() -> None:
    script = Script()
    script.hello(CHUNKING)
    script.client.send_mail(Transaction(ANA, (BOB,), 12))
    (lost,) = script.serve("250 ok\r\n250 ok\r\n250 mine already\r\n")
    assert isinstance(lost, Lost)
    assert lost.results == (Result(Stage.DATA, None),)


@pytest.mark.parametrize("offered", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
def test_requiretls_is_said_where_it_is_offered(offered: bool, wanted: bool) -> None:
    script = Script()
    script.hello("220 hi\r\n250-there\r\n250 REQUIRETLS\r\n" if offered else "220 hi\r\n250 there\r\n")
    script.client.send_mail(replace(mail(BOB), requiretls=wanted))
    assert script.take().split("\r\n")[0].endswith(" REQUIRETLS") is (offered and wanted)
