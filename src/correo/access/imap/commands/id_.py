"""ID (RFC 2971): what the other side is called; for logs and people, never to behave differently."""

from __future__ import annotations

import structlog

from correo.access.imap.commands.row import ANY, Command, always
from correo.access.imap.responses import Responses, ok
from correo.access.imap.session import ImapSession
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments, SyntaxFault

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
            fields[name.decode("utf-8", "replace")] = (value or b"").decode("utf-8", "replace")
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
    if fields:
        log.info("client", address=session.peer.address, fields=fields)
    yield encode.untagged(b"ID", encode.parens((encode.quote("name"), encode.quote("Correo"))))
    yield ok("Pleased to meet you")


ROWS = (Command("ID", ANY, parse, run, rfc=2971, capability=always("ID")),)
