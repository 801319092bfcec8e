"""Python's own clients: smtplib, poplib and imaplib."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import ssl
import time
from email.message import EmailMessage
from pathlib import Path

import pytest
from scramp import ScramClient
from tests.interop.serving import ALICE, BOB, HOST, PASSWORD, Correo, letter, subject

SCRAM = ["SCRAM-SHA-256"]


@pytest.fixture
def trust(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority))


def test_smtplib_submits_to_several(correo: Correo, trust: ssl.SSLContext) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Cc"] = ALICE, BOB, ALICE
    message["Bcc"] = "bob+secret@other.test"
    message["Subject"] = "Grüße 日本"
    message.set_content("Schöne Grüße\n.\n")
    message.add_attachment(
        bytes(range(256)) * 100, maintype="application", subtype="octet-stream", filename="a.bin"
    )
    with smtplib.SMTP(HOST, correo.port("submission"), timeout=10) as smtp:
        smtp.starttls(context=trust)
        smtp.login(ALICE, PASSWORD)
        assert smtp.send_message(message) == {}
    found = correo.messages(BOB)
    assert {subject(text) for text in found} == {"Grüße 日本"}
    assert b"secret" not in found[0].partition(b"\r\n\r\n")[0].replace(b"for <bob+secret@other.test>", b"")


def test_smtplib_is_told_who_was_refused(correo: Correo) -> None:
    with smtplib.SMTP(HOST, correo.port("smtp"), timeout=10) as smtp:
        refused = smtp.sendmail(
            "carol@far.example", [ALICE, "nobody@correo.test", "dave@elsewhere.example"], letter("x")
        )
    assert {address: code for address, (code, _) in refused.items()} == {
        "nobody@correo.test": 550,
        "dave@elsewhere.example": 550,
    }
    assert len(correo.messages()) == 1


def test_smtplib_under_tls_from_the_start(correo: Correo, trust: ssl.SSLContext) -> None:
    with smtplib.SMTP_SSL(HOST, correo.port("submission", "implicit"), context=trust, timeout=10) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(ALICE, "wrong")
        smtp.login(ALICE, PASSWORD)
        smtp.sendmail(ALICE, [BOB], letter("after all"))
        assert smtp.noop()[0] == 250
        assert smtp.verify(BOB)[0] == 252
    assert len(correo.messages(BOB)) == 1


def test_poplib(correo: Correo, trust: ssl.SSLContext) -> None:
    correo.deliver(letter("one"), letter("two", ".\r\n..\r\n"), letter("three"))
    pop = poplib.POP3(HOST, correo.port("pop3"), timeout=10)
    assert "STLS" in pop.capa()
    pop.stls(trust)
    pop.user(ALICE)
    pop.pass_(PASSWORD)
    count, size = pop.stat()
    assert count == 3
    assert sum(int(line.split()[1]) for line in pop.list()[1]) == size
    identities = [line.split()[1] for line in pop.uidl()[1]]
    assert b"\r\n".join(pop.retr(2)[1]).endswith(b"\r\n\r\n.\r\n..\r\n")
    assert pop.top(1, 0)[1][-1] == b""
    pop.dele(1)
    pop.rset()
    pop.dele(3)
    with pytest.raises(poplib.error_proto):
        pop.retr(3)
    pop.quit()
    pops = poplib.POP3_SSL(HOST, correo.port("pop3", "implicit"), context=trust, timeout=10)
    pops.user(ALICE)
    pops.pass_(PASSWORD)
    assert [line.split()[1] for line in pops.uidl()[1]] == identities[:2]
    pops.quit()


def test_poplib_reads_headers_beyond_ascii(correo: Correo) -> None:
    text = letter("Grüße 日本", "Schöne Grüße")
    correo.deliver(text)
    for utf8 in (False, True):
        pop = poplib.POP3(HOST, correo.port("pop3"), timeout=10)
        assert pop.capa()["UTF8"] == ["USER"]
        if utf8:
            assert pop.utf8().startswith(b"+OK")
        pop.user(ALICE)
        pop.pass_(PASSWORD)
        got = b"\r\n".join(pop.retr(1)[1])
        assert (text.rstrip() in got) == utf8
        assert subject(got) == "Grüße 日本"
        got.partition(b"\r\n\r\n")[0].decode("utf-8" if utf8 else "ascii")
        pop.quit()


def test_poplib_is_told_what_is_not_so(correo: Correo) -> None:
    correo.deliver(letter("one"))
    pop = poplib.POP3(HOST, correo.port("pop3"), timeout=10)
    with pytest.raises(poplib.error_proto, match="APOP not supported by server"):
        pop.apop(ALICE, PASSWORD)  # it needs a password that is kept in the clear
    pop.user(ALICE)
    with pytest.raises(poplib.error_proto, match=r"-ERR \[AUTH\]"):
        pop.pass_("wrong")
    pop.user(ALICE)
    pop.pass_(PASSWORD)
    refused = (
        lambda: pop.retr(2),
        lambda: pop.top(2, 0),
        lambda: pop.dele(2),
        lambda: pop.uidl(2),
        lambda: pop.list(2),
    )
    for call in refused:
        with pytest.raises(poplib.error_proto, match="-ERR"):
            call()
    with pytest.raises(poplib.error_proto, match=r"-ERR"):
        pop.user(ALICE)
    assert pop.noop() == b"+OK"
    assert pop.top(1, 1)[1][-1] == b"One line."
    pop.dele(1)
    pop.close()  # without QUIT nothing is deleted (RFC 1939 §6)
    assert len(correo.messages()) == 1


def test_imaplib_logs_in_by_scram(correo: Correo, trust: ssl.SSLContext) -> None:
    client = ScramClient(SCRAM, ALICE, PASSWORD)
    heard: list[str] = []

    def respond(challenge: bytes) -> bytes:
        heard.append(challenge.decode())
        if len(heard) == 1:
            return str(client.get_client_first()).encode()
        if len(heard) == 2:
            client.set_server_first(heard[-1])
            return str(client.get_client_final()).encode()
        client.set_server_final(heard[-1])  # raises when the server does not know the password
        return b""

    with imaplib.IMAP4(HOST, correo.port("imap"), timeout=10) as imap:
        imap.starttls(trust)
        assert imap.authenticate(SCRAM[0], respond)[0] == "OK"
        assert len(heard) == 3
        assert imap.select()[0] == "OK"


def test_imaplib_folders(correo: Correo) -> None:
    with imaplib.IMAP4(HOST, correo.port("imap"), timeout=10) as imap:
        imap.login(ALICE, PASSWORD)
        assert imap.create("Work/2026/May")[0] == "OK"
        assert imap.create('"Pr&APw-fung"')[0] == "OK"
        assert imap.create("Work")[0] == "NO"
        assert imap.subscribe("Work/2026")[0] == "OK"
        assert imap.rename("Work", "Arbeit")[0] == "OK"
        names = {
            line.rpartition(b" ")[2].strip(b'"')
            for line in imap.list('""', "*")[1]
            if isinstance(line, bytes)
        }
        assert {b"Arbeit", b"Arbeit/2026", b"Arbeit/2026/May", b"Pr&APw-fung", b"INBOX"} <= names
        assert imap.delete("Arbeit/2026/May")[0] == "OK"
        assert imap.select("Arbeit/2026/May")[0] == "NO"
        assert imap.namespace()[0] == "OK"


def test_imaplib_messages(correo: Correo) -> None:
    with imaplib.IMAP4(HOST, correo.port("imap"), timeout=10) as imap:
        imap.login(ALICE, PASSWORD)
        when = imaplib.Time2Internaldate(time.time())
        for name in ("one", "two", "three"):
            assert (
                imap.append("INBOX", r"(\Seen $Forwarded)" if name == "two" else "", when, letter(name))[0]
                == "OK"
            )
        assert imap.select() == ("OK", [b"3"])
        assert imap.search(None, "UNSEEN")[1] == [b"1 3"]
        assert imap.search(None, "KEYWORD", "$Forwarded")[1] == [b"2"]
        assert imap.uid("SEARCH", "SUBJECT", "three")[1] == [b"3"]  # type: ignore[no-untyped-call,unused-ignore]
        status, data = imap.fetch("1:3", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
        assert status == "OK"
        assert len(data) == 3
        status, parts = imap.fetch("2", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[TEXT]<0.3>)")
        assert [part[1] for part in parts if isinstance(part, tuple)] == [b"Subject: two\r\n\r\n", b"One"]
        assert imap.store("1", "+FLAGS", r"(\Deleted)")[0] == "OK"
        assert imap.copy("1:2", "Archive")[0] == "OK"
        assert imap.expunge()[1] == [b"1"]
        assert imap.status("Archive", "(MESSAGES UNSEEN UIDNEXT)")[1] == [
            b"Archive (MESSAGES 2 UNSEEN 1 UIDNEXT 3)"
        ]
        assert imap.close()[0] == "OK"
    assert [subject(message) for message in correo.messages()] == ["two", "three"]
