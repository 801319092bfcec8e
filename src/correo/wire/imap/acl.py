"""Access control lists on the wire (RFC 4314 §7)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.sasl.saslprep import Unprepared, saslprep

ANYONE = "anyone"

Modification = Literal["replace", "add", "remove"]

_LETTERS = re.compile(r"[a-z0-9]*").fullmatch
_MODIFICATIONS: dict[str, Modification] = {"+": "add", "-": "remove"}


class Identifier(NamedTuple):
    """`text`: as the client wrote it, for the answer; `name`: prepared, and without the dash of negative rights."""

    text: bytes
    name: str
    negative: bool


class SetAcl(NamedTuple):
    """`letters` may repeat, and may be rights that nobody knows."""

    mailbox: str
    identifier: Identifier
    how: Modification
    letters: str


def identifier(args: Arguments) -> Identifier:
    """Raises SyntaxFault for what cannot be prepared, and where nothing is left (RFC 4314 §3)."""
    text = args.astring()
    try:
        name = saslprep(text.decode("utf-8"))
    except (UnicodeDecodeError, Unprepared):
        raise SyntaxFault("the identifier cannot be prepared") from None
    negative = name.startswith("-")
    name = name.removeprefix("-")
    if not name:
        raise SyntaxFault("the identifier is empty")
    return Identifier(text, name, negative)


def set_acl(args: Arguments) -> SetAcl:
    """SP mailbox SP identifier SP mod-rights."""
    mailbox = args.sp().mailbox()
    who = identifier(args.sp())
    given = args.sp().astring().decode("latin-1")
    how = _MODIFICATIONS.get(given[:1], "replace")
    letters = given if how == "replace" else given[1:]
    if not _LETTERS(letters):
        raise SyntaxFault("rights are lower-case letters and digits")
    return SetAcl(mailbox, who, how, letters)


def acl_response(mailbox: str, entries: Iterable[tuple[str, str]], *, utf8: bool = False) -> bytes:
    """`entries`: identifiers with the dash of negative ones, and rights."""
    pairs = (encode.astring(word) for entry in entries for word in entry)
    return encode.untagged(b"ACL", encode.mailbox(mailbox, utf8=utf8), *pairs)


def listrights_response(
    mailbox: str, identifier: bytes, required: str, optional: Iterable[str], *, utf8: bool = False
) -> bytes:
    """`required`: what it always has; `optional`: what it can be given, each string all or nothing."""
    sets = (encode.astring(rights) for rights in (required, *optional))
    return encode.untagged(
        b"LISTRIGHTS", encode.mailbox(mailbox, utf8=utf8), encode.astring(identifier), *sets
    )


def myrights_response(mailbox: str, rights: str, *, utf8: bool = False) -> bytes:
    return encode.untagged(b"MYRIGHTS", encode.mailbox(mailbox, utf8=utf8), encode.astring(rights))
