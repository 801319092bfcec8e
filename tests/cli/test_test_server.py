"""`correo test-server` as a process of its own, as continuous integration starts it."""

from __future__ import annotations

import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import msgspec
import pytest

pytestmark = pytest.mark.slow

# Whoever started these tests so that they outlive his terminal has SIGHUP ignored, and so has then what they start.
END = signal.SIGTERM if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else signal.SIGHUP
COMMAND = [sys.executable, "-m", "correo", "test-server"]


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def ended(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
    """Exit status and errors after a signal."""
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


def test_it_tells_its_ports_serves_and_ends(tmp_path: Path) -> None:
    file = tmp_path / "mail.env"
    file.write_text("CORREO_HOST=of-an-earlier-server\n")
    options = ["--accept", "named", "--account", "ann@example.org:p:w", "--account", "bob@example.org"]
    with running("--json", "--env-file", str(file), *options) as process:
        facts = msgspec.json.decode(line(process))
        variables = dict(one.split("=") for one in file.read_text().splitlines())
        assert variables["CORREO_HOST"] == facts["host"] == "127.0.0.1"
        assert variables["CORREO_SMTP_PORT"] == str(facts["smtp"])
        with smtplib.SMTP(facts["host"], facts["submission"]) as smtp:
            smtp.login("ann@example.org", "p:w")
            smtp.sendmail(
                "ann@example.org", ["bob@example.org"], "From: ann@example.org\r\nSubject: x\r\n\r\n"
            )
        api = HTTPConnection(facts["host"], facts["api"])
        api.request("GET", "/messages?to=bob@example.org&wait=30")
        assert msgspec.json.decode(api.getresponse().read())[0]["subject"] == "x"
        assert ended(process, END) == (0, "")
    assert not file.exists()


def test_people_can_read_it_and_ctrl_c_ends_it() -> None:
    with running("--tls") as process:
        lines = [line(process) for _ in range(10)]
        port = int(lines[0].partition(":")[2].split()[0])
        assert [one.split()[0] for one in lines] == [
            "smtp", "submission", "pop3", "imap", "smtps", "submissions", "pop3s", "imaps", "api", "trust",
        ]  # fmt: skip
        assert Path(lines[9].split()[1]).exists()
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert client.recv(100).startswith(b"220 ")
        assert line(process).startswith("Ctrl-C")
        assert ended(process, signal.SIGINT) == (0, "")
    assert not Path(lines[9].split()[1]).exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--account", "nobody"], 64, "--account nobody"),
        (["--host", "192.0.2.1"], 71, "cannot listen on 192.0.2.1"),
        (["--env-file", "/nowhere/at/all"], 73, "cannot write /nowhere/at/all"),
        (["--smtp", "70000"], 64, "70000"),
    ],
)
def test_what_cannot_be(arguments: list[str], code: int, words: str) -> None:
    with running(*arguments) as process:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == code
        assert words in errors
        assert "Traceback" not in errors
