"""A test server as tests meet it: real clients on real ports."""

from __future__ import annotations

import asyncio
import imaplib
import poplib
import re
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator, MutableMapping
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import structlog

from correo.mail.address import Address
from correo.testing import MailServer, NothingArrived

LETTER = "From: shop@example.com\r\nTo: bob@example.org\r\nSubject: Welcome\r\n\r\nYour token is 1234.\r\n"


def send(mail: MailServer, *recipients: str, sender: str = "shop@example.com", text: str = LETTER) -> None:
    with smtplib.SMTP(mail.host, mail.smtp_port) as smtp:
        smtp.sendmail(sender, recipients, text)


def test_what_is_sent_is_what_arrives(mail: MailServer) -> None:
    text = LETTER + ".\r\n..two\r\n"
    send(mail, "bob@example.org", "Copy <copy@example.net>", text=text)
    message = mail.wait_for(to="BOB@example.org", sender="shop@*", subject="Wel", contains="1234")
    assert message.raw == text.encode()
    assert message.recipients == ("bob@example.org", "copy@example.net")
    assert message.envelope_from == "shop@example.com"
    assert mail.messages == [message]
    assert mail.find(subject=re.compile("^welcome$", re.I)) == [message]
    assert not mail.find(to="eve@example.org")
    assert str(message) == "shop@example.com to bob@example.org, copy@example.net: Welcome"


def test_everybody_can_read_what_came(mail: MailServer) -> None:
    send(mail, "bob+news@example.org", "copy@example.net")
    pop3 = poplib.POP3(mail.host, mail.pop3_port)
    pop3.user("bob@example.org")
    pop3.pass_(mail.password)
    assert b"Your token is 1234." in pop3.retr(1)[1]
    pop3.dele(1)
    pop3.quit()
    with imaplib.IMAP4(mail.host, mail.imap_port) as imap:
        imap.login("copy@example.net", mail.password)
        assert imap.select()[1] == [b"1"]
    assert mail.inbox("bob@example.org") == []
    assert mail.inbox("copy@example.net")[0].envelope_from == "shop@example.com"
    assert len(mail.messages) == 1  # what was read and deleted has come all the same
    assert mail.accounts.list() == ["bob@example.org", "copy@example.net"]


def test_nothing_arrived_says_what_did(mail: MailServer) -> None:
    mail.fault("550 5.1.1 No such user", to="eve@example.org")
    send(mail, "bob@example.org")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(mail, "eve@example.org")
    with pytest.raises(NothingArrived) as caught:
        mail.wait_for(to="eve@example.org", timeout=0.05)
    assert str(caught.value).splitlines() == [
        "no message with to='eve@example.org' within 0.05 s",
        "arrived: 1",
        "  shop@example.com to bob@example.org: Welcome",
        "refused: 1",
        "  smtp RCPT TO:<eve@example.org>: 550 5.1.1 No such user (a fault)",
        "waiting in the queue: nothing",
    ]
    assert issubclass(NothingArrived, AssertionError)


def test_wait_for_waits(mail: MailServer) -> None:
    later = threading.Timer(0.05, send, (mail, "bob@example.org"))
    later.start()
    assert mail.wait_for(to="bob@example.org").subject == "Welcome"
    later.join()


async def test_in_a_loop_of_the_callers_own() -> None:
    async with MailServer() as mail:
        waiting = asyncio.ensure_future(mail.arrival(to="bob@example.org"))
        await asyncio.to_thread(send, mail, "bob@example.org")
        assert (await waiting).subject == "Welcome"
        with pytest.raises(NothingArrived, match="arrived: 1"):
            await mail.arrival(to="eve@example.org", timeout=0.01)


def test_named_recipients_only() -> None:
    with MailServer(accept="named", password="usual") as mail:
        mail.accounts.add("ann@example.org", aliases=["sales@example.net"])
        mail.accounts.add("ben@example.org", "his own")
        send(mail, "sales@example.net")
        with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"5\.1\.1 No such user here"):
            send(mail, "eve@example.org")
        assert [one.subject for one in mail.inbox("ann@example.org")] == ["Welcome"]
        assert str(mail.refused[0]) == "smtp RCPT TO:<eve@example.org>: 550 5.1.1 No such user here"
        with smtplib.SMTP(mail.host, mail.submission_port) as smtp:
            smtp.login("ben@example.org", "his own")
            with pytest.raises(smtplib.SMTPSenderRefused):
                smtp.sendmail("ann@example.org", ["ann@example.org"], LETTER)
            smtp.sendmail("ben@example.org", ["ann@example.org"], LETTER)
        assert mail.messages[-1].account == "ben@example.org"
        with pytest.raises(ValueError, match=r"there is no account eve@example\.org"):
            mail.inbox("eve@example.org")


def test_a_whole_domain_is_the_programs_own(mail: MailServer) -> None:
    mail.accounts.add("app@example.com", aliases=["@example.com"])
    with smtplib.SMTP(mail.host, mail.submission_port) as smtp:
        smtp.login("app@example.com", mail.password)
        smtp.sendmail("shop@example.com", ["bob@example.org"], LETTER)
    assert mail.wait_for(to="bob@example.org").account == "app@example.com"
    with pytest.raises(ValueError, match="domain"):
        mail.accounts.add("app@example.com", aliases=["@no domain"])


def test_large_messages(mail: MailServer) -> None:
    far = mail.far("remote.example")
    text = LETTER + "0123456789" * 7 + "\r\n" + ("x" * 70 + "\r\n") * 20_000
    send(mail, "bob@example.org", "carl@remote.example", text=text)
    assert mail.wait_for(to="bob@example.org").raw == text.encode()
    assert far.wait_for(to="carl@remote.example").raw.endswith(text.encode())


def test_messages_that_are_too_large() -> None:
    with MailServer(message_size="1KiB") as mail:
        with pytest.raises(smtplib.SMTPException):
            send(mail, "bob@example.org", text=LETTER + "x" * 2000)
        assert mail.refused[0].reply.startswith("552 5.3.4")


def test_an_account_made_on_the_fly_gets_its_password(mail: MailServer) -> None:
    send(mail, "ann@example.org")
    mail.accounts.add("ann@example.org", "new")
    with imaplib.IMAP4(mail.host, mail.imap_port) as imap:
        imap.login("ann@example.org", "new")
        assert imap.select()[1] == [b"1"]


def test_login_is_checked_and_noted(mail: MailServer) -> None:
    mail.accounts.add("ann@example.org")
    with smtplib.SMTP(mail.host, mail.submission_port) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login("ann@example.org", "wrong")
        smtp.docmd("AUTH LOGIN")
        smtp.docmd(b64encode(b"ann@example.org").decode())
        assert smtp.docmd(b64encode(b"wrong again").decode())[0] == 535
        smtp.docmd("NO SUCH")
    *denied, unknown = mail.refused
    assert {(one.command, one.reply[:9]) for one in denied} == {("AUTH", "535 5.7.8")}
    assert str(unknown) == "smtp NO SUCH: 500 5.5.1 Unknown command"


def test_tls_everywhere() -> None:
    with MailServer(tls=True) as mail:
        context = ssl.create_default_context(cafile=str(mail.ca_file))
        mail.accounts.add("bob@example.org")
        with smtplib.SMTP("localhost", mail.smtp_port) as smtp:
            smtp.starttls(context=context)
            smtp.sendmail("", ["bob@example.org"], LETTER)
        with smtplib.SMTP_SSL("localhost", mail.smtps_port, context=context) as smtp:
            smtp.sendmail("", ["bob@example.org"], LETTER)
        with imaplib.IMAP4_SSL("localhost", mail.imaps_port, ssl_context=context) as imap:
            imap.login("bob@example.org", "secret")
            assert imap.select()[1] == [b"2"]
        with smtplib.SMTP_SSL(mail.host, mail.submissions_port, context=context) as smtp:
            smtp.login("bob@example.org", "secret")
        pop3 = poplib.POP3_SSL(mail.host, mail.pop3s_port, context=context)
        pop3.quit()


def test_deliver_takes_messages_of_every_kind(mail: MailServer) -> None:
    letter = EmailMessage()
    letter["Subject"] = "Grüße"
    letter.set_content("Ü")
    assert mail.deliver(letter, to="bob@example.org", sender="ann@example.net").subject == "Grüße"
    assert mail.deliver("Subject: a\r\n\r\n", to="bob@example.org").subject == "a"
    assert mail.deliver(b"Subject: b\r\n\r\n", to="bob@example.org").envelope_from == ""
    assert [one.subject for one in mail.inbox("bob@example.org")] == ["Grüße", "a", "b"]
    assert mail.deliver("Subject: c\r\n\r\n", to="jürgen@example.org").recipients == ("jürgen@example.org",)


def test_clear_forgets_mail_and_faults_but_not_people(mail: MailServer) -> None:
    mail.accounts.add("ann@example.org", "hers")
    far = mail.far("remote.example")
    far.down()
    mail.fault("451 4.7.1 Later", at="message", sender="x@example.com")
    send(mail, "ann@example.org", "carl@remote.example")
    mail.clock.advance()
    assert len(mail.queue) == 1
    mail.clear()
    assert (mail.messages, mail.refused, mail.queue, mail.faults) == ([], [], [], [])
    assert mail.inbox("ann@example.org") == []
    send(mail, "ann@example.org", "carl@remote.example", sender="x@example.com")
    assert far.wait_for(to="carl@remote.example").subject == "Welcome"
    with imaplib.IMAP4(mail.host, mail.imap_port) as imap:
        imap.login("ann@example.org", "hers")
        assert imap.select()[1] == [b"1"]


def test_after_clear_nothing_depends_on_what_was_before(mail: MailServer) -> None:
    """Who was made on the fly is gone, so that each test of a shared server begins alike."""
    mail.accounts.add("ann@example.org", aliases=["sales@example.com"])
    for recipient in ("bob@remote.example", "bob@example.com", "eve@example.org"):
        send(mail, recipient)
    mail.accounts.add("eve@example.org")
    with pytest.raises(ValueError, match="has mailboxes here"):
        mail.far("remote.example")
    imap = imaplib.IMAP4(mail.host, mail.imap_port)
    imap.login("bob@remote.example", "secret")
    mail.clear()
    with pytest.raises(imap.abort):
        imap.select()
    imap.shutdown()
    assert sorted(mail.accounts.list()) == ["ann@example.org", "eve@example.org"]
    far = mail.far("remote.example")
    send(mail, "bob@remote.example", "sales@example.com", sender="bob@example.com")
    far.wait_for(to="bob@remote.example")
    assert len(mail.inbox("ann@example.org")) == 1
    assert mail.inbox("bob@example.com") == []


def test_an_interrupted_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by Ctrl-C while it listens already."""
    threads = set(threading.enumerate())

    def interrupted(future: Future[object], timeout: float | None = None) -> object:
        raise KeyboardInterrupt

    mail = MailServer()
    with monkeypatch.context() as patch:
        patch.setattr(Future, "result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            mail.start()
    assert set(threading.enumerate()) <= threads
    with mail:
        send(mail, "bob@example.org")


@pytest.mark.slow
def test_what_a_test_does_not_use_is_not_loaded() -> None:
    """IMAP alone takes as long to load as all the rest."""
    script = """
import sys
from correo.testing import MailServer
with MailServer() as mail:
    mail.deliver("Subject: x", to="bob@example.org")
    print([name for name in ("correo.access.imap.session", "correo.access.pop3.session", "correo.testing.api", "cryptography")
           if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


def test_nothing_is_left_behind() -> None:
    threads = set(threading.enumerate())
    mail = MailServer(api=0, tls=True)
    mail.start()
    folder, port = mail.ca_file.parent, mail.imap_port
    client = socket.create_connection((mail.host, port))
    client.recv(4096)
    mail.stop()
    assert client.recv(4096).startswith(b"* BYE")
    client.close()
    assert set(threading.enumerate()) <= threads
    assert not folder.exists()
    with socket.create_server((mail.host, port)):
        pass  # the port is free again
    mail.stop()  # once more is once too often, and harmless
    with pytest.raises(RuntimeError, match="not running"):
        mail.find()
    with pytest.raises(AttributeError, match="imap"):
        _ = mail.imap_port
    with mail:
        send(mail, "bob@example.org")


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        mail = MailServer(smtp=port)
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port} for smtp"):
            mail.start()
    with mail:
        assert mail.smtp_port == port
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            MailServer(api=port).start()
    assert not [one for one in threading.enumerate() if one.name == "correo-test-server"]


def test_arguments_that_cannot_be() -> None:
    with pytest.raises(ValueError, match='"any" or "named"'):
        MailServer(accept="all")
    with pytest.raises(ValueError, match="time zone"):
        MailServer(start=datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="duration"):
        MailServer(expire="soon").start()
    with MailServer() as mail:
        with pytest.raises(AttributeError, match=r"api=0"):
            _ = mail.api_port
        with pytest.raises(AttributeError, match=r"tls=True"):
            _ = mail.smtps_port
        with pytest.raises(AttributeError, match=r"tls=True"):
            _ = mail.ca_file
        with pytest.raises(ValueError, match="address"):
            mail.accounts.add("nobody")
        with pytest.raises(ValueError, match=r"\+"):
            mail.accounts.add("a+b@example.org")
        with pytest.raises(RuntimeError, match="running already"):
            mail.start()


def test_time_begins_when_it_is_told_to() -> None:
    with MailServer(start=datetime(2030, 2, 3, tzinfo=UTC)) as mail:
        mail.clock.advance("1h30m", days=1)
        mail.clock.advance(timedelta(minutes=30))
        assert timedelta() <= mail.clock.now - datetime(2030, 2, 4, 2, tzinfo=UTC) < timedelta(minutes=1)
        with pytest.raises(ValueError, match="forwards"):
            mail.clock.advance(days=-1)
        send(mail, "bob@example.org")
        assert mail.messages[0].time.date() == datetime(2030, 2, 4, tzinfo=UTC).date()


def test_clients_stay_connected_while_days_pass(mail: MailServer) -> None:
    mail.accounts.add("bob@example.org")
    with imaplib.IMAP4(mail.host, mail.imap_port) as imap, smtplib.SMTP(mail.host, mail.smtp_port) as smtp:
        imap.login("bob@example.org", "secret")
        imap.select()
        smtp.ehlo()
        mail.clock.advance(days=2)
        smtp.sendmail("", ["bob@example.org"], LETTER)
        assert imap.noop()[0] == "OK"
        assert imap.response("EXISTS")[1] == [b"0", b"1"]


def test_two_servers_know_nothing_of_each_other(mail: MailServer) -> None:
    with MailServer() as other:
        send(other, "bob@example.org")
        assert mail.messages == []
        mail.clock.advance(days=1)
        assert other.clock.now < mail.clock.now


@pytest.fixture
def nobody_logs() -> Iterator[None]:
    """As in a process that knows nothing of structlog; what tests before this one have set up comes back."""
    before = structlog.get_config() if structlog.is_configured() else None
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    if before:
        structlog.configure(**before)


@pytest.mark.usefixtures("nobody_logs")
def test_the_log_is_nobodys_business(capsys: pytest.CaptureFixture[str]) -> None:
    assert not structlog.is_configured()
    with MailServer() as mail:
        send(mail, "bob@example.org")
    assert not structlog.is_configured()
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("nobody_logs")
def test_the_log_of_others_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with MailServer() as mail:
        structlog.get_logger().info("signed up")
        send(mail, "bob@example.org")
    out = capsys.readouterr().out
    assert "signed up" in out
    assert out.count("\n") == 1


def test_a_log_that_was_set_up_meanwhile_stays() -> None:
    lines: list[str] = []

    def keep(logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        lines.append(event["event"])
        raise structlog.DropEvent

    try:
        with MailServer() as mail:
            structlog.configure(processors=[keep])
            send(mail, "bob@example.org")
        assert "accepted" in lines
        assert structlog.get_config()["processors"] == [keep]
    finally:
        structlog.reset_defaults()


def test_a_fault_of_the_servers_own_is_not_kept_quiet(tmp_path: Path) -> None:
    mail = MailServer()
    mail.start()
    mail.stage.incidents.append(ZeroDivisionError())
    with pytest.raises(RuntimeError, match="itself failed") as caught:
        mail.stop()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_mailboxes_are_not_made_without_end(mail: MailServer) -> None:
    mail.stage.here.people.made |= dict.fromkeys(range(9_999), Address.parse("x@example.org"))
    with smtplib.SMTP(mail.host, mail.smtp_port) as smtp:
        smtp.ehlo()
        smtp.mail("x@example.com")
        assert smtp.rcpt("one@example.org")[0] == 250
        assert smtp.rcpt("two@example.org")[0] == 452
        assert smtp.rcpt("one@example.org")[0] == 250
    assert mail.refused[0].reply.startswith("452 4.3.1")


@pytest.mark.parametrize(
    "recipient", ["a@[127.0.0.1]", '"a b"@example.org', "postmaster", "+@example.org", "ü@example.org"]
)
def test_odd_recipients(mail: MailServer, recipient: str) -> None:
    """Whatever becomes of them, the connection goes on as on a real server."""
    with smtplib.SMTP(mail.host, mail.smtp_port) as smtp:
        smtp.ehlo()
        smtp.docmd("MAIL FROM:<x@example.com> SMTPUTF8")
        smtp.send(f"RCPT TO:<{recipient}>\r\n".encode())
        assert smtp.getreply()[0] in (250, 550, 553)
        assert smtp.rcpt("bob@example.org")[0] == 250
