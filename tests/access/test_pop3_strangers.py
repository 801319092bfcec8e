"""What the log says of those who did not get in."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.transcripts.runner import play, read
from tests.transcripts.test_pop3 import Pop3

from correo.accounts.login import SHOWN_LOGIN

HOUSE = """
tls: yes
setup: domain example.org
setup: account alice@example.org secret
S: +OK ...
"""
NO = "S: -ERR [AUTH] Authentication failed\n"


def _play(dialog: str, folder: Path) -> None:
    script = folder / "script.txt"
    script.write_text(HOUSE + dialog)
    play(read(script), Pop3(), "whole", folder)


@pytest.mark.parametrize(
    ("dialog", "login", "reason"),
    [
        ("C: USER alice\nS: +OK ...\nC: PASS x\n", "alice", "wrong password"),
        ("C: USER eve\nS: +OK ...\nC: PASS x\n", "eve", "no such account"),
        ("C: AUTH PLAIN $(b64 \\0alice\\0x)\n", "alice", "wrong password"),
        ("C: AUTH PLAIN $(b64 eve\\0alice\\0secret)\n", "alice@example.org", "asked to act as somebody else"),
        ("C: USER $(rep 9000 x)\nS: +OK ...\nC: PASS x\n", "x" * SHOWN_LOGIN, "no such account"),
    ],
)
def test_who_did_not_get_in_and_why(dialog: str, login: str, reason: str, tmp_path: Path) -> None:
    with capture_logs() as logged:
        _play(dialog + NO, tmp_path)
    (entry,) = [entry for entry in logged if entry["event"] == "authentication failed"]
    assert (entry["protocol"], entry["login"], entry["reason"]) == ("pop3", login, reason)
