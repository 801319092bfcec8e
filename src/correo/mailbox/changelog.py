"""The change log: every operation's modseq, which mailbox it touched and how, and which messages.

Sessions read it to learn what others did (RFC 7162, RFC 2177), whichever process they are in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from correo.mail.errors import Kind, Refused
from correo.mailbox import ranges
from correo.mailbox.ranges import Range, Ranges
from correo.storage.db import Tx


class What(Enum):
    """The kinds of change."""

    APPEND = "append"
    FLAGS = "flags"
    EXPUNGE = "expunge"
    CREATE = "create"
    RENAME = "rename"
    DELETE = "delete"
    SUBSCRIBE = "subscribe"  # of the account, not of a mailbox: its mailbox_id is 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to a mailbox. No UID is in two of the three lists, and all are ascending.

    A message that came and went in between is only in `expunged`, so that may name UIDs nobody has seen (as VANISHED may,
    RFC 7162 §3.2.10); one that came and was flagged is only in `appended`.
    """

    exists: bool  # False: it was deleted, and nothing else here means anything
    modseq: int = 0
    uidnext: int = 0
    appended: tuple[int, ...] = ()
    flagged: tuple[int, ...] = ()
    expunged: tuple[Range, ...] = ()


_STEP = "UPDATE mailbox_account SET modseq = modseq + 1 WHERE account_id = $1 RETURNING modseq"
_STEP_OF_MAILBOX = """UPDATE mailbox_account SET modseq = modseq + 1
WHERE account_id = (SELECT account_id FROM mailbox_mailbox WHERE id = $1) RETURNING modseq, account_id"""
_NOTE = """INSERT INTO mailbox_change (account_id, modseq, mailbox_id, kind, uids, at)
VALUES ($1, $2, $3, $4, $5, $6)"""
_STATE = "SELECT account_id, modseq, uidnext FROM mailbox_mailbox WHERE id = $1"
_SINCE = """SELECT kind, uids FROM mailbox_change
WHERE account_id = $1 AND modseq > $2 AND mailbox_id = $3 AND kind IN ('append', 'flags', 'expunge')"""


async def step(tx: Tx, account_id: int) -> int:
    """The account's next modseq."""
    row = await tx.one(_STEP, account_id)
    if row is None:
        raise Refused(Kind.NOT_FOUND, f"account {account_id} has no mailboxes")
    modseq: int = row[0]
    return modseq


async def step_of_mailbox(tx: Tx, mailbox_id: int) -> tuple[int, int]:
    """The next modseq of the account that owns the mailbox, and the account."""
    row = await tx.one(_STEP_OF_MAILBOX, mailbox_id)
    if row is None:
        raise Refused(Kind.NOT_FOUND, f"mailbox {mailbox_id}")
    return row[0], row[1]


async def note(
    tx: Tx, account_id: int, modseq: int, mailbox_id: int, what: What, uids: Ranges, now: int
) -> None:
    await tx.run(_NOTE, account_id, modseq, mailbox_id, what.value, ranges.text(uids), now)


async def note_mailboxes(
    tx: Tx, account_id: int, modseq: int, mailbox_ids: Iterable[int], what: What, now: int
) -> None:
    """One operation that made, renamed or removed several mailboxes."""
    rows = [(account_id, modseq, mailbox_id, what.value, "", now) for mailbox_id in mailbox_ids]
    await tx.many(_NOTE, rows)


async def changes(tx: Tx, mailbox_id: int, since_modseq: int) -> Changes:
    """What happened after `since_modseq`. Costs one point read when nothing did."""
    state = await tx.one(_STATE, mailbox_id)
    if state is None:
        return Changes(exists=False)
    account_id, modseq, uidnext = state
    if modseq <= since_modseq:
        return Changes(True, modseq, uidnext)
    found: dict[str, list[Range]] = {"append": [], "flags": [], "expunge": []}
    for kind, uids in await tx.all(_SINCE, account_id, since_modseq, mailbox_id):
        found[kind] += ranges.parsed(uids)
    expunged = ranges.merged(found["expunge"])
    appended = ranges.without(ranges.merged(found["append"]), expunged)
    flagged = ranges.without(ranges.without(ranges.merged(found["flags"]), expunged), appended)
    return Changes(
        True,
        modseq,
        uidnext,
        tuple(ranges.expanded(appended)),
        tuple(ranges.expanded(flagged)),
        tuple(expunged),
    )
