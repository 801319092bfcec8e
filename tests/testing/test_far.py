"""Servers elsewhere, the queue, and days that take milliseconds."""

from __future__ import annotations

import smtplib
from datetime import timedelta

import pytest

from correo.testing import MailServer

LETTER = "From: ann@example.org\r\nSubject: offer\r\n\r\n12 EUR\r\n"


def send(mail: MailServer, recipient: str = "carl@remote.example") -> None:
    with smtplib.SMTP(mail.host, mail.smtp_port) as smtp:
        smtp.sendmail("ann@example.org", [recipient], LETTER)


def test_what_goes_elsewhere_gets_there(mail: MailServer) -> None:
    far = mail.far("Remote.Example.")
    send(mail)
    message = far.wait_for(to="carl@remote.example", subject="offer")
    assert message.envelope_from == "ann@example.org"
    assert message.headers["Received"].startswith("from")
    assert far.messages == [message]
    mail.clock.advance()
    assert mail.queue == []
    assert mail.far("remote.example").find(sender="ann@*") == [message]


def test_five_days(mail: MailServer) -> None:
    far = mail.far("remote.example")
    far.down()
    send(mail)
    mail.clock.advance()
    (waiting,) = mail.queue
    assert (waiting.attempts, waiting.state, waiting.recipient) == (1, "waiting", "carl@remote.example")
    assert waiting.reply.endswith("refused")
    assert timedelta() < waiting.next_try - mail.clock.now < timedelta(minutes=10)
    mail.clock.advance(hours=4, minutes=10)
    delayed = mail.wait_for(to="ann@example.org", sender="")
    assert delayed.subject == "Delayed: offer"
    mail.clock.advance("5d")
    assert mail.queue == []
    bounce = mail.find(to="ann@example.org", sender="")[1]
    assert bounce.subject == "Could not be delivered: offer"
    assert "carl@remote.example" in bounce.text
    assert [one.subject for one in mail.inbox("ann@example.org")] == [delayed.subject, bounce.subject]
    assert bounce.raw in mail.inbox("ann@example.org")[1].raw


def test_a_bounce_after_exactly_five_days(mail: MailServer) -> None:
    mail.far("remote.example").down()
    send(mail)
    mail.clock.advance(days=5)
    assert len(mail.inbox("ann@example.org")) == 2
    assert mail.queue == []


def test_a_server_that_recovers(mail: MailServer) -> None:
    far = mail.far("remote.example")
    far.silent()
    send(mail)
    mail.clock.advance(minutes=2)
    assert "no answer" in mail.queue[0].reply
    far.up()
    mail.clock.advance(hours=1)
    assert far.messages[0].subject == "offer"
    assert mail.find(sender="") == []


def test_refusals_come_back_at_once(mail: MailServer) -> None:
    far = mail.far("remote.example")
    rule = far.refuse(to="carl@*")
    send(mail)
    bounce = mail.wait_for(to="ann@example.org", sender="")
    assert "No such user" in bounce.text
    assert rule.hits == 1
    rule.remove()
    send(mail)
    far.wait_for(to="carl@remote.example")


def test_greylisting_is_waited_out(mail: MailServer) -> None:
    far = mail.far("remote.example")
    far.fault(greylist="3m")
    send(mail)
    mail.clock.advance(minutes=1)
    assert far.messages == []
    assert mail.queue[0].reply.startswith("450 4.7.1")
    mail.clock.advance(minutes=10)
    assert len(far.messages) == 1


def test_a_connection_that_is_cut_in_the_midst_of_a_message(mail: MailServer) -> None:
    far = mail.far("remote.example")
    far.fault(drop="mid-data", times=2)
    send(mail)
    mail.clock.advance(hours=1)
    assert len(far.messages) == 1


def test_a_slow_server_takes_its_time_and_no_more(mail: MailServer) -> None:
    far = mail.far("remote.example")
    far.fault(slow=20, at="message")
    send(mail)
    mail.clock.advance(seconds=10)
    assert (far.messages, len(mail.queue)) == ([], 1)
    mail.clock.advance(seconds=15)
    assert (len(far.messages), mail.queue) == (1, [])


def test_a_domain_that_nobody_has() -> None:
    with MailServer(accept="named") as mail:
        mail.accounts.add("ann@example.org")
        send(mail, "carl@nowhere.example")
        bounce = mail.wait_for(to="ann@example.org", sender="")
        assert "nowhere.example" in bounce.text


def test_the_schedule_is_the_tests_to_say() -> None:
    with MailServer(retry=["1m"], expire="3m", warn_after="") as mail:
        far = mail.far("remote.example")
        far.down()
        send(mail)
        mail.clock.advance(minutes=2)
        assert mail.queue[0].attempts in (2, 3)
        mail.clock.advance(minutes=3)
        assert [one.subject for one in mail.find(sender="")] == ["Could not be delivered: offer"]


def test_domains_that_cannot_be_elsewhere(mail: MailServer) -> None:
    send(mail, "bob@here.example")
    with pytest.raises(ValueError, match="mailboxes here"):
        mail.far("here.example")
    with pytest.raises(ValueError, match="malformed"):
        mail.far("no domain")
