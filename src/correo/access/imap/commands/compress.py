"""COMPRESS (RFC 4978): from the end of the tagged OK on everything is deflated, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.responses import Responses, bad, ok
from correo.wire.imap.grammar import Arguments, SyntaxFault

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

DEFLATE = "DEFLATE"


def parse(args: Arguments) -> None:
    if args.sp().atom().upper() != DEFLATE:
        raise SyntaxFault("there is no such compression")
    args.end()


async def run(session: ImapSession, _: None) -> Responses:
    """Python's TLS never compresses by itself, so there is no other layer to ask (RFC 4978 §3)."""
    if session.core.compressing:
        yield bad("It is compressed already", "COMPRESSIONACTIVE")
    else:
        yield ok("Deflating from here on", after=session.core.begin_compression)


def capability(session: ImapSession) -> list[str]:
    """After login only: a stranger's octets are not worth unpacking."""
    return [] if session.account is None or session.core.compressing else [f"COMPRESS={DEFLATE}"]


# Not before login, so that no secret of AUTHENTICATE is compressed along with what others may choose.
ROWS = (Command("COMPRESS", LOGGED_IN, parse, run, rfc=4978, capability=capability),)
