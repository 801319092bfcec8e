"""What STORE is asked to do (RFC 3501 §6.4.6)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from correo.wire.imap.grammar import Arguments, SyntaxFault


class Change(Enum):
    REPLACE = ""
    ADD = "+"
    REMOVE = "-"


@dataclass(frozen=True, slots=True)
class StoreFlags:
    change: Change
    flags: tuple[str, ...]
    silent: bool = False  # the client does not want the new value told


def store_flags(args: Arguments) -> StoreFlags:
    """`["+" / "-"] "FLAGS" [".SILENT"] SP (flag-list / (flag *(SP flag)))`. Raises SyntaxFault."""
    change = Change.ADD if args.take(b"+") else Change.REMOVE if args.take(b"-") else Change.REPLACE
    name = args.word()
    if name not in ("FLAGS", "FLAGS.SILENT"):
        raise SyntaxFault("there is no such item to store")
    args.sp()
    if args.peek(b"("):
        flags = args.flag_list()
    else:
        flags = [args.flag()]
        while args.take(b" "):
            flags.append(args.flag())
    return StoreFlags(change, tuple(flags), name == "FLAGS.SILENT")
