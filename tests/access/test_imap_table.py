"""The tables are whole: commands, items, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from correo.access.imap import commands
from correo.access.imap.commands import BY_NAME, COMMANDS
from correo.access.imap.flags import Announced, flags_item, settable
from correo.access.imap.items.fetch import ITEMS, PARSERS, SECTIONS
from correo.access.imap.items.search import KEYS
from correo.access.imap.items.status import STATUS_ITEMS
from correo.access.imap.octets import Octets
from correo.access.imap.replies import REPLIES
from correo.access.imap.responses import Status
from correo.mail.errors import Kind
from correo.mail.flags import SEEN, SYSTEM, Flags
from correo.wire.imap import fetch, search
from correo.wire.imap.grammar import SyntaxFault
from correo.wire.imap.status import StatusItem

FOLDER = Path(commands.__file__).parent


def test_every_file_is_in_the_table_exactly_once() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "row"}
    rows = [row for name in sorted(files) for row in getattr(commands, name).ROWS]
    assert sorted(row.name for row in rows) == sorted(row.name for row in COMMANDS)
    assert len(BY_NAME) == len(COMMANDS)


def test_files_are_named_after_their_commands() -> None:
    for path in FOLDER.glob("*.py"):
        if path.stem not in ("__init__", "row"):
            names = {row.name.removeprefix("UID ") for row in getattr(commands, path.stem).ROWS}
            assert names == {path.stem.rstrip("_").upper()}


def test_only_commands_by_number_keep_expunges_back() -> None:
    """RFC 3501 §7.4.1 and RFC 5256 §3 name these; their UID forms are other commands."""
    assert {row.name for row in COMMANDS if row.uses_seqs} == {"FETCH", "STORE", "SEARCH", "SORT", "THREAD"}


def test_every_kind_of_refusal_has_an_answer() -> None:
    assert set(REPLIES) == set(Kind)
    assert all(reply.status is Status.NO and reply.code for reply in REPLIES.values())
    assert REPLIES[Kind.DISABLED] == REPLIES[Kind.BAD_CREDENTIALS]


def test_every_item_that_can_be_parsed_can_be_answered() -> None:
    assert set(PARSERS) >= set(fetch.ROWS)
    assert {
        item.name for macro in fetch.MACROS.values() for item in macro if isinstance(item, fetch.Attribute)
    } <= set(ITEMS)
    kinds = set(get_args(fetch.FetchItem)) - {fetch.Attribute}
    assert set(SECTIONS) == kinds
    assert set(KEYS) == set(get_args(search.Key))
    assert set(STATUS_ITEMS) == set(StatusItem)


def test_flags_as_fetch_tells_them() -> None:
    assert flags_item(0, "", False) == b"FLAGS ()"
    assert flags_item(SEEN, "", True) == b"FLAGS (\\Seen \\Recent)"
    assert flags_item(0, "a b", False) == b"FLAGS (a b)"
    assert flags_item(0, "a", True) == b"FLAGS (\\Recent a)"
    for bits in range(32):
        names = flags_item(bits, "x", False)[len(b"FLAGS (") : -1].decode().split()
        assert Flags.of(names) == Flags(bits, ("x",))


def test_flags_a_client_may_set() -> None:
    assert settable(["\\seen", "\\Recent", "Word"]) == Flags(SEEN, ("Word",))
    with pytest.raises(SyntaxFault):
        settable(["\\Nonsense"])
    with pytest.raises(SyntaxFault):
        settable(["x" * 101])


def test_a_keyword_is_announced_once_before_it_is_used() -> None:
    announced = Announced(read_only=False)
    assert announced.news(["", ""]) == b""
    first = announced.news(["a b", ""])
    assert first.startswith(b"* FLAGS (" + " ".join(SYSTEM).encode() + b" a b)\r\n")
    assert first.endswith(b" a b \\*)] Flags permitted\r\n")
    assert announced.news(["a", "B", "a b"]) == b""
    assert b" a b c)" in announced.news(["c"])


def test_held_octets_are_bounded() -> None:
    octets = Octets(most=100)
    octets.hold(1, b"x" * 60)
    octets.hold(2, b"y" * 40)
    assert octets.get(1) == b"x" * 60
    octets.hold(3, b"z" * 10)
    assert octets.get(2) is None
    assert octets.get(1) is not None
    octets.hold(4, b"." * 101)
    assert octets.get(4) is None
    octets.hold(1, b"other")
    assert octets.get(1) == b"x" * 60
