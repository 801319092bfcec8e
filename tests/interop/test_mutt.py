"""mutt, as a person uses it: in a terminal, by keys."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from imap_tools import MailMessageFlags
from tests.interop.devices import plainly, tree
from tests.interop.programs import eventually, path_of, run
from tests.interop.serving import ALICE, BOB, PASSWORD, Correo, body, letter, subject

PROGRAMS = ("mutt", "tmux")

RC = """
set folder = "imap{s}://localhost:{imap}/"
set spoolfile = "+INBOX"
set imap_user = "{user}"
set imap_pass = "{password}"
set imap_authenticators = "{imap_mechanism}"
set smtp_url = "smtp://{user}@localhost:{smtp}/"
set smtp_pass = "{password}"
set smtp_authenticators = "{smtp_mechanism}"
set from = "{user}"
set realname = "Alice"
set record = "+Sent"
set certificate_file = "{authority}"
set ssl_starttls = yes
set ssl_force_tls = yes
set ssl_verify_host = no
set header_cache = ""
set sleep_time = 0
set mail_check = 1
set timeout = 1
set imap_keepalive = 10
set imap_idle = yes
set confirmappend = no
set confirmcreate = no
set delete = yes
set quit = yes
set move = no
set mark_old = no
set editor = "true"
set wait_key = no
"""


def configure(
    correo: Correo,
    authority: Path,
    home: Path,
    *,
    tls: str = "starttls",
    imap: str = "login",
    smtp: str = "plain",
) -> Path:
    path = home / "muttrc"
    path.write_text(
        RC.format(
            s="s" if tls == "implicit" else "",
            imap=correo.port("imap", tls),
            smtp=correo.port("submission"),
            user=ALICE,
            password=PASSWORD,
            imap_mechanism=imap,
            smtp_mechanism=smtp,
            authority=authority,
        )
    )
    return path


class Terminal:
    """mutt in a tmux of its own."""

    def __init__(self, rc: Path, home: Path) -> None:
        self._home = home
        self._tmux = [path_of("tmux"), "-S", str(home / "tmux"), "-f", "/dev/null"]
        self._call("new-session", "-d", "-x", "120", "-y", "40", path_of("mutt"), "-n", "-F", str(rc))

    def press(self, *keys: str) -> None:
        self._call("send-keys", *keys)

    def type(self, text: str) -> None:
        self._call("send-keys", "-l", text)

    def screen(self) -> str:
        return self._call("capture-pane", "-p")

    def shows(self, text: str) -> None:
        """Wait until it does."""
        try:
            eventually(lambda: text in self.screen(), f"{text!r} on the screen")
        except AssertionError as missing:
            raise AssertionError(f"{missing}; it shows\n{self.screen()}") from None

    def running(self) -> bool:
        return subprocess.run([*self._tmux, "has-session"], capture_output=True, check=False).returncode == 0

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, check=False)

    def _call(self, *words: str) -> str:
        environment = {**os.environ, "HOME": str(self._home), "LANG": "C.UTF-8", "TERM": "xterm"}
        done = subprocess.run(
            [*self._tmux, *words], capture_output=True, text=True, env=environment, check=True, timeout=10
        )
        return done.stdout


@pytest.fixture
def terminal(correo: Correo, authority: Path, home: Path) -> Iterator[Terminal]:
    correo.deliver(letter("first letter", "the first text"), letter("second letter"), letter("third letter"))
    terminal = Terminal(configure(correo, authority, home), home)
    try:
        yield terminal
    finally:
        terminal.close()


def test_read_delete_save_and_leave(correo: Correo, terminal: Terminal) -> None:
    terminal.shows("third letter")
    terminal.press("1", "Enter", "Enter")
    terminal.shows("the first text")
    terminal.press("q")
    terminal.shows("second letter")
    terminal.press("2", "Enter", "d")
    terminal.press("3", "Enter", "s")
    terminal.shows("Save to mailbox")
    terminal.press("C-u")
    terminal.type("=Kept")
    terminal.press("Enter")
    terminal.shows("Del:2")
    terminal.press("q")
    eventually(lambda: not terminal.running(), "the end of mutt")
    assert [subject(message) for message in correo.messages()] == ["first letter"]
    assert [subject(message) for message in correo.messages(ALICE, "Kept")] == ["third letter"]


def test_new_mail_shows_up(correo: Correo, terminal: Terminal) -> None:
    terminal.shows("third letter")
    correo.deliver(letter("fourth letter"))
    terminal.shows("fourth letter")
    terminal.press("x")
    eventually(lambda: not terminal.running(), "the end of mutt")


def test_flags_and_moves_by_tags(correo: Correo, terminal: Terminal) -> None:
    terminal.shows("third letter")
    terminal.press("1", "Enter", "F")
    terminal.press("2", "Enter", "t")
    terminal.press("3", "Enter", "t", r"\;", "s")  # tmux takes a bare semicolon for itself
    terminal.shows("Save tagged to mailbox")
    terminal.press("C-u")
    terminal.type("=Réunion/été")
    terminal.press("Enter")
    terminal.shows("Del:2")
    terminal.press("$")
    terminal.shows("Msgs:1 ")
    assert tree(correo)["INBOX"] == [("first letter", "F")]
    assert [name for name, _ in tree(correo)["Réunion/été"]] == ["second letter", "third letter"]
    terminal.press("c")
    terminal.type("=Réunion/été")
    terminal.press("Enter")
    terminal.shows("second letter")
    terminal.press("1", "Enter", "Enter")
    terminal.shows("One line.")
    terminal.press("q", "2", "Enter", "d", "u", "F", "q")
    eventually(lambda: not terminal.running(), "the end of mutt")
    assert tree(correo)["Réunion/été"] == [("second letter", "S"), ("third letter", "F")]


def test_the_server_searches(correo: Correo, terminal: Terminal) -> None:
    terminal.shows("third letter")
    terminal.press("l")
    terminal.shows("Limit to messages matching")
    terminal.type("=b first")
    terminal.press("Enter")
    terminal.shows("Msgs:1/3")
    assert "second letter" not in terminal.screen()
    terminal.press("q")
    eventually(lambda: not terminal.running(), "the end of mutt")
    assert tree(correo)["INBOX"] == [("first letter", ""), ("second letter", ""), ("third letter", "")]


def test_what_others_do_shows_up(correo: Correo, terminal: Terminal) -> None:
    terminal.shows("third letter")
    with plainly(correo) as box:
        box.move("2", "Archive")
        box.flag("1", MailMessageFlags.FLAGGED, True)
    correo.deliver(letter("fourth letter"))
    terminal.shows("fourth letter")
    eventually(lambda: "second letter" not in terminal.screen(), "the end of the second letter on the screen")
    eventually(lambda: re.search(r"!.*first letter", terminal.screen()), "a flag on the first letter")
    terminal.press("3", "Enter", "d", "q")
    eventually(lambda: not terminal.running(), "the end of mutt")
    assert tree(correo)["INBOX"] == [("first letter", "F"), ("third letter", "")]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-256"])
def test_sending_from_the_command_line(
    correo: Correo, authority: Path, home: Path, mechanism: str, tls: str
) -> None:
    rc = configure(correo, authority, home, tls=tls, imap=mechanism, smtp=mechanism)
    run("mutt", "-n", "-F", rc, "-s", "Grüße", "--", BOB, stdin="Schöne Grüße\n", home=home)
    for address, folder in ((BOB, "INBOX"), (ALICE, "Sent")):
        (message,) = correo.messages(address, folder)
        assert subject(message) == "Grüße"
        assert body(message) == "Schöne Grüße\n"


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_mailbox_by_pop3(correo: Correo, authority: Path, home: Path, tls: str) -> None:
    correo.deliver(letter("first letter", "the first text"), letter("second letter", ".\r\n..dots\r\n"))
    rc = configure(correo, authority, home)
    with rc.open("a") as file:
        scheme = "pops" if tls == "implicit" else "pop"
        file.write(f'set spoolfile = "{scheme}://{ALICE}@localhost:{correo.port("pop3", tls)}/"\n')
        file.write(f'set pop_pass = "{PASSWORD}"\nset message_cachedir = ""\n')
    terminal = Terminal(rc, home)
    try:
        terminal.shows("second letter")
        terminal.press("1", "Enter", "Enter")
        terminal.shows("the first text")
        terminal.press("d")
        terminal.shows("..dots")  # the next one
        terminal.press("q")
        terminal.shows("Del:1")
        terminal.press("q")
        eventually(lambda: not terminal.running(), "the end of mutt")
    finally:
        terminal.close()
    assert [subject(message) for message in correo.messages()] == ["second letter"]
