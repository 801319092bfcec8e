"""ENABLE (RFC 5161): extensions that change what the server sends wait until the client asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from correo.access.imap import condstore
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.responses import Responses, ok
from correo.access.imap.revisions import REV2, UIDONLY, enabling_rev2, enabling_uid_only
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

UTF8_ACCEPT = "UTF8=ACCEPT"


def _enabling_utf8(session: ImapSession) -> None:
    """Mailbox names are UTF-8 from the next command on, in both directions (RFC 6855 §3)."""
    session.core.utf8 = True
    session.enabled.add(UTF8_ACCEPT)


# The extensions that can be enabled, and what that does to a session; what they return is told after ENABLED.
SWITCHES: dict[str, Callable[[ImapSession], bytes | None]] = {
    condstore.CONDSTORE: condstore.enabling,
    condstore.QRESYNC: condstore.enabling_qresync,
    UTF8_ACCEPT: _enabling_utf8,
    REV2: enabling_rev2,
    UIDONLY: enabling_uid_only,
}
_SPELLED = {name.upper(): name for name in SWITCHES}


def parse(args: Arguments) -> list[str]:
    names = [args.sp().atom().upper()]
    while not args.at_end():
        names.append(args.sp().atom().upper())
    return names


async def run(session: ImapSession, names: list[str]) -> Responses:
    """What is unknown or cannot be enabled is passed over (RFC 5161 §3.1)."""
    enabled = [_SPELLED[name] for name in dict.fromkeys(names) if name in _SPELLED]
    told = [SWITCHES[name](session) or b"" for name in enabled]
    yield encode.untagged(b"ENABLED", *(name.encode("ascii") for name in enabled)) + b"".join(told)
    yield ok("Enabled")


ROWS = (
    Command("ENABLE", LOGGED_IN, parse, run, rfc=5161, capability=always("ENABLE", UTF8_ACCEPT, UIDONLY)),
)
