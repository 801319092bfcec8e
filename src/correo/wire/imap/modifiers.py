"""What extensions add to a command in parentheses: parameters of SELECT, modifiers of FETCH and STORE (RFC 4466 §2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from correo.wire.imap.grammar import Arguments, SyntaxFault

T = TypeVar("T")


def modifiers(args: Arguments, rows: Mapping[str, Callable[[Arguments], T]]) -> dict[str, T]:
    """`"(" name [SP value] *(SP name [SP value]) ")"`, each name once. A row reads what follows its name, from the space on.

    Raises SyntaxFault.
    """
    found: dict[str, T] = {}

    def one(args: Arguments) -> None:
        name = args.word()
        row = rows.get(name)
        if row is None:
            raise SyntaxFault("there is no such parameter or modifier")
        if name in found:
            raise SyntaxFault("a parameter or modifier is given twice")
        found[name] = row(args)

    args.paren_list(one)
    return found


def mod_sequence(args: Arguments) -> int:
    """`SP mod-sequence-valzer` (RFC 7162 §7). 0, which is before all changes, is taken where the grammar wants 1 at least."""
    return args.sp().number64()
