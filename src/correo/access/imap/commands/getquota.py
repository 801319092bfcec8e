"""GETQUOTA (RFC 9208 §4.1.1): how much an account may have, and has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.quotas import limits, visible
from correo.access.imap.responses import Responses, no, ok
from correo.accounts import Account
from correo.storage.db import Tx
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.quota import Limit, Resource, quota_response, quota_root

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


def parse(args: Arguments) -> bytes:
    root = quota_root(args.sp())
    args.end()
    return root


async def run(session: ImapSession, root: bytes) -> Responses:
    address, found = await session.services.db.read(_look, session.owner, root)
    if not found:
        yield no("There is no such quota root", "NONEXISTENT")
        return
    yield quota_response(address, found)
    yield ok("That is the quota")


async def _look(tx: Tx, account: Account, root: bytes) -> tuple[str, list[Limit]]:
    owner = await visible(tx, account, root)
    return ("", []) if owner is None else (owner.address, limits(await mailbox.quota(tx, owner.id)))


_WORDS = ("QUOTA", *(f"QUOTA=RES-{resource.value}" for resource in Resource))

ROWS = (Command("GETQUOTA", LOGGED_IN, parse, run, rfc=9208, capability=always(*_WORDS)),)
