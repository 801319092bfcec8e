"""COPY and UID COPY (RFC 3501 §6.4.7), with COPYUID (RFC 4315 §3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from correo import mailbox
from correo.access.imap.commands.row import SELECTED, Command, by_number, by_uid
from correo.access.imap.replies import TRY_CREATE
from correo.access.imap.responses import Responses, ok
from correo.access.imap.view import Messages
from correo.mailbox import Copied
from correo.storage.db import Tx
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.types import SequenceSet

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

Act = Callable[[Tx, int, Sequence[tuple[int, int]], int, int], Awaitable[Copied]]


class Transfer(NamedTuple):
    messages: Messages
    target: str


def parser(which: Callable[[Arguments], Messages]) -> Callable[[Arguments], Transfer]:
    def parse(args: Arguments) -> Transfer:
        transfer = Transfer(which(args), args.sp().mailbox())
        args.end()
        return transfer

    return parse


async def run(session: ImapSession, transfer: Transfer, *, act: Act) -> Responses:
    """All or nothing (RFC 3501 §6.4.7); messages that exist no more are passed over (RFC 2180 §4.4.1)."""
    selected = session.mailbox
    view = selected.view
    spans = view.spans(transfer.messages)
    owner, ranges = session.owner.id, view.ranges(spans)
    copied = await session.write(
        sum(map(len, spans)),
        _transfer,
        owner,
        selected.mailbox_id,
        ranges,
        transfer.target,
        act,
        session.now(),
    )
    if copied is None:
        yield TRY_CREATE
    elif not copied.pairs:
        yield ok("There was no such message")
    elif act is mailbox.move:
        # RFC 6851 §4.3: COPYUID comes before the EXPUNGEs, which are told as every change is.
        yield encode.ok(encode.UNTAGGED, "Moved", _copyuid(copied))
        yield ok("Moved")
    else:
        yield ok("Copied", _copyuid(copied))


async def _transfer(
    tx: Tx,
    account_id: int,
    mailbox_id: int,
    ranges: Sequence[tuple[int, int]],
    target: str,
    act: Act,
    now: int,
) -> Copied | None:
    box = await mailbox.find(tx, account_id, target)
    return await act(tx, mailbox_id, ranges, box.id, now) if box else None


def _copyuid(copied: Copied) -> str:
    """RFC 4315 §3."""
    sources = SequenceSet.from_numbers(source for source, _ in copied.pairs)
    copies = SequenceSet.from_numbers(copy for _, copy in copied.pairs)
    return f"COPYUID {copied.uidvalidity} {sources} {copies}"


_run = partial(run, act=mailbox.copy)

ROWS = (
    Command("COPY", SELECTED, parser(by_number), _run),
    Command("UID COPY", SELECTED, parser(by_uid), _run),
)
