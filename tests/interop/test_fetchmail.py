"""fetchmail: POP3 and IMAP, keeping and not keeping, and on to another mailbox by LMTP."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.interop import programs
from tests.interop.devices import plainly, tree
from tests.interop.programs import Result, eventually, run
from tests.interop.serving import ALICE, BOB, HOST, PASSWORD, Correo, letter, subject

PROGRAMS = ("fetchmail",)
SOME, NONE, NO_LOGIN = 0, 1, 3  # fetchmail(1), EXIT CODES

RC = """
poll localhost service {port} protocol {protocol} auth password {uidl}
  user "{user}" password "{password}"
  {tls} sslcertck sslcertfile "{authority}"
  {source} {keep} {options}
"""
TLS = {"starttls": "sslproto TLS1.2+", "implicit": "ssl"}


class Fetchmail:
    """Runs fetchmail as alice; what it fetches goes into one file."""

    def __init__(self, correo: Correo, authority: Path, home: Path) -> None:
        self._correo = correo
        self._authority = authority
        self.home = home
        self.mail = home / "mail"
        self.mail.touch()

    def __call__(
        self,
        protocol: str,
        *,
        keep: bool,
        tls: str = "starttls",
        password: str = PASSWORD,
        options: str = "",
        source: str = "",
        code: int = SOME,
    ) -> Result:
        __tracebackhide__ = True
        words = self._configured(protocol, keep, tls, password, options, source)
        return run("fetchmail", *words, "--verbose", home=self.home, code=code)

    @contextmanager
    def staying(self, protocol: str, *, keep: bool) -> Iterator[None]:
        """fetchmail that waits for more, by IDLE; at the end it is told to stop."""
        words = self._configured(protocol, keep, "starttls", PASSWORD, "", "idle")
        with (self.home / "log").open("wb") as log:
            environment = {"HOME": str(self.home), "LANG": "C.UTF-8", "PATH": programs.SEARCH}
            process = subprocess.Popen(
                [programs.path_of("fetchmail"), *words, "--verbose"], stdout=log, stderr=log, env=environment
            )
            try:
                yield
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        assert b"IDLE" in (self.home / "log").read_bytes()

    def _configured(
        self, protocol: str, keep: bool, tls: str, password: str, options: str, source: str
    ) -> list[str]:
        rc = self.home / "fetchmailrc"
        rc.write_text(
            RC.format(
                port=self._correo.port(protocol, tls),
                protocol=protocol,
                uidl="uidl" if protocol == "pop3" else "",
                user=ALICE,
                password=password,
                tls=TLS[tls],
                authority=self._authority,
                source=source,
                keep="keep" if keep else "no keep",
                options=options or f'mda "cat >> {self.mail}"',
            )
        )
        rc.chmod(0o600)
        return ["--fetchmailrc", str(rc), "--nodetach", "--nosyslog", "--pidfile", str(self.home / "pid")]

    def subjects(self) -> list[str]:
        lines = self.mail.read_text().splitlines()
        return [line.partition(": ")[2] for line in lines if line.startswith("Subject: ")]


@pytest.fixture
def fetchmail(correo: Correo, authority: Path, home: Path) -> Fetchmail:
    return Fetchmail(correo, authority, home)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("protocol", ["pop3", "imap"])
def test_everything_is_fetched_and_deleted(
    correo: Correo, fetchmail: Fetchmail, protocol: str, tls: str
) -> None:
    correo.deliver(letter("one"), letter("two"), letter("three"))
    fetchmail(protocol, keep=False, tls=tls)
    assert fetchmail.subjects() == ["one", "two", "three"]
    assert correo.messages() == []
    fetchmail(protocol, keep=False, tls=tls, code=NONE)


@pytest.mark.parametrize("protocol", ["pop3", "imap"])
def test_what_is_kept_is_fetched_once(correo: Correo, fetchmail: Fetchmail, protocol: str) -> None:
    correo.deliver(letter("one"), letter("two"))
    fetchmail(protocol, keep=True)
    fetchmail(protocol, keep=True, code=NONE)
    correo.deliver(letter("three"))
    fetchmail(protocol, keep=True)
    assert fetchmail.subjects() == ["one", "two", "three"]
    assert len(correo.messages()) == 3


def test_idle_fetches_what_comes(correo: Correo, fetchmail: Fetchmail) -> None:
    correo.deliver(letter("one"))
    with fetchmail.staying("imap", keep=False):
        eventually(lambda: fetchmail.subjects() == ["one"], "the first letter")
        for name in ("two", "three"):
            correo.deliver(letter(name))
            eventually(lambda name=name: name in fetchmail.subjects(), f"letter {name}")  # type: ignore[misc]
    assert fetchmail.subjects() == ["one", "two", "three"]
    eventually(lambda: correo.messages() == [], "an empty inbox")


def test_several_folders(correo: Correo, fetchmail: Fetchmail) -> None:
    correo.deliver(letter("one"))
    with plainly(correo) as box:
        box.append(letter("two"), "Archive")
        box.folder.create("Réunion/été")
        box.append(letter("three"), "Réunion/été")
        box.append(letter("seen"), "Archive", flag_set=["\\Seen"])
    every = 'folder "INBOX" "Archive" "R&AOk-union/&AOk-t&AOk-"'
    fetchmail("imap", keep=True, source=every)
    assert fetchmail.subjects() == ["one", "two", "three"]
    assert tree(correo)["Archive"] == [("seen", "S"), ("two", "S")]
    fetchmail("imap", keep=False, source=f"{every} fetchall expunge 1")
    assert fetchmail.subjects() == ["one", "two", "three", "one", "two", "seen", "three"]
    assert not any(tree(correo).values())


def test_from_one_mailbox_to_another_by_lmtp(correo: Correo, fetchmail: Fetchmail) -> None:
    correo.deliver(letter("one"), letter("two", ".\r\n..\r\nline\r\n."))
    port = correo.port("lmtp", "none")
    fetchmail("pop3", keep=False, options=f'lmtp smtphost "{HOST}/{port}" smtpname "{BOB}"')
    assert [subject(message) for message in correo.messages(BOB)] == ["one", "two"]
    assert correo.messages(BOB)[1].endswith(b"\r\n\r\n.\r\n..\r\nline\r\n.\r\n")
    assert correo.messages(ALICE) == []


@pytest.mark.parametrize("protocol", ["pop3", "imap"])
def test_a_wrong_password_is_refused(fetchmail: Fetchmail, protocol: str) -> None:
    fetchmail(protocol, keep=True, password="wrong", code=NO_LOGIN)
