"""EXPUNGE (RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1). The EXPUNGE responses come with the changes that are told at
the end of every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.commands.row import SELECTED, Command, always, by_uid, nothing
from correo.access.imap.message_limit import deleted
from correo.access.imap.responses import Responses, ok
from correo.access.imap.rights import Access, require
from correo.access.imap.view import Messages
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
    selected = session.mailbox
    await session.write(len(selected.view), expunge, selected.access, None, session.now())
    yield ok("Expunged")


async def run_uid(session: ImapSession, messages: Messages) -> Responses:
    selected = session.mailbox
    limited = await deleted(session, selected, selected.view.spans(messages))
    spans = limited.spans
    if spans:
        ranges = selected.view.ranges(spans)
        await session.write(sum(map(len, spans)), expunge, selected.access, ranges, session.now())
    for ending in limited.ending(ok("Expunged")):
        yield ending


async def expunge(tx: Tx, access: Access, ranges: Ranges | None, now: int) -> None:
    await require(tx, access, "e")
    await mailbox.expunge(tx, access.mailbox_id, ranges, now)


ROWS = (
    Command("EXPUNGE", SELECTED, nothing, run, alters=True),
    Command("UID EXPUNGE", SELECTED, parse, run_uid, rfc=4315, alters=True, capability=always("UIDPLUS")),
)
