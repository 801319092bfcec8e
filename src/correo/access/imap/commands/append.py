"""APPEND (RFC 3501 §6.3.11), with APPENDUID (RFC 4315 §3)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.flags import settable
from correo.access.imap.replies import REPLIES, TRY_CREATE
from correo.access.imap.responses import Responses, no, ok
from correo.mail.errors import Kind
from correo.mail.flags import Flags
from correo.mailbox import Appended, Prepared
from correo.storage.db import Tx
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.types import DateTime

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

INLINE = 64 * 1024  # octets: preparing more takes over a millisecond, so it goes to a thread


class Append(NamedTuple):
    name: str
    flags: Flags
    received: DateTime | None
    message: bytes


def parse(args: Arguments) -> Append:
    name = args.sp().mailbox()
    args.sp()
    flags = Flags()
    if args.peek(b"("):
        flags = settable(args.flag_list())
        args.sp()
    received = None
    if args.peek(b'"'):
        received = args.date_time()
        args.sp()
    append = Append(name, flags, received, args.literal())
    args.end()
    return append


async def run(session: ImapSession, append: Append) -> Responses:
    if not append.message:
        yield no("A message of no octets cannot be kept", "CANNOT")
        return
    if len(append.message) > session.services.options.append_limit:
        yield REPLIES[Kind.TOO_BIG]
        return
    if len(append.message) <= INLINE:
        prepared = mailbox.prepare(append.message)
    else:
        prepared = await asyncio.to_thread(mailbox.prepare, append.message)
    now = session.now()
    appended = await session.write(
        1,
        _append,
        session.owner.id,
        append.name,
        prepared,
        session.services.chance.id(now),
        append.flags,
        append.received or DateTime(now, 0),
        now,
    )
    if appended is None:
        yield TRY_CREATE
    else:
        yield ok("Appended", f"APPENDUID {appended.uidvalidity} {appended.uid}")


async def _append(
    tx: Tx,
    account_id: int,
    name: str,
    prepared: Prepared,
    content_id: int,
    flags: Flags,
    received: DateTime,
    now: int,
) -> Appended | None:
    box = await mailbox.find(tx, account_id, name)
    if box is None:
        return None
    await mailbox.store(tx, prepared, content_id, now)
    return await mailbox.append(
        tx,
        box.id,
        content_id=content_id,
        size=prepared.size,
        flags=flags,
        received=received.instant,
        received_zone=received.offset,
        now=now,
    )


ROWS = (Command("APPEND", LOGGED_IN, parse, run, carries_message=True),)
