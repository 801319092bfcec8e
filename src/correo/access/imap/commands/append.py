"""APPEND (RFC 3501 §6.3.11) of one message or several (RFC 3502), with APPENDUID (RFC 4315 §3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap.arriving import Arrival, arrival, check, keep
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.replies import TRY_CREATE
from correo.access.imap.responses import Completion, Responses, ok
from correo.mailbox import Appended
from correo.storage.db import Tx
from correo.wire.imap.append import AppendMessage, append_messages
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.types import SequenceSet

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Append(NamedTuple):
    name: str
    messages: tuple[AppendMessage, ...]


def parse(args: Arguments) -> Append:
    append = Append(args.sp().mailbox(), append_messages(args))
    for message in append.messages:
        check(message)
    return append


async def run(session: ImapSession, append: Append) -> Responses:
    now = session.now()
    arrivals: list[Arrival] = []
    for message in append.messages:
        arrived = await arrival(session, message, now)
        if isinstance(arrived, Completion):
            yield arrived
            return
        arrivals.append(arrived)
    appended = await session.write(len(arrivals), _append, session.owner.id, append.name, arrivals, now)
    if appended is None:
        yield TRY_CREATE
    else:
        yield ok("Appended", appenduid(appended))


async def _append(
    tx: Tx, account_id: int, name: str, arrivals: Sequence[Arrival], now: int
) -> list[Appended] | None:
    box = await mailbox.find(tx, account_id, name)
    return await keep(tx, box.id, arrivals, now) if box else None


def appenduid(appended: Sequence[Appended]) -> str:
    """RFC 4315 §3; of several messages a set (RFC 3502)."""
    uids = SequenceSet.from_numbers(one.uid for one in appended)
    return f"APPENDUID {appended[0].uidvalidity} {uids}"


def capability(session: ImapSession) -> list[str]:
    return [f"APPENDLIMIT={session.services.options.append_limit}", "MULTIAPPEND", "CATENATE"]


ROWS = (Command("APPEND", LOGGED_IN, parse, run, carries_message=True, capability=capability),)
