"""curl: SMTP, POP3 and IMAP, one command a run, in the clear, after STARTTLS and under TLS from the start."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.interop.devices import plainly
from tests.interop.programs import Result, run
from tests.interop.serving import ALICE, BOB, PASSWORD, Correo, letter, subject

PROGRAMS = ("curl",)
WAYS = pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
NO_LOGIN, RECIPIENT_REFUSED, REMOTE_FILE_NOT_FOUND = 67, 55, 78  # curl(1), EXIT CODES
QUOTE_REFUSED, NO_LITERAL = 21, 8
UNION = "R&AOk-union/&U,BTFw-"  # Réunion/台北

REPORT = """\
From: carol@far.example
Subject: report
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße
--b
Content-Type: text/csv; name=a.csv
Content-Disposition: attachment; filename=a.csv
Content-Transfer-Encoding: base64

YSxiCg==
--b--
""".replace("\n", "\r\n").encode()


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
    assert names == {"INBOX", "Drafts", "Sent", "Trash", "Junk", "Archive", "Outbox"}


def test_imap_commands_of_ones_own(correo: Correo, authority: Path, home: Path) -> None:
    correo.deliver(letter("first"), letter("second"), letter("third"))
    curl = Curl(correo, authority, home, "imap", "implicit")
    curl("/", "--request", "CREATE Letters/2026")
    curl("/INBOX", "--request", "COPY 2 Letters/2026")
    assert [subject(message) for message in correo.messages(ALICE, "Letters/2026")] == ["second"]
    assert len(lines(curl("/INBOX", "--request", r"STORE 1:2 +FLAGS (\Deleted)"))) == 2
    assert len(lines(curl("/INBOX", "--request", "EXPUNGE"))) == 2
    assert [subject(message) for message in correo.messages()] == ["third"]


@WAYS
def test_imap_parts_searches_and_flags(correo: Correo, authority: Path, home: Path, tls: str) -> None:
    (home / "report").write_bytes(REPORT)
    curl = Curl(correo, authority, home, "imap", tls)
    curl("/", "--request", f"CREATE {UNION}")
    there = "/R&AOk-union/&U%2CBTFw-"
    curl(there, "--upload-file", str(home / "report"))
    assert lines(curl(there + ";MAILINDEX=1;SECTION=1")) == ["Grüße"]
    assert lines(curl(there + ";UID=1;SECTION=2.MIME"))[0] == "Content-Type: text/csv; name=a.csv"
    assert curl(there + ";UID=1;SECTION=2").out == "YSxiCg=="
    assert curl(there + ";UID=1;SECTION=1;PARTIAL=0.2").out == "Gr"
    assert lines(curl(there + "?BODY%20a.csv%20HEADER%20Subject%20repo")) == ["* SEARCH 1"]
    curl(there + "?BODY%20gr%C3%BC", code=QUOTE_REFUSED)  # bare octets, and no charset told
    assert lines(curl(there + "?FROM%20carol%20LARGER%20100%20UNSEEN")) == ["* SEARCH"]  # fetched, so seen
    assert lines(curl(there, "--request", r"STORE 1 FLAGS (\Flagged $Work)"))[0].startswith(
        "* 1 FETCH (FLAGS ("
    )
    assert lines(curl(there + "?FLAGGED%20KEYWORD%20$Work%20UNSEEN")) == ["* SEARCH 1"]
    assert "BODYSTRUCTURE" in lines(curl(there, "--request", "FETCH 1 BODYSTRUCTURE"))[0]
    assert lines(curl("/", "--request", 'LIST "" "R*/%"'))[0].endswith(UNION)
    assert lines(curl("/", "--request", f'STATUS "{UNION}" (MESSAGES UNSEEN)')) == [
        f"* STATUS {UNION} (MESSAGES 1 UNSEEN 1)"
    ]
    with plainly(correo) as box:
        box.folder.set("Réunion/台北")
        (message,) = box.fetch(mark_seen=False)
        assert set(message.flags) == {"\\Flagged", "$Work"}
        assert [(file.filename, file.payload) for file in message.attachments] == [("a.csv", b"a,b\n")]
    curl("/", "--request", f'RENAME "{UNION}" Kept')
    curl("/Kept;UID=1;SECTION=9", code=NO_LITERAL)  # NIL: there is no such part
    curl("/Kept;UID=7", code=REMOTE_FILE_NOT_FOUND)
    curl("/Kept;UIDVALIDITY=1;UID=1", code=REMOTE_FILE_NOT_FOUND)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_imap_mechanisms(correo: Correo, authority: Path, home: Path, mechanism: str) -> None:
    correo.deliver(letter("first"))
    curl = Curl(correo, authority, home, "imap", "starttls")
    option = f"AUTH={mechanism}"
    assert "Subject: first" in lines(curl("/INBOX;UID=1", "--login-options", option))
    assert "Subject: first" in lines(curl("/INBOX;UID=1", "--login-options", option, "--sasl-ir"))


@pytest.mark.parametrize("protocol", ["submission", "pop3", "imap"])
def test_an_unknown_user_is_refused(correo: Correo, authority: Path, home: Path, protocol: str) -> None:
    Curl(correo, authority, home, protocol, "starttls")(user="mallory@correo.test", code=NO_LOGIN)


@pytest.mark.parametrize("protocol", ["pop3", "imap"])
def test_no_password_passes_without_tls(strict: Correo, authority: Path, home: Path, protocol: str) -> None:
    Curl(strict, authority, home, protocol, "starttls")()
    Curl(strict, authority, home, protocol, "none")(code=NO_LOGIN)
