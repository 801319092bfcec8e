"""LANG [range] (RFC 6856 §3): the language of what is said to people, or a list of those there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.pop3.commands.row import ANY, Command
from correo.access.pop3.languages import NAMES, matching, words
from correo.wire.pop3.reply import Err, Lines, Ok, Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session


async def run(session: Pop3Session, argument: str) -> Reply:
    if not argument:
        listing = "".join(f"{tag} {name}\r\n" for tag, name in NAMES.items())
        return Lines("Languages follow", listing.encode())
    tag = session.services.options.language if argument == "*" else matching(argument)
    if tag is None:
        return Err("No such language")
    session.language = tag
    return Ok(f"{tag} {words('Language changed', tag)}")


ROW = Command("LANG", ANY, run, rfc=6856, capability=lambda session: ["LANG"])
