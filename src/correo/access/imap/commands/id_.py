"""ID (RFC 2971): what the other side is called; for logs and people, never to behave differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from correo.access.imap.commands.row import ANY, Command, always
from correo.access.imap.responses import Responses, ok
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments, SyntaxFault

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

LOGGED = (
    "name",
    "version",
    "vendor",
    "os",
    "os-version",
)  # RFC 2971 §3.3; the others tell of the user, not of the program
MAX_LOGGED = 100  # characters of one value in the log, where any stranger can write by ID
MAX_FIELDS = 30  # RFC 2971 §3.3
MAX_NAME = 30  # octets, as above
MAX_VALUE = 1024  # octets, as above

log = structlog.get_logger("imap")

Fields = dict[str, str]


def parse(args: Arguments) -> Fields:
    args.sp()
    fields: Fields = {}
    if not args.take_word("NIL"):
        for name, value in args.paren_list(_field, least=0):
            fields[name.decode("utf-8", "replace").lower()] = (value or b"").decode("utf-8", "replace")
        if len(fields) > MAX_FIELDS:
            raise SyntaxFault(f"there are more than {MAX_FIELDS} fields")
    args.end()
    return fields


def _field(args: Arguments) -> tuple[bytes, bytes | None]:
    name = args.string()
    value = args.sp().nstring()
    if len(name) > MAX_NAME or len(value or b"") > MAX_VALUE:
        raise SyntaxFault("a field is too long")
    return name, value


async def run(session: ImapSession, fields: Fields) -> Responses:
    known = {name: fields[name][:MAX_LOGGED] for name in LOGGED if fields.get(name)}
    if known and not session.introduced:
        session.introduced = True
        log.info("client", address=session.peer.address, fields=known)
    yield encode.untagged(b"ID", encode.parens((encode.quote("name"), encode.quote("Correo"))))
    yield ok("Pleased to meet you")


ROWS = (Command("ID", ANY, parse, run, rfc=2971, capability=always("ID")),)
