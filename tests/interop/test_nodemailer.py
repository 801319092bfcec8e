"""nodemailer, the mail library of Node.js: submission in each way it knows."""

from __future__ import annotations

import email
import email.policy
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any

import pytest
from tests.interop.programs import eventually, excuse, run
from tests.interop.serving import ALICE, BOB, HOST, PASSWORD, Correo, running, subject

PROGRAMS = ("node",)
LIBRARY = Path("/usr/local/lib/correo-interop/node_modules")  # see `install`
SCRIPT = Path(__file__).with_name("nodemailer.cjs")
JÜRGEN = "jürgen@correo.test"

Told = dict[str, Any]
Send = Callable[..., list[Told]]


@pytest.fixture(scope="module")
def correo(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Correo]:
    """One server for all: they tell their messages apart by the subject."""
    yield from running(template, tmp_path_factory.mktemp("world") / "correo")


@pytest.fixture
def send(correo: Correo, authority: Path) -> Send:
    """Runs it with `options` of the transport: by STARTTLS, which it must have, unless they say something else."""
    if not LIBRARY.exists():
        excuse(f"{LIBRARY} is not there (make test-deps)")

    def run_it(*messages: dict[str, Any], **options: Any) -> list[Told]:
        port = correo.port("submission", "implicit" if options.get("secure") else "starttls")
        trust = {"tls": {"ca": [authority.read_text()], "servername": "localhost"}}
        login = {"auth": {"user": ALICE, "pass": PASSWORD}}
        transport = {"host": HOST, "port": port, "requireTLS": True, **trust, **login, **options}
        given = json.dumps({"transport": transport, "messages": messages})
        told: list[Told] = json.loads(run("node", SCRIPT, LIBRARY, stdin=given).out)
        return told

    return run_it


def parsed(octets: bytes) -> EmailMessage:
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def arrived(correo: Correo, name: str, address: str = BOB) -> list[bytes]:
    """The messages in an inbox whose subject has `name` in it."""
    return correo.messages(address, wanted=f'SUBJECT "{name}"')


@pytest.mark.parametrize("secure", [False, True], ids=["starttls", "implicit"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_mechanisms(correo: Correo, send: Send, secure: bool, mechanism: str) -> None:
    name = f"by {mechanism} {secure}"
    letter = {"from": ALICE, "to": [BOB, ALICE], "subject": name, "text": "One line."}
    (told,) = send(letter, secure=secure, authMethod=mechanism)
    assert told["accepted"] == [BOB, ALICE]
    assert told["response"].startswith("250 2.0.0 ")
    for address in (ALICE, BOB):
        (message,) = arrived(correo, name, address)
        assert parsed(message).get_content() == "One line.\r\n"
        assert b" with ESMTPSA " in message


def test_an_attachment(correo: Correo, send: Send) -> None:
    octets = bytes(range(256)) * 400
    attachment = {"filename": "Übersicht.bin", "content": b64encode(octets).decode(), "encoding": "base64"}
    parts = {"text": "Schöne Grüße\n.\n..\n", "html": "<p>Schöne Grüße</p>", "attachments": [attachment]}
    send({"from": f"Alice Ångström <{ALICE}>", "to": BOB, "subject": "Übersicht 日本 1", **parts})
    (octets_of_it,) = [one for one in correo.messages(BOB) if subject(one) == "Übersicht 日本 1"]
    message = parsed(octets_of_it)
    assert message["From"].addresses[0].display_name == "Alice Ångström"
    assert message.get_body(("plain",)).get_content().replace("\r\n", "\n") == "Schöne Grüße\n.\n..\n"  # type: ignore[union-attr]
    (found,) = message.iter_attachments()
    assert found.get_filename() == "Übersicht.bin"
    assert b64decode(str(found.get_payload())) == octets


def test_an_address_beyond_ascii(correo: Correo, send: Send) -> None:
    correo.cli("account", "add", JÜRGEN, "--password-file", "-", stdin=PASSWORD + "\n")
    login = {"auth": {"user": JÜRGEN, "pass": PASSWORD}}
    (told,) = send({"from": JÜRGEN, "to": [JÜRGEN, BOB], "subject": "utf8", "text": "x"}, **login)
    assert told["accepted"] == [JÜRGEN, BOB]
    (message,) = correo.messages(JÜRGEN)
    assert b" with UTF8SMTPSA " in message
    assert message.startswith(f"Return-Path: <{JÜRGEN}>\r\n".encode())


def test_delivery_status_notifications(correo: Correo, send: Send) -> None:
    wishes = {"id": "order+7", "return": "headers", "notify": ["success", "failure"], "recipient": ALICE}
    send({"from": ALICE, "to": BOB, "subject": "notified", "text": "The body.", "dsn": wishes})

    def notice() -> Message | None:
        found = arrived(correo, "Delivered: notified", ALICE)
        return email.message_from_bytes(found[0]) if found else None

    report = eventually(notice, "the notice")
    assert report is not None
    (status,) = (
        part.as_string() for part in report.walk() if part.get_content_type() == "message/delivery-status"
    )
    assert "Original-Envelope-Id: order+7" in status
    assert f"Original-Recipient: rfc822; {ALICE}" in status
    assert f"Final-Recipient: rfc822; {BOB}" in status
    assert "Action: delivered" in status
    assert "The body." not in report.as_string()


def test_twenty_messages_over_a_pool(correo: Correo, send: Send) -> None:
    letters = [
        {"from": ALICE, "to": BOB, "subject": f"number {number:02}", "text": "x"} for number in range(20)
    ]
    before = len(logins(correo))
    told = send(*letters, pool=True, maxConnections=2, maxMessages=50)
    assert [one["accepted"] for one in told] == [[BOB]] * 20
    assert sorted(map(subject, arrived(correo, "number"))) == [letter["subject"] for letter in letters]
    assert 1 <= len(logins(correo)) - before <= 2


def logins(correo: Correo) -> list[Told]:
    return [entry for entry in correo.log if entry["event"] == "login" and entry["account"] == ALICE]


def test_refusals_are_told_apart(correo: Correo, send: Send) -> None:
    some, none, other = send(
        {"from": ALICE, "to": [BOB, "nobody@correo.test"], "subject": "some of them", "text": "x"},
        {"from": ALICE, "to": "nobody@correo.test", "subject": "none of them", "text": "x"},
        {"from": BOB, "to": ALICE, "subject": "as somebody else", "text": "x"},
    )
    assert (some["accepted"], some["rejected"]) == ([BOB], ["nobody@correo.test"])
    assert (none["code"], none["responseCode"]) == ("EENVELOPE", 550)
    assert (other["code"], other["command"]) == ("EENVELOPE", "MAIL FROM")
    (wrong,) = send({"from": ALICE, "to": BOB, "text": "x"}, auth={"user": ALICE, "pass": "wrong"})
    assert (wrong["code"], wrong["responseCode"]) == ("EAUTH", 535)
    assert len(arrived(correo, "some of them")) == 1
    assert arrived(correo, "none of them") == arrived(correo, "as somebody else", ALICE) == []
