"""ENABLE (RFC 5161): extensions that change what the server sends wait until the client asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.responses import Responses, ok
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

# The extensions that can be enabled, and what that does to a session.
SWITCHES: dict[str, Callable[[ImapSession], None]] = {}


def parse(args: Arguments) -> list[str]:
    names = [args.sp().atom().upper()]
    while not args.at_end():
        names.append(args.sp().atom().upper())
    return names


async def run(session: ImapSession, names: list[str]) -> Responses:
    """What is unknown or cannot be enabled is passed over (RFC 5161 §3.1)."""
    enabled = [name for name in dict.fromkeys(names) if name in SWITCHES]
    for name in enabled:
        SWITCHES[name](session)
    yield encode.untagged(b"ENABLED", *(name.encode("ascii") for name in enabled))
    yield ok("Enabled")


ROWS = (Command("ENABLE", LOGGED_IN, parse, run, rfc=5161, capability=always("ENABLE")),)
