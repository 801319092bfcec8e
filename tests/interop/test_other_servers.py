"""Postfix and Exim as the next server and as the sender: each with all it can do, the same without TLS, and as servers were long ago."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable, Iterator
from email.message import EmailMessage, Message
from pathlib import Path

import pytest
from tests.interop import scene as stage
from tests.interop.peer import KINDS, Peer
from tests.interop.programs import eventually
from tests.interop.scene import Scene, reports, status
from tests.interop.serving import ALICE, BOB, DATE, NAME, PASSWORD, letter

PROGRAMS = stage.PROGRAMS
JÜRGEN = "jürgen@correo.test"
NOBODY = "nobody@correo.test"
WISHES = ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;asked@desk.test"]

EIGHT = ["BODY=8BITMIME"]
DOTS = b".\r\n..\r\n...\r\n. \r\n.a\r\n\r\n\r\n.\r\n" + b" \t\r\n" + b"x" * 990 + b"\r\n.\r\n\r\n"
OCTETS = bytes(range(0xA0, 0x100)) + b"\r\n" + "grüße 日本\r\n".encode() + b".\xff\r\n"
LARGE = b"".join(b"%07d %s\r\n" % (number, b"y" * 60) for number in range(75_000))  # 5.2 MB


@pytest.fixture(scope="module")
def scene(template: Path, authority: Path) -> Iterator[Scene]:
    with stage.staged(template, authority, exim=True) as scene:
        scene.correo.cli("account", "add", JÜRGEN, "--password-file", "-", stdin=PASSWORD + "\n")
        yield scene


@pytest.fixture(params=["postfix", "exim"])
def peer(scene: Scene, request: pytest.FixtureRequest) -> Peer:
    return scene.peers[str(request.param)]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def written(name: str, body: bytes, *, encoding: str = "7bit") -> bytes:
    """A message of which each octet counts."""
    head = letter(name).partition(b"\r\n\r\n")[0].replace(b"8bit", encoding.encode())
    return head + b"\r\n\r\n" + body


def report(texts: list[bytes], about: str, envelope_id: str) -> Message | None:
    """What came back about one recipient of the message with this subject, and with this ENVID."""
    found = [
        one
        for one in reports(texts, about)
        if f"\nSubject: {envelope_id}\n" in one.as_string().replace("\r\n", "\n")
    ]
    assert len(found) < 2, f"{len(found)} reports"
    assert all(f"original-envelope-id: {envelope_id}" in status(one).lower() for one in found)
    return found[0] if found else None


def at_alice(scene: Scene, about: str, envelope_id: str) -> Message:
    return _awaited(scene, lambda: report(scene.inbox(), about, envelope_id), about)


def at_sender(scene: Scene, peer: Peer, about: str, envelope_id: str) -> Message:
    return _awaited(scene, lambda: report(peer.messages(), about, envelope_id), about)


def _awaited(scene: Scene, look: Callable[[], Message | None], about: str) -> Message:
    try:
        found = eventually(look, f"a report about {about}")
    except AssertionError as missing:
        raise AssertionError(f"{missing}\n{scene.logs()}") from None
    assert found is not None
    return found


# -- text ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [DOTS, OCTETS, LARGE], ids=["dots", "octets", "large"])
def test_octet_for_octet_to(scene: Scene, peer: Peer, kind: str, body: bytes) -> None:
    name = f"octets to {peer.name} {kind} {len(body)}"
    text = written(name, body, encoding="8bit" if body is OCTETS else "7bit")
    scene.alice_sends(text, peer.at(kind, "other"), mail=EIGHT if body is OCTETS else [])
    found = scene.at_peer(peer, name, "other")
    assert found.endswith(b"\n" + text.replace(b"\r\n", b"\n"))
    came = email.message_from_bytes(found).get_all("Received", [])[0].lower()
    assert ("tls" in came) == (kind == "full")
    assert ("with esmtps " if kind == "full" else "with esmtp ") in came


@pytest.mark.parametrize("body", [DOTS, OCTETS, LARGE], ids=["dots", "octets", "large"])
def test_octet_for_octet_from(scene: Scene, peer: Peer, kind: str, body: bytes) -> None:
    name = f"octets from {peer.name} {kind} {len(body)}"
    text = written(name, body, encoding="8bit" if body is OCTETS else "7bit")
    peer.submit(text, peer.at(kind), [BOB], mail=EIGHT if body is OCTETS else [])
    found = scene.at_correo(name, BOB)
    if (peer.name, kind, body) == (
        "postfix",
        "old",
        OCTETS,
    ):  # to whom 8BITMIME is not offered, Postfix encodes
        decoded = email.message_from_bytes(found).get_payload(decode=True)
        assert decoded == body
    else:
        assert found.endswith(b"\r\n" + text)
    way = {"full": "with ESMTPS ", "clear": "with ESMTP ", "old": "with SMTP "}[kind]
    assert way in email.message_from_bytes(found).get_all("Received", [])[0]


def test_binary_goes_on_as_text(scene: Scene, peer: Peer, kind: str) -> None:
    binary = bytes(range(256)) * 40 + b"\r\n.\r\n\r\r\n\n"
    head = letter(f"binary to {peer.name} {kind}").partition(b"Content-Type")[0]
    parts = b'Content-Type: multipart/mixed; boundary="b"\r\nContent-Transfer-Encoding: binary\r\n\r\n--b\r\n'
    parts += b"Content-Type: application/x-octets\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    text = head + parts + binary + b"\r\n--b--\r\n"
    with scene.submission() as smtp:
        assert smtp.mail(ALICE, ["BODY=BINARYMIME"])[0] == 250
        assert smtp.rcpt(peer.at(kind))[0] == 250
        for chunk, last in ((text[:500], ""), (text[500:], " LAST")):
            smtp.send(b"BDAT %d%s\r\n" % (len(chunk), last.encode()) + chunk)
            assert smtp.getreply()[0] == 250
    found = email.message_from_bytes(scene.at_peer(peer, f"binary to {peer.name} {kind}"))
    (part,) = [part for part in found.walk() if part.get_content_type() == "application/x-octets"]
    assert part["Content-Transfer-Encoding"] == "base64"
    assert part.get_payload(decode=True) == binary


# -- several recipients --------------------------------------------------------------------------------------------------


def test_each_recipient_gets_its_own_answer_at(scene: Scene, peer: Peer, kind: str) -> None:
    name = f"{peer.name}-{kind}-mixed"
    users = [peer.at(kind, user) for user in ("user", "nobody", "later", "other")]
    scene.alice_sends(letter(name), *users, mail=[f"ENVID={name}"])
    for user in ("user", "other"):
        scene.at_peer(peer, name, user)
    bounce = at_alice(scene, users[1], name)
    assert "Status: 5.1.1" in status(bounce)
    assert "Diagnostic-Code: smtp;550 " in status(bounce)
    assert not any(user in status(bounce) for user in (users[0], users[2], users[3]))
    assert " 4.2.0 " in scene.correo.await_log("deferred", to=users[2])["status"]
    assert scene.delete_queue() == 1
    assert len(peer.messages("later")) == 0


def test_each_recipient_gets_its_own_answer_from(scene: Scene, peer: Peer, kind: str) -> None:
    name = f"{peer.name}-{kind}-mixed-from"
    peer.submit(letter(name), peer.at(kind), [ALICE, NOBODY, BOB], [f"ENVID={name}"])
    scene.at_correo(name, ALICE)
    scene.at_correo(name, BOB)
    said = status(at_sender(scene, peer, NOBODY, name))
    assert "Action: failed" in said
    assert "550 5.1.1" in said


# -- notices -------------------------------------------------------------------------------------------------------------


def test_success_is_told_by_the_last_who_can(scene: Scene, peer: Peer, kind: str) -> None:
    envelope_id = f"{peer.name}-{kind}-success"
    scene.alice_sends(
        letter(envelope_id), peer.at(kind), mail=["RET=HDRS", f"ENVID={envelope_id}"], rcpt=WISHES
    )
    notice = at_alice(scene, peer.at(kind), envelope_id)
    said = status(notice)
    assert f"Reporting-MTA: dns;{NAME if kind == 'old' else f'mx.{peer.name}.test'}" in said
    assert f"Action: {'relayed' if kind == 'old' else 'delivered'}" in said
    assert "Original-Recipient: rfc822;asked@desk.test" in said
    assert "One line." not in notice.as_string()
    assert f"Subject: {envelope_id}" in notice.as_string()


def test_failure_is_told_as_it_was_asked_for(scene: Scene, peer: Peer, kind: str) -> None:
    for ret in ("HDRS", "FULL"):
        envelope_id = f"{peer.name}-{kind}-{ret.lower()}"
        scene.alice_sends(
            letter(envelope_id),
            peer.at(kind, "nobody"),
            mail=[f"RET={ret.lower()}", f"ENVID={envelope_id}"],
            rcpt=WISHES,
        )
        bounce = at_alice(scene, peer.at(kind, "nobody"), envelope_id)
        assert f"Reporting-MTA: dns;{NAME}" in status(bounce)
        assert "Original-Recipient: rfc822;asked@desk.test" in status(bounce)
        assert ("One line." in bounce.as_string()) == (ret == "FULL")
        kinds = [part.get_content_type() for part in bounce.walk()]
        assert ("message/rfc822" if ret == "FULL" else "text/rfc822-headers") in kinds


def test_who_wants_no_notice_gets_none(scene: Scene, peer: Peer) -> None:
    recipient = peer.at("full", "never")
    scene.alice_sends(letter("never"), recipient, mail=["ENVID=never"], rcpt=["NOTIFY=NEVER"])
    scene.correo.await_log("failed", to=recipient)
    assert "discarded" in scene.correo.cli("trace", recipient).out
    assert reports(scene.inbox(), recipient) == []


def test_what_the_sender_wishes_comes_with_the_message(scene: Scene, peer: Peer, kind: str) -> None:
    envelope_id = f"{peer.name}-{kind}-wishes"
    peer.submit(
        letter(envelope_id), peer.at(kind), [ALICE, NOBODY], ["RET=HDRS", f"ENVID={envelope_id}"], WISHES[:1]
    )
    scene.at_correo(envelope_id)
    notice = at_sender(scene, peer, ALICE, envelope_id)
    # Correo is told of the wish where DSN was offered and heard; else the sender's own server says what it knows, and Exim calls that
    # delivered.
    relayed = kind == "old" and peer.name == "postfix"
    assert f"Action: {'relayed' if relayed else 'delivered'}" in status(notice)
    assert f"Reporting-MTA: dns;{f'mx.{peer.name}.test' if kind == 'old' else NAME}" in status(notice)
    assert "One line." not in notice.as_string()
    assert "Action: failed" in status(at_sender(scene, peer, NOBODY, envelope_id))


# -- addresses beyond ASCII ----------------------------------------------------------------------------------------------


@pytest.fixture
def greeting(request: pytest.FixtureRequest) -> EmailMessage:
    message = EmailMessage(email.policy.SMTPUTF8)
    message["From"], message["To"] = JÜRGEN, "grün@postfix.test"
    message["Subject"] = f"Grüße 日本 {request.node.name}"
    message["Date"], message["Message-ID"] = DATE, f"<{request.node.name}@correo.test>"
    message.set_content("Schöne Grüße\n", cte="8bit")
    return message


def test_smtputf8_to(scene: Scene, peer: Peer, kind: str, greeting: EmailMessage) -> None:
    recipient = peer.at(kind, "grün")
    with scene.submission(JÜRGEN) as smtp:
        assert smtp.sendmail(JÜRGEN, [recipient], bytes(greeting), ["SMTPUTF8", "BODY=8BITMIME"]) == {}
    if kind == "old":
        (bounce,) = eventually(lambda: reports(scene.inbox(JÜRGEN), recipient), "the bounce")
        assert "Status: 5.6.7" in status(bounce)
        assert bounce.get_payload(1).get_content_type() == "message/global-delivery-status"  # type: ignore[union-attr]
        return
    found = scene.at_peer(peer, str(greeting["Subject"]), "grün")
    assert found.endswith(bytes(greeting).replace(b"\r\n", b"\n"))
    assert f"<{JÜRGEN}>".encode() in found.partition(b"\n\n")[0]


def test_smtputf8_from(scene: Scene, peer: Peer, kind: str, greeting: EmailMessage) -> None:
    sender = peer.at(kind, "grün")
    peer.submit(bytes(greeting), sender, [JÜRGEN], ["SMTPUTF8", "BODY=8BITMIME"])
    if kind == "old":
        (bounce,) = eventually(lambda: reports(peer.messages("grün"), JÜRGEN), "the bounce")
        assert f"Subject: {greeting['Subject']}" in bounce.as_bytes().decode("utf-8", "replace")
        return
    found = scene.at_correo(str(greeting["Subject"]), JÜRGEN)
    assert found.endswith(bytes(greeting))
    assert found.startswith(f"Return-Path: <{sender}>\r\n".encode())
    assert f"with UTF8SMTP{'S' if kind == 'full' else ''} ".encode() in found


# -- what was used of what was offered -----------------------------------------------------------------------------------


def test_chunks_and_pipelines_are_used_where_they_are_offered(scene: Scene) -> None:
    """Postfix tells when a connection ends, of all that was before; Exim of each message."""
    for peer in scene.peers.values():
        for kind in KINDS:
            scene.alice_sends(letter(f"counted {peer.name} {kind}"), peer.at(kind))
            assert b"UTF8SMTP" not in scene.at_peer(peer, f"counted {peer.name} {kind}")
    log = scene.postfix.log
    for service, words, without in (
        ("smtpd", ("starttls=1", "bdat="), " data="),
        ("clear/smtpd", ("ehlo=1", "bdat="), "starttls="),
        ("old/smtpd", ("ehlo=1", " data="), "bdat="),
    ):
        (line, *_) = eventually(
            lambda service=service: [  # type: ignore[misc]
                line
                for line in log().splitlines()
                if f"postfix/{service}[" in line and "disconnect from localhost" in line and "mail=" in line
            ],
            f"the end of a connection to {service}",
        )
        assert all(word in line for word in words), line
        assert without not in line, line
    for address, expected in (
        ("127.0.0.3", ("P=esmtps", "K")),
        ("127.0.0.13", ("P=esmtp", "K")),
        ("127.0.0.23", ("P=esmtp",)),
    ):
        lines = [
            line
            for line in scene.exim.log().splitlines()
            if f"<= {ALICE} " in line and f"I=[{address}]:25 " in line
        ]
        assert lines
        for line in lines:
            line = line.replace("P=utf8", "P=")  # which Exim goes on saying for the rest of a connection
            assert {word for word in line.split() if word in ("P=esmtp", "P=esmtps", "K")} == set(expected), (
                line
            )
