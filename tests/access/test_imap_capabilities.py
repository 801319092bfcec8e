"""docs/imap-capabilities.md says what the server announces, no more and no less, and names what is there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.access.test_imap_session import CHEAP, CLIENT, House, house

from correo.access.imap.session import ImapSession
from correo.accounts import Logins, Ways, account_by_id
from correo.net import TlsInfo
from correo.wire.sasl import MECHANISMS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "correo"
TRANSCRIPTS = ROOT / "tests" / "transcripts" / "imap"

_ROW = re.compile(r"\| (\S+) \| (\d+|-) \| (.*) \| (.*) \| (.*) \|")


class Row(NamedTuple):
    capability: str
    rfc: str
    files: list[str]
    transcripts: list[str]
    when: str


def table() -> list[Row]:
    text = (ROOT / "docs" / "imap-capabilities.md").read_text(encoding="utf-8")
    found = [_ROW.fullmatch(line) for line in text.splitlines() if line.startswith("| ")]
    rows = [match.groups() for match in found[1:] if match]
    assert len(rows) == len(found) - 1, "a row is malformed"
    return [
        Row(name, rfc, files.replace("`", "").split(), by.split(), when)
        for name, rfc, files, by, when in rows
    ]


ROWS = table()


class Tokens:
    """Enough for the mechanisms that need them to be offered."""

    async def login(self, token: str) -> str | None:
        return None


async def announced(home: House, *, everything: bool) -> set[str]:
    """In every state a session can be in; "everything": with all that options can add."""
    services = home.services
    ways = Ways(tuple(MECHANISMS), Tokens(), end_point=True) if everything else Ways()  # type: ignore[arg-type]
    options = replace(services.options, starttls=True, allow_plaintext=False)
    logins = Logins(services.db, services.clock, services.chance, concurrency=0, cost=CHEAP, ways=ways)
    account = await services.db.read(account_by_id, home.account_id)
    assert account
    words: set[str] = set()
    for limit in (0, 100) if everything else (0,):
        for save in (0, 50) if everything else (0,):
            some = replace(
                services, logins=logins, options=replace(options, message_limit=limit, save_limit=save)
            )
            for tls in (None, secured(certificate=everything)):
                session = ImapSession(some, CLIENT, tls, lambda: None)
                words.update(session.capabilities())
                session.log_in(account)
                words.update(session.capabilities())
                await session.ended()
    logins.close()
    return {re.sub(r"^((?:APPEND|MESSAGE|SAVE)LIMIT)=\d+$", r"\1", word) for word in words}


def secured(*, certificate: bool) -> TlsInfo:
    bindings = (("tls-server-end-point", b"x"),) if certificate else ()
    return TlsInfo(
        "TLSv1.3", "X", bindings=bindings, certificate=("alice@example.org",) if certificate else ()
    )


async def test_the_table_is_what_the_server_announces(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        assert await announced(home, everything=True) == {row.capability for row in ROWS}
        usual = await announced(home, everything=False)
    options = {row.capability for row in ROWS if "by option" in row.when}
    shown = {row.capability for row in ROWS if "certificate" in row.when and "before TLS" not in row.when}
    bound = {row.capability for row in ROWS if "can be bound" in row.when}
    assert usual == {row.capability for row in ROWS} - options - shown - bound


def test_nothing_is_named_twice() -> None:
    assert len({row.capability for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.capability)
def test_what_a_row_names_is_there(row: Row) -> None:
    files = [
        path if path.exists() else SOURCE / name
        for name in row.files
        for path in [SOURCE / "access/imap" / name]
    ]
    assert files
    texts = [path.read_text(encoding="utf-8") for path in files]
    assert row.rfc == "-" or any(f"RFC {row.rfc}" in text for text in texts), "no file cites the RFC"
    assert row.transcripts
    assert [name for name in row.transcripts if not (TRANSCRIPTS / f"{name}.txt").exists()] == []
