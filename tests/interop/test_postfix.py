"""Postfix as another domain's server: mail both ways over port 25, found through a name server, and what happens when it fails."""

from __future__ import annotations

import email
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop import scene as stage
from tests.interop.postfix import USER
from tests.interop.programs import eventually
from tests.interop.scene import Scene, reports, status
from tests.interop.serving import ALICE, BOB, body, letter

PROGRAMS = stage.PROGRAMS


@pytest.fixture(scope="module")
def scene(template: Path, authority: Path) -> Iterator[Scene]:
    with stage.staged(template, authority) as scene:
        yield scene


def at_postfix(scene: Scene, name: str, user: str = "user") -> bytes:
    return scene.at_peer(scene.postfix, name, user)


def test_from_alice_to_postfix(scene: Scene) -> None:
    scene.alice_sends(letter("to postfix"), USER)
    text = at_postfix(scene, "to postfix")
    found = email.message_from_bytes(text)
    assert found["Return-Path"] == f"<{ALICE}>"
    newest, oldest = found.get_all("Received", [])
    assert "from mail.correo.test" in newest
    assert "using TLSv1.3" in newest
    assert "by mail.correo.test (Correo) with ESMTPSA" in oldest
    assert body(text).strip() == "One line."


def test_from_postfix_to_alice(scene: Scene) -> None:
    scene.postfix.send(letter("to alice"), ALICE)
    found = email.message_from_bytes(scene.at_correo("to alice"))
    assert found["Return-Path"] == f"<{USER}>"
    assert "from mx.postfix.test" in found["Received"]
    assert "with ESMTPS " in found["Received"]


def test_text_passes_unchanged(scene: Scene) -> None:
    lines = "".join(f".{number} grüße \t \r\n" for number in range(20_000))
    scene.alice_sends(letter("large to postfix", lines), USER)
    assert (
        at_postfix(scene, "large to postfix").partition(b"\n\n")[2].decode().rstrip()
        == lines.replace("\r", "").rstrip()
    )
    scene.postfix.send(letter("large to alice", lines).replace(b"\r\n", b"\n"), ALICE)
    found = scene.at_correo("large to alice").replace(b"\r\n", b"\n")
    assert found.partition(b"\n\n")[2].decode().rstrip() == lines.replace("\r", "").rstrip()


def test_several_recipients_on_both_sides(scene: Scene) -> None:
    scene.alice_sends(letter("to all"), USER, "other@postfix.test", BOB)
    at_postfix(scene, "to all", "user")
    at_postfix(scene, "to all", "other")
    scene.at_correo("to all", BOB)
    scene.postfix.send(letter("to both"), ALICE, BOB)
    scene.at_correo("to both", ALICE)
    scene.at_correo("to both", BOB)


def test_a_user_unknown_at_postfix_bounces_to_alice(scene: Scene) -> None:
    scene.alice_sends(letter("nobody there"), "nobody@postfix.test", USER)
    at_postfix(scene, "nobody there")
    (bounce,) = eventually(lambda: reports(scene.inbox(), "nobody@postfix.test"), "the bounce")
    report = status(bounce)
    assert bounce["Return-Path"] == "<>"
    assert bounce["To"] == ALICE or bounce["To"] == f"<{ALICE}>"
    assert "Action: failed" in report
    assert "Status: 5.1.1" in report
    assert "Remote-MTA: dns;mx.postfix.test" in report
    assert "Diagnostic-Code: smtp;550 5.1.1" in report
    assert USER not in report


def test_a_user_unknown_at_correo_bounces_to_postfixs_user(scene: Scene) -> None:
    scene.postfix.send(letter("nobody here"), "nobody@correo.test", ALICE)
    scene.at_correo("nobody here")
    (bounce,) = eventually(lambda: reports(scene.postfix.messages(), "nobody@correo.test"), "the bounce")
    assert "Status: 5.1.1" in status(bounce)
    assert "550 5.1.1" in status(bounce)


def test_a_domain_that_takes_no_mail_bounces_at_once(scene: Scene) -> None:
    scene.alice_sends(letter("null mx"), "someone@nullmx.test", "someone@absent.test")
    (bounce,) = eventually(lambda: reports(scene.inbox(), "someone@nullmx.test"), "the bounce")
    assert "Status: 5.1.10" in status(bounce)
    assert eventually(lambda: reports(scene.inbox(), "someone@absent.test"), "the other bounce")


def test_an_alias_leads_on_to_postfix(scene: Scene) -> None:
    scene.correo.cli("alias", "add", "forward@correo.test", USER)
    scene.postfix.send(letter("there and back"), "forward@correo.test")
    found = email.message_from_bytes(at_postfix(scene, "there and back"))
    assert found["Return-Path"] == f"<{USER}>"
    assert len(found.get_all("Received", [])) == 3


def test_mail_waits_while_postfix_is_down(scene: Scene) -> None:
    scene.postfix.stop()
    scene.alice_sends(letter("patience"), USER)
    scene.correo.await_log("deferred", to=USER)
    waiting = json.loads(scene.correo.cli("queue", "list", "--json").out)
    assert len(waiting) == 1
    scene.postfix.start()
    at_postfix(scene, "patience")
    eventually(lambda: json.loads(scene.correo.cli("queue", "list", "--json").out) == [], "an empty queue")
    journey = scene.correo.cli("trace", USER, "--limit", "1").out
    assert "deferred" in journey
    assert "relayed" in journey


def test_mail_waits_while_correo_is_down(scene: Scene) -> None:
    scene.correo.stop()
    scene.postfix.send(letter("patience here"), ALICE)
    eventually(lambda: "status=deferred" in scene.postfix.log(), "a try that fails")
    scene.correo.start()
    scene.at_correo("patience here")


def test_mail_passes_in_the_clear_when_postfix_has_no_tls(scene: Scene) -> None:
    scene.postfix.set("smtpd_tls_security_level=none")
    scene.alice_sends(letter("in the clear"), USER)
    newest = email.message_from_bytes(at_postfix(scene, "in the clear")).get_all("Received", [])[0]
    assert "TLS" not in newest
    assert "with ESMTP id" in newest
