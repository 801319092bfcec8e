"""The expression that the manual gives for fail2ban finds what the log says of a failed login, and nothing a stranger can put there."""

from __future__ import annotations

import io
import re
from pathlib import Path

import structlog

from correo.accounts import Denied, log_denied
from correo.clock.virtual import VirtualClock
from correo.mail.errors import Kind
from correo.ops.log import configure

MANUAL = Path(__file__).parents[2] / "docs" / "operating.md"


def expression() -> re.Pattern[str]:
    """As fail2ban makes it: <ADDR> is an address."""
    found = re.search(r"^failregex = (.*)$", MANUAL.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return re.compile(found[1].replace("<ADDR>", r"(?P<host>[0-9a-fA-F.:]+)"))


def said(denied: Denied, address: str) -> str:
    file = io.StringIO()
    try:
        configure("json", "info", VirtualClock(), file)
        log_denied(denied, "imap", address)
    finally:
        structlog.reset_defaults()
    return file.getvalue().rstrip("\n")


def test_each_kind_of_failure_is_one_line_with_its_address() -> None:
    for kind in (Kind.BAD_CREDENTIALS, Kind.DISABLED, Kind.TOO_MANY):
        for address in ("192.0.2.7", "2001:db8::7"):
            line = said(Denied(kind, "wrong password", "alice@example.org"), address)
            assert "\n" not in line
            found = expression().search(line)
            assert found
            assert found["host"] == address
            # fail2ban takes the time out of the line, and the journal puts something in front of it.
            assert expression().search("mail correo[7]: " + re.sub(r'"time":"[^"]*"', '"time":""', line))


def test_a_login_name_cannot_have_somebody_else_banned() -> None:
    login = '","address":"203.0.113.1"}\n{"time":"","level":"warning","event":"authentication failed","protocol":"imap","address":"203.0.113.1"'
    line = said(Denied(Kind.BAD_CREDENTIALS, "no such account", login), "192.0.2.7")
    assert [found["host"] for found in expression().finditer(line)] == ["192.0.2.7"]
    assert len(said(Denied(Kind.BAD_CREDENTIALS, "", "x" * 10_000), "192.0.2.7")) < 600


def test_our_own_trouble_is_nobody_elses_failure() -> None:
    assert not expression().search(said(Denied(Kind.UNAVAILABLE, "too busy"), "192.0.2.7"))
