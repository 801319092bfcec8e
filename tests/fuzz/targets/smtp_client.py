"""The client's side of SMTP and LMTP: whatever another server answers, no recipient is told more than it said."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz.arena import octets_in
from tests.fuzz.target import Target, alike

from correo.mail.address import Address
from correo.mail.wishes import Notify, Wishes
from correo.wire import NEED_DATA
from correo.wire.smtp.client import Client
from correo.wire.smtp.dialog import (
    BodyWanted,
    Bye,
    Done,
    Event,
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
from correo.wire.smtp.letter import Letter, Outcome, Verdict, dialog
from correo.wire.smtp.reply import MAX_LINE, MAX_LINES, NotSmtp, ReplyReader

ANA, BOB, EVA = (Address.parse(f"{name}@there.example") for name in ("ana", "bob", "eva"))
TEXT = b"Subject: x\r\n\r\n.text\rwith\nodd ends\r\n"
LETTER = Letter(
    "ana@here.example",
    ("bob@there.example", "eva@there.example"),
    b"Subject: x\r\n\r\nx\r\n",
    "NEVER",
    "HDRS",
    "id",
)
WORDS = (
    b"220 mx.there.example ESMTP\r\n", b"250-mx.there.example\r\n", b"250-PIPELINING\r\n", b"250-CHUNKING\r\n", b"250-DSN\r\n",
    b"250-SIZE 1000\r\n", b"250-8BITMIME\r\n", b"250-SMTPUTF8\r\n", b"250-AUTH PLAIN LOGIN\r\n", b"250-AUTH=LOGIN\r\n",
    b"250-LIMITS RCPTMAX=1 MAILMAX=2\r\n", b"250-DELIVERBY 240\r\n", b"250-MT-PRIORITY MIXER\r\n", b"250-REQUIRETLS\r\n",
    b"250 STARTTLS\r\n", b"250 ok\r\n", b"250 2.1.5 ok\r\n", b"354 go\r\n", b"451 4.7.1 later\r\n", b"550 5.1.1 no\r\n",
    b"550-5.1.1 no\r\n550 5.1.1 still no\r\n", b"452 4.5.3 too many\r\n", b"421 4.3.2 bye\r\n", b"235 2.7.0 yes\r\n", b"334 \r\n",
    b"334 VXNlcm5hbWU6\r\n", b"221 bye\r\n", b"250-", b"250", b"999 x\r\n", b"\xff\xfe\r\n",
)  # fmt: skip


class Sender:
    """Says hello, asks for TLS where it is offered, logs in, and sends one message after the other."""

    def __init__(self, lmtp: bool) -> None:
        self.client = Client("here.example", lmtp=lmtp)
        self.heard: list[object] = []
        self.output = b""
        self.began = False
        self.goes_on = 0  # the body was sent whole: "354" had been said before
        self.encrypted = False

    def feed(self, octets: bytes) -> None:
        self.client.receive(octets)
        for _ in range(len(octets) + 12):
            event = self.client.next_event()
            if event is NEED_DATA:
                break
            self.heard.append(event)
            self._go_on(event)
        else:
            raise AssertionError("more events than octets")
        self.output += self.client.take_output()

    def _go_on(self, event: Event) -> None:
        client = self.client
        match event:
            case Greeted():
                client.send_hello()
            case Hello(extensions=offered) if "STARTTLS" in offered and not self.encrypted:
                client.send_starttls()
            case Hello(extensions=offered) if offered.mechanisms & {"PLAIN", "LOGIN"}:
                client.send_auth("user", "secret")
            case Hello() | LoggedIn():
                self._send()
            case TlsReady():
                self.encrypted = True
                client.tls_started()
                client.send_hello()
            case BodyWanted():
                client.begin_body(len(TEXT))
                client.send_body(TEXT)
                client.end_body()
            case Done(results=results):
                self._judge(results)
                self._send()
            case Lost(results=results):
                self._judge(results)
                assert client.closed
            case Refused():
                client.send_quit()
            case Bye():
                assert client.closed

    def _send(self) -> None:
        self.began = True
        wishes = (Wishes(Notify.SUCCESS, "rfc822;bob+2B@there.example"), Wishes())
        self.client.send_mail(
            Transaction(ANA, (BOB, EVA), len(TEXT), wishes=wishes, envelope_id="e", ret="FULL")
        )

    def _judge(self, results: tuple[Result, ...]) -> None:
        assert len(results) == (2 if self.began else 0), "not one result for each recipient"
        self.began = False
        for result in results:
            if result.reply is not None and result.reply.status.ok:
                assert result.stage is Stage.BODY, "relayed before the message was sent"


def dialogue(pieces: list[bytes], lmtp: bool) -> object:
    sender = Sender(lmtp)
    for piece in [*pieces, b""]:
        sender.feed(piece)
        assert octets_in(sender.client) <= MAX_LINE * MAX_LINES + len(piece)
    assert sender.client.closed, "the end of the stream is not the end"
    assert sender.output.endswith(b"\r\n") or not sender.output
    return sender.heard, sender.output


def run(octets: bytes) -> None:
    lmtp, stream = octets[:1] == b"L", octets[1:]
    handed_over(stream)
    # A server that answers before it is asked is found out by when its answer comes, and what comes with a 220 to STARTTLS is
    # thrown away: there the pieces make a difference, as they should.
    for pieces in ([stream], [line + b"\n" for line in stream.split(b"\n")]):
        dialogue([piece for piece in pieces if piece], lmtp)
    alike(_replies, stream)


def _replies(pieces: list[bytes]) -> object:
    """However a reply arrives, it is the same reply, of lines without control characters."""
    reader, heard = ReplyReader(), []
    for piece in pieces:
        reader.feed(piece)
        while (reply := reader.next()) is not None:
            heard.append(reply)
            if isinstance(reply, NotSmtp):
                return heard
            assert 200 <= reply.code < 600
            assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in "".join(reply.lines))
            assert str(reply.status).split()[0] == str(reply.code)
    return heard


def handed_over(stream: bytes) -> None:
    """The dialog of programs of our own machine, with the same replies."""
    reader, talk = ReplyReader(), dialog(LETTER)
    reader.feed(stream)
    next(talk)
    try:
        while isinstance(reply := reader.next(), type(None)) is False and not isinstance(reply, NotSmtp):
            assert talk.send(reply).endswith(b"\r\n")  # type: ignore[arg-type]
    except StopIteration as end:
        outcome: Outcome = end.value
        assert (outcome.verdict is Verdict.TAKEN) is outcome.status.ok or outcome.verdict is Verdict.LATER


def seeds() -> Iterator[bytes]:
    hello = b"220 mx.there.example ESMTP\r\n250-mx.there.example\r\n"
    rest = b"250 ok\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n250 2.0.0 queued\r\n250 ok\r\n"
    for first in (b"S", b"L"):
        yield first + hello + b"250 PIPELINING\r\n" + rest
        yield first + hello + b"250 CHUNKING\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 done\r\n250 reset\r\n"
        yield (
            first
            + hello
            + b"250-STARTTLS\r\n250 SIZE 99\r\n220 go\r\n"
            + hello
            + b"250-DSN\r\n250 AUTH PLAIN\r\n235 yes\r\n"
            + rest
        )
        yield first + hello + b"250 AUTH LOGIN\r\n334 \r\n334 \r\n334 \r\n535 5.7.8 no\r\n221 bye\r\n"
        yield (
            first
            + b"220 x\r\n500 what\r\n250 helo\r\n250 ok\r\n550 no\r\n451 4.0.0 later\r\n354 go\r\n421 4.3.2 bye\r\n"
        )
        yield first + hello + b"250 DSN\r\n" + b"250 ok\r\n" * 3 + b"354 go\r\n250 one\r\n550 two\r\n"
    yield b"S554 no\r\n221 bye\r\n"


TARGET = Target(
    "smtp-client",
    (
        "correo.wire.smtp.client",
        "correo.wire.smtp.dialog",
        "correo.wire.smtp.reply",
        "correo.wire.smtp.letter",
        "correo.wire.smtp.stuffing",
    ),
    run,
    seeds,
    WORDS,
)
