"""The JSON API, as a program in any language uses it."""

from __future__ import annotations

import http.client
import smtplib
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import msgspec
import pytest

from correo.testing import MailServer

LETTER = "From: ann@example.org\r\nSubject: offer\r\n\r\n12 EUR: https://a.example/\r\n"


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer(api=0) as server:
        yield server


def ask(
    mail: MailServer,
    request: str,
    body: object = None,
    *,
    status: int = 200,
    host: str = "",
    origin: str = "",
) -> Any:
    """The JSON of the answer to `GET /path`."""
    method, _, target = request.partition(" ")
    connection = http.client.HTTPConnection(mail.host, mail.api_port, timeout=10)
    fields = {name: value for name, value in (("Host", host), ("Origin", origin)) if value}
    connection.request(method, target, None if body is None else msgspec.json.encode(body), fields)
    answer = connection.getresponse()
    octets = answer.read()
    connection.close()
    assert answer.status == status, octets
    return msgspec.json.decode(octets) if answer.headers["Content-Type"] == "application/json" else octets


def send(mail: MailServer, recipient: str = "bob@example.org") -> None:
    with smtplib.SMTP(mail.host, mail.smtp_port) as smtp:
        smtp.sendmail("ann@example.org", [recipient], LETTER)


def test_messages(mail: MailServer) -> None:
    about = ask(mail, "GET /")
    assert about["ports"]["smtp"] == mail.smtp_port
    send(mail)
    (found,) = ask(mail, "GET /messages?to=bob%40example.org&subject=off&contains=EUR&sender=ann@*")
    assert found["recipients"] == ["bob@example.org"]
    assert ask(mail, "GET /messages?to=eve@example.org") == []
    whole = ask(mail, f"GET /messages/{found['id']}")
    assert whole["text"] == "12 EUR: https://a.example/\n"
    assert whole["links"] == ["https://a.example/"]
    assert ["Subject", "offer"] in whole["headers"]
    assert ask(mail, f"GET /messages/{found['id']}.eml") == LETTER.encode()
    ask(mail, "GET /messages/nothing", status=404)
    assert ask(mail, "DELETE /messages") == {}
    assert ask(mail, "GET /messages") == []


def test_attachments_are_in_base64(mail: MailServer) -> None:
    letter = EmailMessage()
    letter.set_content("x")
    letter.add_attachment(b"\0\1\2", maintype="image", subtype="png", filename="a.png")
    message = mail.deliver(letter, to="bob@example.org")
    (attached,) = ask(mail, f"GET /messages/{message.id}")["attachments"]
    assert attached == {"filename": "a.png", "content_type": "image/png", "content": "AAEC"}


def test_waiting_for_a_message(mail: MailServer) -> None:
    connection = http.client.HTTPConnection(mail.host, mail.api_port, timeout=10)
    connection.request("GET", "/messages?to=bob@example.org&wait=10")
    send(mail)
    assert msgspec.json.decode(connection.getresponse().read())[0]["subject"] == "offer"
    connection.close()
    assert ask(mail, "GET /messages?to=eve@example.org&wait=0.01") == []
    for wrong in ("soon", "-1", "1e9", "nan"):
        ask(mail, f"GET /messages?wait={wrong}", status=400)


def test_accounts_and_refusals() -> None:
    with MailServer(api=0, accept="named") as mail:
        ask(
            mail,
            "POST /accounts",
            {"address": "ann@example.org", "password": "x", "aliases": ["a@example.org"]},
        )
        assert ask(mail, "GET /accounts") == ["ann@example.org"]
        send(mail, "a@example.org")
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(mail)
        (refused,) = ask(mail, "GET /refused")
        assert refused["command"] == "RCPT TO:<bob@example.org>"
        assert refused["by_fault"] is False
        assert "address" in ask(mail, "POST /accounts", {"address": "ann"}, status=400)["error"]


def test_faults(mail: MailServer) -> None:
    rule = ask(mail, "POST /faults", {"reply": "451 4.7.1 Later", "to": "bob@example.org", "times": 1})
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(mail)
    assert ask(mail, "GET /faults")[0]["hits"] == 1
    ask(mail, f"DELETE /faults/{rule['id']}")
    ask(mail, f"DELETE /faults/{rule['id']}", status=404)
    ask(mail, "POST /faults", {"drop": "connect"})
    ask(mail, "DELETE /faults")
    assert ask(mail, "GET /faults") == []
    assert "no moment" in ask(mail, "POST /faults", {"drop": "soon"}, status=400)["error"]
    assert "replie" in ask(mail, "POST /faults", {"replies": "451"}, status=400)["error"]
    assert "times" in ask(mail, "POST /faults", {"reply": "451", "times": "many"}, status=400)["error"]


def test_days_in_a_second(mail: MailServer) -> None:
    ask(mail, "POST /far", {"domain": "remote.example", "state": "down"})
    before = ask(mail, "GET /clock")["now"]
    send(mail, "carl@remote.example")
    assert ask(mail, "POST /clock", {"advance": "5h"})["now"] > before
    (waiting,) = ask(mail, "GET /queue")
    assert (waiting["recipient"], waiting["state"]) == ("carl@remote.example", "waiting")
    ask(mail, "POST /far", {"domain": "remote.example"})
    ask(mail, "POST /clock", {"advance": "5h"})
    (taken,) = ask(mail, "GET /far/Remote.Example")["messages"]
    assert taken["subject"] == "offer"
    assert ask(mail, f"GET /messages/{taken['id']}.eml").startswith(b"Received: ")
    ask(mail, "POST /far", {"domain": "remote.example", "reply": "550 5.1.1 No", "to": "carl@*"})
    send(mail, "carl@remote.example")
    assert ask(mail, "GET /messages?sender=&to=ann@example.org&subject=Could&wait=5")
    ask(mail, "POST /clock", {"advance": "yesterday"}, status=400)
    ask(mail, "POST /far", {"domain": "remote.example", "state": "odd"}, status=400)
    ask(mail, "POST /far", {"domain": "no domain"}, status=400)
    ask(mail, "GET /far/other.example", status=404)


def test_what_is_not_there(mail: MailServer) -> None:
    ask(mail, "GET /nothing", status=404)
    ask(mail, "PUT /messages", {}, status=405)
    ask(mail, "POST /clock", status=400)
    for request in (b"MAIL FROM:<>\r\n\r\n", b"GET / HTTP/1.1\r\nA\r\n\r\n"):
        with socket.create_connection((mail.host, mail.api_port)) as client:
            client.sendall(request)
            assert client.makefile("rb").read().startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8025", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:1", 200),
        ("192.0.2.1", 200),
        ("evil.example", 403),
        ("evil.example:80", 403),
        ("localhost.evil.example", 403),
    ],
)
def test_web_pages_of_others_are_not_answered(mail: MailServer, host: str, status: int) -> None:
    ask(mail, "GET /", status=status, host=host)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_web_pages_of_others_change_nothing(mail: MailServer, origin: str) -> None:
    """A page may have a browser send what it cannot read the answer to, under our own name."""
    own = f"localhost:{mail.api_port}"
    ask(mail, "POST /faults", {"reply": "451 Later"}, status=403, host=own, origin=origin)
    ask(mail, "DELETE /messages", status=403, host=own, origin=origin)
    assert mail.faults == []
    ask(mail, "POST /faults", {"reply": "451 Later"}, host=own, origin=f"http://{own}")


def test_fields_of_a_form_that_are_empty(mail: MailServer) -> None:
    send(mail)
    assert len(ask(mail, "GET /messages?to=&subject=&contains=")) == 1
    assert ask(mail, "GET /messages?to=&sender=") == []


def test_a_server_that_stops_does_not_wait_for_those_who_ask(mail: MailServer) -> None:
    with socket.create_connection((mail.host, mail.api_port)) as client:
        client.sendall(b"GET /messages?wait=300 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        mail.clock.advance()
        mail.stop()
        assert client.recv(100) == b""
