"""A message handed over in one go by a program of our own machine, and the whole dialog of it: pure, for sockets and without.

In: replies (`dialog(letter)` is a generator that is sent each). Out: the octets to send, and at the end an `Outcome`. It is for all
recipients or for none: who hands it over has only one exit status to learn from.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import Enum

from correo.mail.status import Status
from correo.wire.smtp.reply import Reply
from correo.wire.smtp.stuffing import Stuffer

TOO_MANY = "4.5.3"  # RFC 3463 §3.6
HELLO = b"EHLO localhost\r\n"


@dataclass(frozen=True, slots=True)
class Letter:
    """`sender` "" is nobody, as of bounces. `text` in lines that end in CR LF. The rest as the parameters of DSN write it."""

    sender: str
    recipients: tuple[str, ...]
    text: bytes
    notify: str = ""
    ret: str = ""
    envelope_id: str = ""  # in xtext

    @property
    def safe(self) -> bool:
        """Whether nothing in it can be taken for more than one command, whoever wrote it."""
        words = (self.sender, *self.recipients, self.notify, self.ret, self.envelope_id)
        return all(word.isprintable() and "<" not in word and ">" not in word for word in words)


class Verdict(Enum):
    TAKEN = "taken"
    REFUSED = "refused"
    LATER = "later"


class Step(Enum):
    """What the answer was to."""

    HELLO = "hello"
    SENDER = "sender"
    RECIPIENT = "recipient"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Outcome:
    verdict: Verdict
    step: Step
    status: Status
    refused: tuple[str, ...] = ()  # the recipients on account of whom it was


Dialog = Generator[bytes, Reply, Outcome]


def verification(letter: Letter) -> Generator[bytes, Reply, list[Reply] | Outcome]:
    """What the server would say of each recipient, as the dialog of a message that ends before its text; or why it said nothing."""
    greeting = yield b""
    if greeting.code != 220:
        return _outcome(Step.HELLO, greeting)
    if (answer := (yield HELLO)).code != 250:
        return _outcome(Step.HELLO, answer)
    if (answer := (yield _mail(letter))).code != 250:
        return _outcome(Step.SENDER, answer)
    answers: list[Reply] = []
    for command in _rcpt(letter):
        answer = yield command
        answers.append(answer)
    return answers


def dialog(letter: Letter) -> Dialog:
    """Begins with b"" to send, and the greeting to be heard. `letter.safe` must hold."""
    greeting = yield b""
    if greeting.code != 220:
        return _outcome(Step.HELLO, greeting)
    if (answer := (yield HELLO)).code != 250:
        return _outcome(Step.HELLO, answer)
    if (answer := (yield _mail(letter))).code != 250:
        return _outcome(Step.SENDER, answer)
    refusals: dict[str, Reply] = {}
    for command, recipient in zip(_rcpt(letter), letter.recipients, strict=True):
        answer = yield command
        if answer.first_digit != 2:
            refusals[recipient] = answer
    if any(reply.status.enhanced == TOO_MANY for reply in refusals.values()):
        # Of the same letter there will be as many another time.
        return Outcome(Verdict.REFUSED, Step.RECIPIENT, next(iter(refusals.values())).status)
    if refusals:
        # One that will never do decides for all of them: to try again would not help.
        worst = max(refusals.values(), key=lambda reply: reply.first_digit)
        to = tuple(name for name, reply in refusals.items() if reply.first_digit == worst.first_digit)
        return _outcome(Step.RECIPIENT, worst, to)
    if (answer := (yield b"DATA\r\n")).code != 354:
        return _outcome(Step.TEXT, answer)
    stuffer = Stuffer()
    answer = yield stuffer.encode(letter.text) + stuffer.finish()
    if answer.first_digit == 2:
        return Outcome(Verdict.TAKEN, Step.TEXT, answer.status)
    return _outcome(Step.TEXT, answer)


def _mail(letter: Letter) -> bytes:
    words = [f"MAIL FROM:<{letter.sender}> SIZE={len(letter.text)}"]
    if not letter.text.isascii():
        words.append("BODY=8BITMIME")
    if not all(address.isascii() for address in (letter.sender, *letter.recipients)):
        words.append("SMTPUTF8")
    words += [f"RET={letter.ret}"] if letter.ret else []
    words += [f"ENVID={letter.envelope_id}"] if letter.envelope_id else []
    return " ".join(words).encode() + b"\r\n"


def _rcpt(letter: Letter) -> Iterator[bytes]:
    notify = f" NOTIFY={letter.notify}" if letter.notify else ""
    return (f"RCPT TO:<{recipient}>{notify}\r\n".encode() for recipient in letter.recipients)


def _outcome(step: Step, reply: Reply, refused: tuple[str, ...] = ()) -> Outcome:
    """Of any answer but the one hoped for; one that makes no sense here is no refusal."""
    verdict = Verdict.REFUSED if reply.first_digit == 5 else Verdict.LATER
    return Outcome(verdict, step, reply.status, refused)
