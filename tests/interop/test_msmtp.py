"""msmtp: submission with TLS and each way to log in that it shares with the server."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.interop.programs import Result, run
from tests.interop.serving import ALICE, BOB, PASSWORD, Correo, letter, subject

PROGRAMS = ("msmtp",)
NO_LOGIN, UNAVAILABLE, REFUSED = 77, 69, 65  # sysexits(3)

RC = """
defaults
host localhost
port {port}
from {sender}
user {user}
passwordeval "printf %s '{password}'"
auth {auth}
tls on
tls_starttls {starttls}
tls_trust_file {authority}
account default
"""


class Msmtp:
    """Runs msmtp as alice against the submission port."""

    def __init__(self, correo: Correo, authority: Path, home: Path) -> None:
        self._correo = correo
        self._authority = authority
        self._home = home

    def __call__(
        self,
        *recipients: str,
        tls: str = "starttls",
        auth: str = "on",
        password: str = PASSWORD,
        sender: str = ALICE,
        text: bytes = letter("by msmtp"),
        code: int = 0,
    ) -> Result:
        __tracebackhide__ = True
        rc = self._home / "msmtprc"
        rc.write_text(
            RC.format(
                port=self._correo.port("submission", tls),
                sender=sender,
                user=ALICE,
                password=password,
                auth=auth,
                starttls="on" if tls == "starttls" else "off",
                authority=self._authority,
            )
        )
        rc.chmod(0o600)
        return run("msmtp", "-C", rc, "--", *recipients, stdin=text, home=self._home, code=code)


@pytest.fixture
def msmtp(correo: Correo, authority: Path, home: Path) -> Msmtp:
    return Msmtp(correo, authority, home)


@pytest.mark.parametrize("auth", ["on", "plain", "login", "scram-sha-256"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_submission(correo: Correo, msmtp: Msmtp, tls: str, auth: str) -> None:
    msmtp(BOB, ALICE, tls=tls, auth=auth)
    assert [[subject(message) for message in correo.messages(address)] for address in (ALICE, BOB)] == [
        ["by msmtp"]
    ] * 2


def test_text_arrives_octet_for_octet(correo: Correo, msmtp: Msmtp) -> None:
    body = ".\n..\nFrom the start\n" + "grüße \t \n" * 5000 + ".end"
    msmtp(BOB, text=letter("dots", body).replace(b"\r\n", b"\n"))
    (message,) = correo.messages(BOB)
    assert message.partition(b"\r\n\r\n")[2].decode() == body.replace("\n", "\r\n") + "\r\n"


@pytest.mark.parametrize("auth", ["plain", "login", "scram-sha-256"])
def test_a_wrong_password_is_refused(msmtp: Msmtp, auth: str) -> None:
    assert "535" in msmtp(BOB, auth=auth, password="wrong", code=NO_LOGIN).err


def test_an_unknown_recipient_is_named(correo: Correo, msmtp: Msmtp) -> None:
    said = msmtp(BOB, "nobody@correo.test", code=REFUSED).err
    assert "nobody@correo.test" in said
    assert "550 5.1.1" in said
    assert correo.messages(BOB) == []


def test_sending_as_somebody_else_is_refused(msmtp: Msmtp) -> None:
    assert "553 5.7.1" in msmtp(BOB, sender=BOB, code=REFUSED).err
