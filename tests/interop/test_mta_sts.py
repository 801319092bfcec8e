"""MTA-STS: what Correo does with the policies of others, fetched by HTTPS from a server with certificates of the test's own authority."""

from __future__ import annotations

import email
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tests.interop import scene as stage
from tests.interop.programs import eventually
from tests.interop.scene import ZONES, Scene
from tests.interop.serving import letter
from tests.interop.web import Web

PROGRAMS = stage.PROGRAMS
WEB = "127.0.0.9"
PATH = "/.well-known/mta-sts.txt"

# What the mail host and the web server of each domain are; the policies are below.
FINE = ("enforced", "star", "testing", "none", "gone", "changed", "kept", "absent")
NOT_NAMED, NO_TLS, OTHER_WEB = "misnamed", "notls", "otherweb"
DOMAINS = tuple(f"{name}.test" for name in (*FINE, NOT_NAMED, NO_TLS, OTHER_WEB))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, ssl.SSLContext]]:
    """The authority's PEM file with the mail hosts' certificate beside it, and what the web server shows by name."""
    folder = tmp_path_factory.mktemp("theirs")
    trusted, unknown = trustme.CA(), trustme.CA()
    trusted.cert_pem.write_to_path(str(folder / "authority.pem"))
    made = trusted.issue_cert(*(f"mx.{domain}" for domain in DOMAINS if domain != f"{NOT_NAMED}.test"))
    made.private_key_pem.write_to_path(str(folder / "key.pem"))
    for pem in made.cert_chain_pems:
        pem.write_to_path(str(folder / "certificate.pem"), append=True)
    contexts = {}
    for name, issuer in (("", trusted), (f"mta-sts.{OTHER_WEB}.test", unknown)):
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        names = [name] if name else [f"mta-sts.{domain}" for domain in DOMAINS]
        issuer.issue_cert(*names).configure_cert(contexts[name])
    return folder / "authority.pem", contexts


def zone(ids: dict[str, str], serial: int) -> str:
    """The zone `test.`, with these ids of policies, which nobody is to keep."""
    text = ZONES["test."].replace("root 1 ", f"root {serial} ")
    for domain in DOMAINS:
        name = domain.removesuffix(".test")
        text += f"{name} MX 10 mx.{name}\nmx.{name} A {'127.0.0.12' if name == NO_TLS else '127.0.0.2'}\n"
        text += f"mta-sts.{name} A {WEB}\n"
        if name in ids:
            text += f'_mta-sts.{name} 0 TXT "v=STSv1; id={ids[name]};"\n'
    return text


def policy(mode: str, *hosts: str) -> str:
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in hosts), "max_age: 86400"]
    return "\r\n".join([*lines, ""])


class Internet:
    """The scene with its web server, and with a zone that can be changed."""

    def __init__(self, scene: Scene, web: Web) -> None:
        self.scene = scene
        self.web = web
        self._ids = {domain.removesuffix(".test"): "1" for domain in DOMAINS}
        self._serial = 1

    def publish(self, name: str, text: str | None, number: str | None = "1") -> None:
        """A policy on the web server and its id in the DNS; None takes it away."""
        where = f"mta-sts.{name}.test{PATH}"
        self.web.pages.pop(where, None)
        if text is not None:
            self.web.pages[where] = text
        ids = {key: value for key, value in self._ids.items() if key != name}
        ids |= {name: number} if number else {}
        if ids != self._ids:
            self._ids = ids
            self._serial += 1
            self.scene.names.replace("test.", zone(ids, self._serial))

    def asked(self, name: str) -> int:
        return self.web.asked[f"mta-sts.{name}.test{PATH}"]

    def passes(self, name: str, subject: str) -> str:
        """It is delivered; the journey of the message."""
        self.scene.alice_sends(letter(subject), f"user@{name}.test")
        found = email.message_from_bytes(self.scene.at_peer(self.scene.postfix, subject))
        assert "using TLSv1.3" in found.get_all("Received", [])[0]
        return self.scene.correo.cli("trace", f"user@{name}.test", "--limit", "1").out

    def waits(self, name: str, subject: str) -> str:
        """It is not delivered, and why; it stays in the queue."""
        recipient = f"user@{name}.test"
        self.scene.alice_sends(letter(subject), recipient)
        reason = str(self.scene.correo.await_log("deferred", to=recipient)["status"])
        assert not [text for text in self.scene.postfix.messages() if recipient.encode() in text]
        assert " 4.7.5 " in reason
        return reason

    def deferrals(self, name: str) -> int:
        """How often it has been put off."""
        log = self.scene.correo.log
        return sum(entry["event"] == "deferred" and entry.get("to") == f"user@{name}.test" for entry in log)


@pytest.fixture(scope="module")
def internet(
    template: Path, authority: Path, theirs: tuple[Path, dict[str, ssl.SSLContext]]
) -> Iterator[Internet]:
    trusted, contexts = theirs
    settings = (
        f"virtual_mailbox_domains=postfix.test, {', '.join(DOMAINS)}",
        "virtual_mailbox_maps=static:user/",
    )
    (template / "trusted.pem").write_bytes(trusted.read_bytes())
    zones = {**ZONES, "test.": zone({domain.removesuffix(".test"): "1" for domain in DOMAINS}, 1)}
    with stage.staged(
        template,
        authority,
        zones=zones,
        theirs=trusted,
        settings=settings,
        transport='tls_ca = "trusted.pem"',
    ) as scene:
        web = Web()
        with web.serving(scene.namespace, WEB, contexts):
            yield Internet(scene, web)


def test_a_policy_is_enforced_and_kept(internet: Internet) -> None:
    internet.publish("enforced", policy("enforce", "mx.enforced.test"))
    assert "MTA-STS" in internet.passes("enforced", "enforced")
    internet.publish("enforced", policy("enforce", "mx.elsewhere.test"))  # the id is the same
    internet.passes("enforced", "enforced again")
    assert internet.asked("enforced") == 1


def test_a_star_stands_for_one_label(internet: Internet) -> None:
    internet.publish("star", policy("enforce", "*.star.test"))
    assert "MTA-STS" in internet.passes("star", "star")


def test_a_mail_host_without_tls(internet: Internet) -> None:
    internet.publish(NO_TLS, policy("enforce", f"mx.{NO_TLS}.test"))
    assert "does not offer TLS" in internet.waits(NO_TLS, "no tls")


def test_what_is_only_tested_is_delivered(internet: Internet) -> None:
    internet.publish("testing", policy("testing", "mx.elsewhere.test"))
    internet.passes("testing", "testing")
    assert internet.asked("testing") == 1


def test_a_policy_of_none(internet: Internet) -> None:
    internet.publish("none", policy("none"))
    assert "MTA-STS" not in internet.passes("none", "none")
    assert internet.asked("none") == 1


def test_what_is_published_later(internet: Internet) -> None:
    """A policy holds until there is another one that can be fetched, or until it expires, and not only while it is published."""
    for name in ("gone", "kept", "changed"):
        internet.publish(name, policy("enforce", "mx.elsewhere.test"))
        assert "not among the mail hosts in the MTA-STS policy" in internet.waits(name, name)
    internet.publish(NOT_NAMED, policy("enforce", f"mx.{NOT_NAMED}.test"))
    assert "its certificate is for another name" in internet.waits(NOT_NAMED, NOT_NAMED)

    internet.publish("gone", None, None)
    internet.publish("kept", None, "2")
    internet.publish("changed", policy("enforce", "mx.changed.test"), "2")
    internet.publish(NOT_NAMED, policy("testing", f"mx.{NOT_NAMED}.test"), "2")
    scene = internet.scene
    failed = scene.correo.await_log("MTA-STS policy not fetched", domain="kept.test")
    assert "answers with status 404" in failed["reason"]
    scene.at_peer(scene.postfix, "changed")
    assert "MTA-STS" in scene.correo.cli("trace", "user@changed.test").out
    scene.at_peer(scene.postfix, NOT_NAMED)
    assert "MTA-STS in testing failed" in scene.correo.cli("trace", f"user@{NOT_NAMED}.test").out

    for name, asked in (("gone", 1), ("kept", 2), ("changed", 2), (NOT_NAMED, 2)):
        assert internet.asked(name) == asked, name
    before = {name: internet.deferrals(name) for name in ("gone", "kept")}
    for name, count in before.items():
        eventually(lambda name=name, count=count: internet.deferrals(name) > count, "one more try")  # type: ignore[misc]
        assert scene.correo.await_log("deferred", to=f"user@{name}.test")["status"].startswith("451 4.7.5 ")


def test_a_web_server_that_nobody_vouches_for(internet: Internet) -> None:
    internet.publish(OTHER_WEB, policy("enforce", "mx.elsewhere.test"))
    assert "MTA-STS" not in internet.passes(OTHER_WEB, "other web")
    failed = internet.scene.correo.await_log("MTA-STS policy not fetched", domain=f"{OTHER_WEB}.test")
    assert "CERTIFICATE_VERIFY_FAILED" in failed["reason"]
    assert internet.asked(OTHER_WEB) == 0


def test_without_a_record_nobody_asks_for_a_policy(internet: Internet) -> None:
    internet.publish("absent", policy("enforce", "mx.elsewhere.test"), None)
    assert "MTA-STS" not in internet.passes("absent", "absent")
    assert internet.asked("absent") == 0
