"""STORE items, RFC 3501 §6.4.6."""

from __future__ import annotations

import pytest

from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.store import Change, StoreFlags, store_flags


def parse(wire: bytes) -> StoreFlags:
    args = Arguments(wire)
    found = store_flags(args)
    args.end()
    return found


@pytest.mark.parametrize(
    ("wire", "wanted"),
    [
        (b"+FLAGS (\\Deleted)", StoreFlags(Change.ADD, ("\\Deleted",))),
        (b"-flags.silent (\\Seen $x)", StoreFlags(Change.REMOVE, ("\\Seen", "$x"), silent=True)),
        (b"FLAGS ()", StoreFlags(Change.REPLACE, ())),
        (b"FLAGS.SILENT \\Seen \\Draft", StoreFlags(Change.REPLACE, ("\\Seen", "\\Draft"), silent=True)),
    ],
)
def test_store(wire: bytes, wanted: StoreFlags) -> None:
    assert parse(wire) == wanted


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"FLAGS",
        b"FLAGS ",
        b"+ FLAGS (a)",
        b"*FLAGS (a)",
        b"FLAG (a)",
        b"+FLAGS.LOUD (a)",
        b"FLAGS(a)",
        b"FLAGS (a) b",
    ],
)
def test_faults(wire: bytes) -> None:
    with pytest.raises(SyntaxFault):
        parse(wire)
