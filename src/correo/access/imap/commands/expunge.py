"""EXPUNGE (RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1). The EXPUNGE responses come with the changes that are told at
the end of every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap.commands.row import SELECTED, Command, always, by_uid, nothing
from correo.access.imap.responses import Responses, ok
from correo.access.imap.view import Messages
from correo.wire.imap.grammar import Arguments

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


def parse(args: Arguments) -> Messages:
    messages = by_uid(args)
    args.end()
    return messages


async def run(session: ImapSession, _: None) -> Responses:
    selected = session.mailbox
    await session.write(len(selected.view), mailbox.expunge, selected.mailbox_id, None, session.now())
    yield ok("Expunged")


async def run_uid(session: ImapSession, messages: Messages) -> Responses:
    selected = session.mailbox
    spans = selected.view.spans(messages)
    if spans:
        ranges = selected.view.ranges(spans)
        await session.write(sum(map(len, spans)), mailbox.expunge, selected.mailbox_id, ranges, session.now())
    yield ok("Expunged")


ROWS = (
    Command("EXPUNGE", SELECTED, nothing, run, alters=True),
    Command("UID EXPUNGE", SELECTED, parse, run_uid, rfc=4315, alters=True, capability=always("UIDPLUS")),
)
