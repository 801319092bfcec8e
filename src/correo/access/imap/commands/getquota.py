"""GETQUOTA (RFC 9208 §4.1.1): how much one may have, and has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.quotas import limits
from correo.access.imap.responses import Responses, no, ok
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.quota import Resource, quota_response, quota_root

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


def parse(args: Arguments) -> bytes:
    root = quota_root(args.sp())
    args.end()
    return root


async def run(session: ImapSession, root: bytes) -> Responses:
    """One's own alone: what others have is nobody's business (RFC 9208 §8)."""
    owner = session.owner
    found = limits(await session.services.db.read(mailbox.quota, owner.id))
    if not found or root != owner.address.encode():
        yield no("There is no such quota root", "NONEXISTENT")
        return
    yield quota_response(owner.address, found)
    yield ok("That is the quota")


_WORDS = ("QUOTA", *(f"QUOTA=RES-{resource.value}" for resource in Resource))

ROWS = (Command("GETQUOTA", LOGGED_IN, parse, run, rfc=9208, capability=always(*_WORDS)),)
