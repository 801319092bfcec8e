"""swaks: each way a message can come in, and each way it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.interop.programs import Result, run
from tests.interop.serving import ALICE, BOB, HOST, PASSWORD, Correo

PROGRAMS = ("swaks",)

# Exit codes of swaks(1).
NO_TLS, NO_LOGIN, NO_SENDER, NO_RECIPIENT = 29, 28, 23, 24


def swaks(port: int, *arguments: str, code: int = 0, recipient: str = ALICE) -> Result:
    words = ["--server", HOST, "--port", str(port), "--to", recipient, "--timeout", "10"]
    return run("swaks", *words, *arguments, code=code)


def login(mechanism: str, password: str = PASSWORD) -> list[str]:
    return ["--auth", mechanism, "--auth-user", ALICE, "--auth-password", password, "--from", ALICE]


def test_another_servers_mail_reaches_the_inbox(correo: Correo) -> None:
    swaks(correo.port("smtp"), "--from", "carol@far.example", "--header", "Subject: plain delivery")
    (message,) = correo.messages()
    header = message.partition(b"\r\n\r\n")[0]
    assert header.startswith(b"Return-Path: <carol@far.example>\r\n")
    assert b"\r\nSubject: plain delivery\r\n" in header
    assert header.count(b"\nReceived: ") == 1


def test_starttls_on_the_port_for_servers(correo: Correo, authority: Path) -> None:
    tls = ["--tls", "--tls-ca-path", str(authority), "--tls-verify"]
    said = swaks(correo.port("smtp"), *tls, "--from", "carol@far.example").out
    assert "TLS started with cipher TLSv1.3" in said
    (message,) = correo.messages()
    assert b" with ESMTPS " in message


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_submission(correo: Correo, mechanism: str, tls: str) -> None:
    how = {"none": [], "starttls": ["--tls"], "implicit": ["--tls-on-connect"]}[tls]
    port = correo.port("submission", "implicit" if tls == "implicit" else "starttls")
    swaks(port, *how, *login(mechanism), recipient=BOB)
    (message,) = correo.messages(BOB)
    assert b"\r\nFrom: alice@correo.test\r\n" in message


def test_pipelining(correo: Correo) -> None:
    swaks(correo.port("smtp"), "--pipeline", "--from", "carol@far.example", recipient=f"{ALICE},{BOB}")
    assert [len(correo.messages(address)) for address in (ALICE, BOB)] == [1, 1]


def test_lmtp_tells_of_each_recipient(correo: Correo) -> None:
    recipients = f"{ALICE},nobody@correo.test,{BOB}"
    said = swaks(
        correo.port("lmtp", "none"), "--protocol", "LMTP", "--from", "carol@far.example", recipient=recipients
    ).out
    assert said.count("<-  250 2.1.5") == 2
    assert "<** 550 5.1.1" in said
    assert [len(correo.messages(address)) for address in (ALICE, BOB)] == [1, 1]


def test_mail_for_other_servers_is_refused_to_strangers(correo: Correo) -> None:
    said = swaks(
        correo.port("smtp"),
        "--from",
        "carol@far.example",
        recipient="dave@elsewhere.example",
        code=NO_RECIPIENT,
    )
    assert "<** 550 5.7.1" in said.out


def test_an_unknown_user_is_refused(correo: Correo) -> None:
    said = swaks(
        correo.port("smtp"), "--from", "carol@far.example", recipient="nobody@correo.test", code=NO_RECIPIENT
    )
    assert "<** 550 5.1.1" in said.out


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_a_wrong_password_is_refused(correo: Correo, mechanism: str) -> None:
    said = swaks(correo.port("submission"), *login(mechanism, "wrong"), code=NO_LOGIN)
    assert "<** 535 5.7.8" in said.out


def test_nobody_submits_as_somebody_else(correo: Correo) -> None:
    said = swaks(correo.port("submission"), *login("PLAIN")[:-1], BOB, code=NO_SENDER)
    assert "<** 5" in said.out


def test_submission_needs_a_login(correo: Correo) -> None:
    said = swaks(correo.port("submission"), "--from", ALICE, code=NO_SENDER)
    assert "<** 530 5.7.0" in said.out


def test_passwords_are_not_asked_for_without_tls(strict: Correo) -> None:
    said = swaks(strict.port("submission"), *login("PLAIN"), code=NO_LOGIN).out
    (offer,) = (line for line in said.splitlines() if "250-AUTH" in line)
    assert "PLAIN" not in offer
    assert "LOGIN" not in offer


def test_a_large_attachment_arrives_octet_for_octet(correo: Correo, home: Path) -> None:
    text = b"".join(b".%d\r\n..\r\n.\r\n" % number for number in range(100_000)) + b"the end\r\n"
    (home / "message").write_bytes(b"Subject: dots\r\nFrom: <carol@far.example>\r\n\r\n" + text)
    swaks(correo.port("smtp"), "--from", "carol@far.example", "--data", f"@{home}/message")
    (message,) = correo.messages()
    assert message.partition(b"\r\n\r\n")[2].rstrip() == text.rstrip()  # swaks adds an empty line
