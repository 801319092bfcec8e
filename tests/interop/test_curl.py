"""curl: SMTP, POP3 and IMAP, one command a run, in the clear, after STARTTLS and under TLS from the start."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.interop.programs import Result, run
from tests.interop.serving import ALICE, BOB, PASSWORD, Correo, letter, subject

PROGRAMS = ("curl",)
WAYS = pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
NO_LOGIN, RECIPIENT_REFUSED = 67, 55  # curl(1), EXIT CODES


class Curl:
    """Runs curl against one listener."""

    def __init__(self, correo: Correo, authority: Path, home: Path, protocol: str, tls: str) -> None:
        implicit = tls == "implicit"
        scheme = {"submission": "smtp"}.get(protocol, protocol) + ("s" if implicit else "")
        self._base = f"{scheme}://localhost:{correo.port(protocol, 'implicit' if implicit else 'starttls')}"
        self._words = ["--silent", "--show-error", "--max-time", "20", "--cacert", str(authority)]
        if tls == "starttls":
            self._words.append("--ssl-reqd")
        self._home = home

    def __call__(self, path: str = "/", *arguments: str, user: str = ALICE, code: int = 0) -> Result:
        __tracebackhide__ = True
        login = ["--user", f"{user}:{PASSWORD}"] if user else []
        return run("curl", *self._words, *login, *arguments, self._base + path, home=self._home, code=code)


@pytest.fixture
def upload(home: Path) -> str:
    """A file with a message, to be sent or appended."""
    (home / "letter").write_bytes(letter("by curl"))
    return str(home / "letter")


def lines(result: Result) -> list[str]:
    return result.out.splitlines()


@WAYS
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_smtp(correo: Correo, authority: Path, home: Path, upload: str, tls: str, mechanism: str) -> None:
    curl = Curl(correo, authority, home, "submission", tls)
    addresses = ["--mail-from", ALICE, "--mail-rcpt", BOB, "--mail-rcpt", ALICE]
    curl("/client.test", "--login-options", f"AUTH={mechanism}", *addresses, "--upload-file", upload)
    for address in (ALICE, BOB):
        (message,) = correo.messages(address)
        assert message.endswith(b"\r\n\r\nOne line.\r\n")


def test_smtp_without_login_is_for_local_people(
    correo: Correo, authority: Path, home: Path, upload: str
) -> None:
    curl = Curl(correo, authority, home, "smtp", "starttls")
    sender = ["--mail-from", "carol@far.example", "--upload-file", upload]
    curl("/far.example", *sender, "--mail-rcpt", BOB, user="")
    curl("/far.example", *sender, "--mail-rcpt", "dave@elsewhere.example", user="", code=RECIPIENT_REFUSED)
    assert len(correo.messages(BOB)) == 1


@WAYS
def test_pop3(correo: Correo, authority: Path, home: Path, tls: str) -> None:
    correo.deliver(letter("first"), letter("second"), letter("third"))
    curl = Curl(correo, authority, home, "pop3", tls)
    assert [line.split()[0] for line in lines(curl())] == ["1", "2", "3"]
    assert len({line.split()[1] for line in lines(curl("/", "--request", "UIDL"))}) == 3
    assert "Subject: second" in lines(curl("/2"))
    assert "One line." not in lines(curl("/", "--request", "TOP 1 0"))
    curl("/2", "--request", "DELE", "--head")
    assert [subject(message) for message in correo.messages()] == ["first", "third"]


@WAYS
def test_imap(correo: Correo, authority: Path, home: Path, upload: str, tls: str) -> None:
    curl = Curl(correo, authority, home, "imap", tls)
    curl("/INBOX", "--upload-file", upload)
    assert lines(curl("/INBOX;MAILINDEX=1")) == letter("by curl").decode().splitlines()
    assert "Subject: by curl" in lines(curl("/INBOX;UID=1;SECTION=HEADER.FIELDS%20(SUBJECT)"))
    assert lines(curl("/INBOX;UID=1;SECTION=TEXT")) == ["One line."]
    assert lines(curl("/INBOX?SUBJECT%20curl")) == ["* SEARCH 1"]
    assert lines(curl("/INBOX?SUBJECT%20absent")) == ["* SEARCH"]
    names = {line.rpartition(" ")[2].strip('"') for line in lines(curl())}
    assert names == {"INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive"}


def test_imap_commands_of_ones_own(correo: Correo, authority: Path, home: Path) -> None:
    correo.deliver(letter("first"), letter("second"), letter("third"))
    curl = Curl(correo, authority, home, "imap", "implicit")
    curl("/", "--request", "CREATE Letters/2026")
    curl("/INBOX", "--request", "COPY 2 Letters/2026")
    assert [subject(message) for message in correo.messages(ALICE, "Letters/2026")] == ["second"]
    assert len(lines(curl("/INBOX", "--request", r"STORE 1:2 +FLAGS (\Deleted)"))) == 2
    assert len(lines(curl("/INBOX", "--request", "EXPUNGE"))) == 2
    assert [subject(message) for message in correo.messages()] == ["third"]


@pytest.mark.parametrize("protocol", ["submission", "pop3", "imap"])
def test_an_unknown_user_is_refused(correo: Correo, authority: Path, home: Path, protocol: str) -> None:
    Curl(correo, authority, home, protocol, "starttls")(user="mallory@correo.test", code=NO_LOGIN)


@pytest.mark.parametrize("protocol", ["pop3", "imap"])
def test_no_password_passes_without_tls(strict: Correo, authority: Path, home: Path, protocol: str) -> None:
    Curl(strict, authority, home, protocol, "starttls")()
    Curl(strict, authority, home, protocol, "none")(code=NO_LOGIN)
