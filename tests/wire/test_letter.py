"""The dialog by which a program of this machine hands over a message: for all recipients or for none."""

from __future__ import annotations

import pytest

from correo.wire.smtp.letter import Letter, Outcome, Step, Verdict, dialog
from correo.wire.smtp.reply import Reply

LETTER = Letter(
    "alice@example.org", ("bob@example.com", "eve@example.com"), b"Subject: hello\r\n\r\n.dot\r\n"
)


def spoken(letter: Letter, *answers: str) -> tuple[list[bytes], Outcome]:
    """What was sent, and what came of it."""
    talk = dialog(letter)
    sent = [next(talk)]
    try:
        for reply in (Reply(int(answer[:3]), (answer[4:],)) for answer in answers):
            sent += [talk.send(reply)]
    except StopIteration as end:
        return sent[1:], end.value
    raise AssertionError("the dialog goes on")


def test_the_whole_dialog() -> None:
    answers = ("220 mail", "250 mail", "250 Ok", "250 Ok", "250 Ok", "354 Go on", "250 2.0.0 Ok: queued as x")
    sent, outcome = spoken(LETTER, *answers)
    assert sent == [
        b"EHLO localhost\r\n",
        b"MAIL FROM:<alice@example.org> SIZE=24\r\n",
        b"RCPT TO:<bob@example.com>\r\n",
        b"RCPT TO:<eve@example.com>\r\n",
        b"DATA\r\n",
        b"Subject: hello\r\n\r\n..dot\r\n.\r\n",
    ]
    assert (outcome.verdict, outcome.status.enhanced) == (Verdict.TAKEN, "2.0.0")


def test_parameters() -> None:
    letter = Letter("", ("jürgen@example.com",), "é\r\n".encode(), "NEVER", "HDRS", "a+20b")
    sent, _ = spoken(letter, "220 mail", "250 mail", "250 Ok", "550 5.1.1 No")
    assert sent[1:] == [
        b"MAIL FROM:<> SIZE=4 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+20b\r\n",
        "RCPT TO:<jürgen@example.com> NOTIFY=NEVER\r\n".encode(),
    ]


@pytest.mark.parametrize(
    ("answers", "verdict", "step", "refused"),
    [
        (("421 4.3.2 Too many",), Verdict.LATER, Step.HELLO, ()),
        (("554 No",), Verdict.REFUSED, Step.HELLO, ()),
        (("220 a", "502 No"), Verdict.REFUSED, Step.HELLO, ()),
        (("220 a", "250 a", "553 5.7.1 No"), Verdict.REFUSED, Step.SENDER, ()),
        (
            ("220 a", "250 a", "250 a", "250 a", "452 Later"),
            Verdict.LATER,
            Step.RECIPIENT,
            ("eve@example.com",),
        ),
        (
            ("220 a", "250 a", "250 a", "550 No", "452 Later"),
            Verdict.REFUSED,
            Step.RECIPIENT,
            ("bob@example.com",),
        ),
        (("220 a", "250 a", "250 a", "250 a", "250 a", "250 What?"), Verdict.LATER, Step.TEXT, ()),
        (("220 a", "250 a", "250 a", "250 a", "250 a", "354 a", "452 Full"), Verdict.LATER, Step.TEXT, ()),
        (("220 a", "250 a", "250 a", "250 a", "250 a", "354 a", "552 Big"), Verdict.REFUSED, Step.TEXT, ()),
        (("354 a",), Verdict.LATER, Step.HELLO, ()),
    ],
)
def test_what_can_come_of_it(
    answers: tuple[str, ...], verdict: Verdict, step: Step, refused: tuple[str, ...]
) -> None:
    _, outcome = spoken(LETTER, *answers)
    assert (outcome.verdict, outcome.step, outcome.refused) == (verdict, step, refused)


@pytest.mark.parametrize(
    "letter",
    [
        Letter("a@example.org\r\nRCPT TO:<x@example.org", ("b@example.org",), b""),
        Letter("a@example.org", ("b@example.org> NOTIFY=NEVER",), b""),
        Letter("a@example.org", ("b@example.org",), b"", ret="FULL\r\n"),
    ],
)
def test_commands_cannot_be_hidden_in_it(letter: Letter) -> None:
    assert not letter.safe
    assert LETTER.safe
