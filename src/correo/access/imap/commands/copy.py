"""COPY and UID COPY (RFC 3501 §6.4.7), with COPYUID (RFC 4315 §3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap import message_limit, places
from correo.access.imap.commands.row import SELECTED, Command, by_number, by_uid
from correo.access.imap.message_limit import Limited
from correo.access.imap.places import Place
from correo.access.imap.replies import TRY_CREATE, UNDER_WAY
from correo.access.imap.responses import Responses, ok
from correo.access.imap.rights import Access, require
from correo.access.imap.unsent import effort, log_cancelled
from correo.access.imap.view import Messages
from correo.accounts import Account
from correo.clock import Chance
from correo.delivery import outbox
from correo.mailbox import Copied
from correo.storage.db import Tx
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.types import SequenceSet

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


class Transfer(NamedTuple):
    messages: Messages
    target: str


def parser(which: Callable[[Arguments], Messages]) -> Callable[[Arguments], Transfer]:
    def parse(args: Arguments) -> Transfer:
        transfer = Transfer(which(args), args.sp().mailbox())
        args.end()
        return transfer

    return parse


class Transferred(NamedTuple):
    """`account_id`: whose mailbox the target is. `left`: something in an Outbox is being sent, and stays; `cancelled`: what was not."""

    account_id: int
    copied: Copied
    left: bool = False
    cancelled: Sequence[int] = ()


async def run(session: ImapSession, transfer: Transfer, *, remove: bool) -> Responses:
    """All or nothing (RFC 3501 §6.4.7); messages that exist no more are passed over (RFC 2180 §4.4.1)."""
    selected = session.mailbox
    view = selected.view
    limited = Limited(view.spans(transfer.messages))
    if remove:  # which may be done in parts (RFC 9738 §3.1)
        limited = message_limit.newest(session, view, limited.spans)
    elif refusal := message_limit.too_many_to_copy(session, view, limited.spans):
        yield refusal
        return
    ranges = view.ranges(limited.spans)
    done = await session.write(
        effort(selected.access, sum(map(len, limited.spans))),
        _transfer,
        session.owner,
        selected.access,
        ranges,
        transfer.target,
        remove,
        session.services.chance,
        session.now(),
    )
    if done is None:
        yield TRY_CREATE
        return
    session.tell(done.account_id)
    log_cancelled(session, done.cancelled)
    copied = done.copied
    if not copied.pairs:
        yield UNDER_WAY if done.left else ok("There was no such message")
    elif remove:
        # RFC 6851 §4.3: COPYUID comes before the EXPUNGEs, which are told as every change is.
        yield encode.ok(encode.UNTAGGED, "Moved", _copyuid(copied))
        for ending in limited.ending(UNDER_WAY if done.left else ok("Moved")):
            yield ending
    else:
        yield ok("Copied", _copyuid(copied))


async def _transfer(
    tx: Tx,
    account: Account,
    source: Access,
    ranges: Sequence[tuple[int, int]],
    target: str,
    remove: bool,
    chance: Chance,
    now: int,
) -> Transferred | None:
    """RFC 6851 §4.2: what is moved away needs the rights of STORE and EXPUNGE as well."""
    place = await places.allowed(tx, account, target, "i")
    if place is None:
        return None
    await require(tx, source, "rte" if remove else "r")
    if source.outbox:
        return await _from_outbox(tx, source, ranges, place, remove, chance, now)
    act = mailbox.move if remove else mailbox.copy
    copied = await act(
        tx,
        source.mailbox_id,
        ranges,
        place.box.id,
        now,
        reader=source.reader,
        target_reader=place.reader,
        rights=place.rights,
    )
    return Transferred(place.access.account_id, copied)


async def _from_outbox(
    tx: Tx,
    source: Access,
    ranges: Sequence[tuple[int, int]],
    place: Place,
    remove: bool,
    chance: Chance,
    now: int,
) -> Transferred:
    """The message as it was submitted; and what is moved away is not sent any more."""
    taken = await outbox.copy(
        tx,
        source.mailbox_id,
        ranges,
        place.box,
        chance,
        now,
        remove=remove,
        rights=place.rights,
        reader=place.reader,
    )
    copied = Copied(taken.uidvalidity, taken.pairs, place.box.modseq)
    return Transferred(place.access.account_id, copied, bool(taken.under_way), taken.cancelled)


def _copyuid(copied: Copied) -> str:
    """RFC 4315 §3."""
    sources = SequenceSet.from_numbers(source for source, _ in copied.pairs)
    copies = SequenceSet.from_numbers(copy for _, copy in copied.pairs)
    return f"COPYUID {copied.uidvalidity} {sources} {copies}"


_run = partial(run, remove=False)

ROWS = (
    Command("COPY", SELECTED, parser(by_number), _run, numbered=True, capability=message_limit.capability),
    Command("UID COPY", SELECTED, parser(by_uid), _run),
)
