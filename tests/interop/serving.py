"""A real `correo serve`: a process of its own with a configuration, a certificate and two people, on free ports of loopback."""

from __future__ import annotations

import email
import email.policy
import imaplib
import json
import os
import shutil
import signal
import smtplib
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from tests.interop.programs import Result, run

HOST = "127.0.0.1"
NAME = "mail.correo.test"
ALICE, BOB = "alice@correo.test", "bob@other.test"
PASSWORD = "s3cret-Passw0rd"
UNPRIVILEGED = 65534  # nobody, nogroup
DATE = "Mon, 23 Nov 2026 09:53:00 +0100"
# Seconds, of which a machine with nothing else to do needs one or two.
STARTING = 60.0  # until the ready line
STOPPING = 40.0  # from SIGTERM to the end
PATIENCE = 60.0  # for a line of the log, or an answer
SHOWN = 40  # lines of the log in the message of an assertion

Entry = dict[str, Any]

CONFIG = """
hostname = "{name}"
data_dir = "data"
[tls]
certificate = "certificate.pem"
key = "key.pem"
[auth]
allow_plaintext = {plaintext}
[dns]
servers = {dns}
[transport]
ipv6 = false
{transport}
[queue]
retry = ["1s"]
[limits]
drain = "5s"
[log]
format = "json"
level = "info"
"""
LISTENER = """
[[listener]]
protocol = "{protocol}"
address = "{address}"
tls = "{tls}"
"""
LISTENERS = (
    ("smtp", "starttls"),
    ("submission", "starttls"),
    ("submission", "implicit"),
    ("lmtp", "none"),
    ("pop3", "starttls"),
    ("pop3", "implicit"),
    ("imap", "starttls"),
    ("imap", "implicit"),
)


def unprivileged() -> list[str]:
    """What comes before a command so that root does not run it: as a service manager would, with the right to low ports.

    The right to read everything is for a checkout or temporary folder that only root may enter.
    """
    if os.geteuid() != 0:
        return []
    rights = "+net_bind_service,+dac_read_search"
    user = [f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups"]
    return ["setpriv", *user, f"--inh-caps={rights}", f"--ambient-caps={rights}"]


def give_away(folder: Path) -> None:
    """Make the unprivileged user the owner, where we are root."""
    if os.geteuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, UNPRIVILEGED, UNPRIVILEGED)


@dataclass(frozen=True, slots=True)
class Listening:
    protocol: str
    tls: str
    port: int


class Correo:
    """One server in `folder`. `start`, then `port`, then `stop`, which asserts that all went well."""

    def __init__(self, folder: Path, *, prefix: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.config = folder / "correo.toml"
        self.log: list[Entry] = []
        self._prefix = [*prefix, *unprivileged()]
        self._grown = threading.Condition()
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    def configure(
        self,
        *,
        plaintext: bool = True,
        dns: str = '["127.0.0.1:9"]',
        listeners: tuple[tuple[str, str], ...] = LISTENERS,
        ports: dict[str, int] | None = None,
        transport: str = "",
    ) -> None:
        """Write the configuration; `plaintext` lets passwords pass without TLS, ``ports` are those that must not be just any.

        `transport` are more lines of its section. Nobody answers questions for names unless `dns` says who.
        """
        text = CONFIG.format(name=NAME, plaintext=str(plaintext).lower(), dns=dns, transport=transport)
        for protocol, tls in listeners:
            address = f"{HOST}:{(ports or {}).get(protocol, 0)}"
            text += LISTENER.format(protocol=protocol, tls=tls, address=address)
        self.config.write_text(text)

    def cli(self, *arguments: str, stdin: str = "", code: int | None = 0) -> Result:
        """The `correo` command on this server's configuration."""
        command = [str(Path(sys.executable).parent / "correo"), "--config", str(self.config), *arguments]
        return run(command[0], *command[1:], stdin=stdin, prefix=tuple(self._prefix), code=code)

    def populate(self) -> None:
        """Two people in two domains."""
        for address in (ALICE, BOB):
            self.cli("domain", "add", address.partition("@")[2])
            self.cli("account", "add", address, "--password-file", "-", stdin=PASSWORD + "\n")

    def start(self) -> None:
        self.log.clear()
        command = [str(Path(sys.executable).parent / "correo"), "--config", str(self.config), "serve"]
        self._process = subprocess.Popen(
            [*self._prefix, *command], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.folder
        )
        self._reader = threading.Thread(target=self._read_log, args=(self._process,), daemon=True)
        self._reader.start()
        self.await_log("ready", seconds=STARTING)

    def port(self, protocol: str, tls: str = "starttls") -> int:
        for entry in self.log:
            if (entry["event"], entry.get("protocol"), entry.get("tls")) == ("listening", protocol, tls):
                return int(str(entry["address"]).rpartition(":")[2])
        raise AssertionError(f"nothing listens for {protocol} with tls={tls}")

    def await_log(self, event: str, *, seconds: float = PATIENCE, **facts: Any) -> Entry:
        """The first line of the log with this event and these facts, as soon as it is there."""
        end = time.monotonic() + seconds
        with self._grown:
            while True:
                for entry in self.log:
                    if entry["event"] == event and all(
                        entry.get(key) == value for key, value in facts.items()
                    ):
                        return entry
                late = time.monotonic() > end or self._reader is None or not self._reader.is_alive()
                assert not late, f"no line {event!r} {facts}:\n{self.shown()}"
                self._grown.wait(0.2)

    def stop(self) -> None:
        """SIGTERM; then the end must be clean, nothing may have gone wrong inside, and every message be accounted for."""
        process, reader = self._process, self._reader
        if process is None or reader is None:
            return
        self._process = None
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(
                f"correo did not stop within {STOPPING} s of SIGTERM:\n{self.shown()}"
            ) from None
        reader.join(STOPPING)
        assert code == 0, f"correo ended with {code}:\n{self.shown()}"
        faults = [entry for entry in self.log if entry.get("level") in ("error", "critical", None)]
        assert not faults, f"the log tells of faults:\n{self.shown()}"
        balance = json.loads(self.cli("ledger", "--json").out)
        assert balance["difference"] == 0, f"the ledger does not balance: {balance}"

    def kill(self) -> None:
        """End without ado, for a test that has failed already."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def deliver(self, *texts: bytes, recipient: str = ALICE, sender: str = "carol@far.example") -> None:
        """Messages as another server would bring them."""
        with smtplib.SMTP(HOST, self.port("smtp"), timeout=PATIENCE) as smtp:
            for text in texts:
                smtp.sendmail(sender, [recipient], text)

    def messages(self, address: str = ALICE, folder: str = "INBOX", wanted: str = "ALL") -> list[bytes]:
        """The messages of a folder that a search finds, read by Python's IMAP client."""
        with imaplib.IMAP4(HOST, self.port("imap"), timeout=PATIENCE) as imap:
            imap.authenticate("PLAIN", lambda _: f"\0{address}\0{PASSWORD}".encode())
            status, answer = imap.select(folder, readonly=True)
            assert status == "OK", answer
            _, found = imap.search(None, wanted)
            return [_body(imap, number) for number in found[0].split()]

    def shown(self) -> str:
        """The log as text, for the message of an assertion."""
        shown = [entry for entry in self.log if entry["event"] != "listening"][-SHOWN:]
        return "\n".join(json.dumps(entry).replace("\\n", "\n") for entry in shown)

    def _read_log(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with process.stderr as pipe:
            for line in pipe:
                try:
                    entry = json.loads(line)
                except (
                    ValueError
                ):  # what is not a line of the log is a fault, and counts as one: it has no level
                    entry = {"event": line.decode("utf-8", "replace").rstrip()}
                with self._grown:
                    self.log.append(entry)
                    self._grown.notify_all()
        with self._grown:
            self._grown.notify_all()


def _body(imap: imaplib.IMAP4, number: bytes) -> bytes:
    _, data = imap.fetch(number.decode(), "(BODY.PEEK[])")
    assert isinstance(data[0], tuple)
    return data[0][1]


def letter(subject: str, body: str = "One line.") -> bytes:
    """A small message."""
    fields = (
        "From: Carol <carol@far.example>",
        f"To: {ALICE}",
        f"Subject: {subject}",
        f"Date: {DATE}",
        f"Message-ID: <{zlib.crc32(f'{subject} {body}'.encode()):x}@far.example>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    )
    return "\r\n".join([*fields, "", body, ""]).encode()


def subject(message: bytes) -> str:
    """The subject of a message."""
    return str(BytesHeaderParser(policy=email.policy.default).parsebytes(message)["Subject"])


def body(message: bytes) -> str:
    """The text of a message without attachments, in whatever charset and encoding it came; lines end with \\n."""
    content = email.message_from_bytes(message, policy=email.policy.default).get_content()
    return str(content).replace("\r\n", "\n")


def copied(template: Path, folder: Path) -> Path:
    """A fresh world in `folder`, like the one in `template`."""
    shutil.copytree(template, folder)
    give_away(folder)
    return folder


def running(template: Path, folder: Path, *, plaintext: bool = True) -> Iterator[Correo]:
    """For a fixture: a server like the one in `template`, judged at its end; `plaintext` as in `configure`."""
    server = Correo(copied(template, folder))
    server.configure(plaintext=plaintext)
    server.start()
    try:
        yield server
        server.stop()
    finally:
        server.kill()
