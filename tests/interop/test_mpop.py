"""mpop: a POP3 client that pipelines and knows by UIDL what it has seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.interop.programs import Result, run
from tests.interop.serving import ALICE, PASSWORD, Correo, letter, subject

PROGRAMS = ("mpop",)
NO_LOGIN = 77  # sysexits(3)

RC = """
defaults
host localhost
port {port}
user {user}
passwordeval "printf %s '{password}'"
auth {auth}
tls on
tls_starttls {starttls}
tls_trust_file {authority}
uidls_file {home}/uidls
keep {keep}
delivery maildir {home}/mail
account default
"""


class Mpop:
    """Runs mpop as alice."""

    def __init__(self, correo: Correo, authority: Path, home: Path) -> None:
        self._correo = correo
        self._authority = authority
        self.home = home
        for name in ("new", "cur", "tmp"):
            (home / "mail" / name).mkdir(parents=True)

    def __call__(
        self, *, keep: bool, tls: str = "starttls", auth: str = "on", password: str = PASSWORD, code: int = 0
    ) -> Result:
        __tracebackhide__ = True
        rc = self.home / "mpoprc"
        rc.write_text(
            RC.format(
                port=self._correo.port("pop3", tls),
                user=ALICE,
                password=password,
                auth=auth,
                starttls="on" if tls == "starttls" else "off",
                authority=self._authority,
                home=self.home,
                keep="on" if keep else "off",
            )
        )
        rc.chmod(0o600)
        return run("mpop", "-C", rc, home=self.home, code=code)

    def subjects(self) -> list[str]:
        return sorted(subject(path.read_bytes()) for path in (self.home / "mail" / "new").iterdir())


@pytest.fixture
def mpop(correo: Correo, authority: Path, home: Path) -> Mpop:
    return Mpop(correo, authority, home)


@pytest.mark.parametrize("auth", ["user", "plain", "login", "scram-sha-256"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_everything_is_fetched_and_deleted(correo: Correo, mpop: Mpop, tls: str, auth: str) -> None:
    correo.deliver(*(letter(f"letter {number:02}") for number in range(20)))
    mpop(keep=False, tls=tls, auth=auth)
    assert mpop.subjects() == [f"letter {number:02}" for number in range(20)]
    assert correo.messages() == []


def test_what_is_kept_is_fetched_once(correo: Correo, mpop: Mpop) -> None:
    correo.deliver(letter("one"), letter("two"))
    mpop(keep=True)
    mpop(keep=True)
    correo.deliver(letter("three"))
    mpop(keep=True)
    assert mpop.subjects() == ["one", "three", "two"]
    assert len(correo.messages()) == 3


def test_a_wrong_password_is_refused(mpop: Mpop) -> None:
    mpop(keep=False, password="wrong", code=NO_LOGIN)
