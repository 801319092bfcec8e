"""EXPUNGE (RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1). The EXPUNGE responses come with the changes that are told at
the end of every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.commands.row import SELECTED, Command, always, by_uid, nothing
from correo.access.imap.message_limit import deleted
from correo.access.imap.replies import UNDER_WAY
from correo.access.imap.responses import Responses, ok
from correo.access.imap.rights import Access, require
from correo.access.imap.unsent import effort, log_cancelled
from correo.access.imap.view import Messages
from correo.clock import Chance
from correo.delivery import outbox
from correo.delivery.outbox import Removed
from correo.mailbox import Ranges
from correo.storage.db import Tx
from correo.wire.imap.grammar import Arguments

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


def parse(args: Arguments) -> Messages:
    messages = by_uid(args)
    args.end()
    return messages


async def run(session: ImapSession, _: None) -> Responses:
    yield UNDER_WAY if await everything(session) else ok("Expunged")


async def run_uid(session: ImapSession, messages: Messages) -> Responses:
    selected = session.mailbox
    limited = await deleted(session, selected, selected.view.spans(messages))
    spans = limited.spans
    left = False
    if spans:
        left = await _expunge(session, sum(map(len, spans)), selected.view.ranges(spans))
    for ending in limited.ending(UNDER_WAY if left else ok("Expunged")):
        yield ending


async def everything(session: ImapSession) -> bool:
    """All that is \\Deleted in the mailbox; whether anything had to be left in an Outbox."""
    return await _expunge(session, len(session.mailbox.view), None)


async def _expunge(session: ImapSession, count: int, ranges: Ranges | None) -> bool:
    access, chance = session.mailbox.access, session.services.chance
    removed = await session.write(effort(access, count), _remove, access, ranges, chance, session.now())
    log_cancelled(session, removed.cancelled)
    return bool(removed.under_way)


async def _remove(tx: Tx, access: Access, ranges: Ranges | None, chance: Chance, now: int) -> Removed:
    await require(tx, access, "e")
    if access.outbox:
        return await outbox.remove(tx, access.mailbox_id, ranges, chance, now)
    expunged = await mailbox.expunge(tx, access.mailbox_id, ranges, now)
    return Removed(expunged.uids, [], [])


ROWS = (
    Command("EXPUNGE", SELECTED, nothing, run, alters=True),
    Command("UID EXPUNGE", SELECTED, parse, run_uid, rfc=4315, alters=True, capability=always("UIDPLUS")),
)
