"""Exim as another domain's server: mail both ways when one of the two is down, and what it says late or asks back."""

from __future__ import annotations

import email
import json
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop import scene as stage
from tests.interop.programs import eventually
from tests.interop.scene import Scene, reports, status
from tests.interop.serving import ALICE, BOB, body, letter

PROGRAMS = stage.PROGRAMS
USER = "user@exim.test"


@pytest.fixture(scope="module")
def scene(template: Path, authority: Path) -> Iterator[Scene]:
    with stage.staged(template, authority, exim=True) as scene:
        yield scene


def test_from_alice_to_exim(scene: Scene) -> None:
    scene.alice_sends(letter("to exim"), USER)
    text = scene.at_peer(scene.exim, "to exim")
    found = email.message_from_bytes(text)
    newest, oldest = found.get_all("Received", [])
    assert found["Return-path"] == f"<{ALICE}>"
    assert "helo=mail.correo.test" in newest
    assert "with esmtps  (TLS1.3)" in newest
    assert "by mail.correo.test (Correo) with ESMTPSA" in oldest
    assert body(text).strip() == "One line."


def test_from_exim_to_alice_as_a_local_program_sends(scene: Scene) -> None:
    scene.exim.send(letter("to alice"), ALICE, BOB, sender=USER)
    for address in (ALICE, BOB):
        found = email.message_from_bytes(scene.at_correo("to alice", address))
        assert found["Return-Path"] == f"<{USER}>"
        assert "from mx.exim.test" in found["Received"]
        assert "with ESMTPS " in found["Received"]
    (line,) = eventually(
        lambda: [line for line in scene.exim.log().splitlines() if f" => {ALICE} " in line],
        "a word of Exim on what it has sent",
    )
    assert " CV=yes " in line  # it has checked the certificate
    assert " K " in line  # and used BDAT


def test_an_alias_leads_on_to_exim(scene: Scene) -> None:
    scene.correo.cli("alias", "add", "forward@correo.test", USER)
    scene.exim.submit(letter("there and back"), "other@exim.test", ["forward@correo.test"])
    found = email.message_from_bytes(scene.at_peer(scene.exim, "there and back"))
    assert found["Return-path"] == "<other@exim.test>"
    assert len(found.get_all("Received", [])) == 3


def test_a_message_is_refused_after_its_text(scene: Scene) -> None:
    scene.alice_sends(letter("refused in the end"), USER, "other@exim.test")
    bounce = eventually(lambda: reports(scene.inbox(), USER), "the bounce")[0]
    said = status(bounce)
    assert "Diagnostic-Code: smtp;550 5.7.1 not with this subject" in said
    assert said.count("Action: failed") == 2
    assert said.count("Final-Recipient: rfc822;") == 2


def test_exim_asks_back_whether_the_sender_exists(scene: Scene) -> None:
    """By a callout: MAIL FROM:<>, RCPT TO the sender, and no message."""
    scene.alice_sends(letter("suspicious"), "suspicious@exim.test")
    scene.at_peer(scene.exim, "suspicious", "suspicious")
    with scene.namespace.inside():
        smtp = smtplib.SMTP(scene.exim.address, local_hostname="desk.test", timeout=10)
    with smtp:
        smtp.ehlo()
        assert smtp.mail("nobody@correo.test")[0] == 250
        code, words = smtp.rcpt("suspicious@exim.test")
    assert code == 550
    assert b"550 5.1.1 No such user here" in words, words  # ours


def test_mail_waits_while_exim_is_down(scene: Scene) -> None:
    recipient = scene.exim.at("clear")  # to whom no connection is kept
    scene.exim.stop()
    scene.alice_sends(letter("patience"), recipient)
    scene.correo.await_log("deferred", to=recipient)
    scene.exim.start()
    scene.at_peer(scene.exim, "patience")
    eventually(lambda: json.loads(scene.correo.cli("queue", "list", "--json").out) == [], "an empty queue")
    journey = scene.correo.cli("trace", recipient, "--limit", "1").out
    assert "deferred" in journey
    assert "relayed" in journey


def test_mail_waits_while_correo_is_down(scene: Scene) -> None:
    scene.correo.stop()
    scene.exim.submit(letter("patience here"), USER, [ALICE])
    eventually(lambda: f" == {ALICE} " in scene.exim.log(), "a try that fails")
    scene.correo.start()
    scene.at_correo("patience here")
