"""REPLACE and UID REPLACE (RFC 8508): a message takes the place of another, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap import places
from correo.access.imap.arriving import Arrival, arrival, check, keep
from correo.access.imap.commands.append import Kept, appenduid
from correo.access.imap.commands.row import SELECTED, Command, always
from correo.access.imap.replies import TRY_CREATE, UNDER_WAY
from correo.access.imap.responses import Completion, Responses, no, ok
from correo.access.imap.rights import Access, require
from correo.access.imap.unsent import effort, log_cancelled
from correo.access.imap.view import Messages
from correo.accounts import Account
from correo.clock import Chance
from correo.delivery import outbox
from correo.storage.db import Tx
from correo.wire.imap import encode
from correo.wire.imap.append import AppendMessage, append_message
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.types import SequenceSet

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Replace(NamedTuple):
    replaced: Messages
    name: str
    message: AppendMessage


class Replaced(NamedTuple):
    """`cancelled`: what will not be sent any more, where it was in an Outbox."""

    kept: Kept
    cancelled: list[int]


class Gone(NamedTuple):
    """The message to be replaced exists no more, or somebody is sending it; nothing was changed."""

    under_way: bool


def parser(uid: bool) -> Callable[[Arguments], Replace]:
    def parse(args: Arguments) -> Replace:
        number = args.sp().nz_number()
        name = args.sp().mailbox()
        message = check(append_message(args))
        args.end()
        return Replace(Messages(SequenceSet.from_numbers([number]), uid), name, message)

    return parse


async def run(session: ImapSession, replace: Replace) -> Responses:
    """What others have expunged is not there to be replaced (RFC 8508 §3.2 "can't remove specified message")."""
    selected, now = session.mailbox, session.now()
    ranges = selected.view.ranges(selected.view.spans(replace.replaced))
    arrived = await arrival(session, replace.message, now) if ranges else _MISSING
    if isinstance(arrived, Completion):
        yield arrived
        return
    chance = session.services.chance
    done = await session.write(
        effort(selected.access, 1),
        _replace,
        session.owner,
        selected.access,
        ranges,
        replace.name,
        [arrived],
        chance,
        now,
    )
    if done is None:
        yield TRY_CREATE
    elif isinstance(done, Gone):
        yield UNDER_WAY if done.under_way else _MISSING
    else:
        log_cancelled(session, done.cancelled)
        # RFC 8508 §4.3: APPENDUID comes before the EXPUNGE, which is told as every change is.
        session.tell(done.kept.account_id)
        yield encode.ok(encode.UNTAGGED, "Replacement", appenduid(done.kept.appended))
        yield ok("Replaced")


async def _replace(
    tx: Tx,
    account: Account,
    replaced: Access,
    ranges: Sequence[tuple[int, int]],
    name: str,
    arrivals: Sequence[Arrival],
    chance: Chance,
    now: int,
) -> Replaced | Gone | None:
    """RFC 8508 §4.1: the rights of STORE and EXPUNGE for what goes, that of APPEND for what comes."""
    place = await places.allowed(tx, account, name, "i")
    if place is None:
        return None
    await require(tx, replaced, "te")
    if replaced.outbox:
        removed = await outbox.remove(tx, replaced.mailbox_id, ranges, chance, now, only_deleted=False)
        if not removed.cancelled:  # what has been sent meanwhile is too late to be replaced
            return Gone(bool(removed.under_way))
        cancelled = removed.cancelled
    else:
        expunged = await mailbox.expunge(tx, replaced.mailbox_id, ranges, now, only_deleted=False)
        if not expunged.uids:
            return Gone(under_way=False)
        cancelled = []
    kept = Kept(place.access.account_id, await keep(tx, place, arrivals, now))
    return Replaced(kept, cancelled)


_MISSING = no("There is no such message", "EXPUNGEISSUED")

ROWS = (
    Command(
        "REPLACE",
        SELECTED,
        parser(uid=False),
        run,
        rfc=8508,
        numbered=True,
        alters=True,
        carries_message=True,
        capability=always("REPLACE"),
    ),
    Command("UID REPLACE", SELECTED, parser(uid=True), run, rfc=8508, alters=True, carries_message=True),
)
