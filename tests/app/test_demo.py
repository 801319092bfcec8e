"""The demo is a promise of the README: it is run as a new user runs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_demo_accounts_for_every_recipient() -> None:
    command = [sys.executable, "-m", "correo", "demo", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    ends = sorted((row["server"], row["recipient"], row["end"]) for row in rows)
    assert ends == [
        ("mail.example.org", "alice@example.org", "delivered"),
        ("mail.example.org", "bob@example.net", "delivered"),
        ("mail.example.org", "bob@example.net", "delivered"),
        ("mail.example.org", "carol@far.example", "relayed"),
        ("mail.example.org", "dave@down.example", "bounced"),
        ("mx.far.example", "carol@far.example", "delivered"),
    ]


@pytest.mark.slow
def test_the_demo_tells_its_steps() -> None:
    command = [sys.executable, "-m", "correo", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    for words in (
        "1. ",
        "8. ",
        "AUTH PLAIN (alice's password)",
        "RETR 1",
        "try 1 failed",
        "bounced: ",
        "difference 0",
    ):
        assert words in done.stdout
    assert "correo-demo" not in done.stdout  # the password
