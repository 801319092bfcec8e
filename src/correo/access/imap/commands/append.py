"""APPEND (RFC 3501 §6.3.11) of one message or several (RFC 3502), with APPENDUID (RFC 4315 §3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from correo.access.imap import places
from correo.access.imap.announcing import respelled
from correo.access.imap.arriving import Arrival, arrival, check, keep
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.message_limit import too_many_to_append
from correo.access.imap.replies import TRY_CREATE
from correo.access.imap.responses import Completion, Responses, ok
from correo.accounts import Account
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


class Kept(NamedTuple):
    """`account_id`: whose mailbox it is."""

    account_id: int
    appended: list[Appended]


def parse(args: Arguments) -> Append:
    append = Append(args.sp().spelled_mailbox(), append_messages(args))
    for message in append.messages:
        check(message)
    return append


async def run(session: ImapSession, append: Append) -> Responses:
    if refusal := too_many_to_append(session, len(append.messages)):
        yield refusal
        return
    now = session.now()
    arrivals: list[Arrival] = []
    for message in append.messages:
        arrived = await arrival(session, message, now)
        if isinstance(arrived, Completion):
            yield arrived
            return
        arrivals.append(arrived)
    kept = await session.write(len(arrivals), _append, session.owner, append.name, arrivals, now)
    if kept is None:
        yield TRY_CREATE
    else:
        session.tell(kept.account_id)
        yield await respelled(session, append.name)
        yield ok("Appended", appenduid(kept.appended))


async def _append(tx: Tx, account: Account, name: str, arrivals: Sequence[Arrival], now: int) -> Kept | None:
    place = await places.allowed(tx, account, name, "i")
    return Kept(place.access.account_id, await keep(tx, place, arrivals, now)) if place else None


def appenduid(appended: Sequence[Appended]) -> str:
    """RFC 4315 §3; of several messages a set (RFC 3502)."""
    uids = SequenceSet.from_numbers(one.uid for one in appended)
    return f"APPENDUID {appended[0].uidvalidity} {uids}"


def capability(session: ImapSession) -> list[str]:
    return [f"APPENDLIMIT={session.services.options.append_limit}", "MULTIAPPEND", "CATENATE", "URL-PARTIAL"]


ROWS = (Command("APPEND", LOGGED_IN, parse, run, carries_message=True, capability=capability),)
