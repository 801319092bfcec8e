"""The change log: every operation's modseq, which mailbox it touched and how, and which messages.

Sessions read it to learn what others did (RFC 7162, RFC 2177), whichever process they are in. What is older than any session
may be forgotten (`forget`): a client that comes back after longer is told what the messages themselves still know.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from correo.mail.errors import Kind, Refused
from correo.mailbox import ranges
from correo.mailbox.ranges import Range, Ranges
from correo.mailbox.seen import JOIN, MODSEQ, OWNER
from correo.storage.db import Row, Tx


class What(Enum):
    """The kinds of change."""

    APPEND = "append"
    FLAGS = "flags"
    EXPUNGE = "expunge"
    CREATE = "create"
    RENAME = "rename"
    INBOX = "inbox"  # it was made by RENAME of INBOX, whose messages it took
    DELETE = "delete"
    USE = "use"  # it was given a special use, or lost it
    METADATA = "metadata"  # it was annotated
    ACL = "acl"  # somebody was given rights, or lost them
    SEEN = "seen"  # of one reader alone, who has read something or taken it back
    SUBSCRIBE = "subscribe"  # of the account, not of a mailbox: its mailbox_id is 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to a mailbox. No UID is in two of the three lists, and all are ascending.

    A message that came and went in between is only in `expunged`, so that may name UIDs nobody has seen (as VANISHED may,
    RFC 7162 §3.2.10); one that came and was flagged is only in `appended`. Where the log does not reach back far enough, what
    was appended is among `flagged`, and every UID without a message is in `expunged`.
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
_NOTE_SEEN = """INSERT INTO mailbox_change (account_id, modseq, mailbox_id, kind, uids, at, reader)
VALUES ($1, $2, $3, 'seen', $4, $5, $6)"""
_STATE = "SELECT account_id, modseq, uidnext, forgotten FROM mailbox_mailbox WHERE id = $1"
_SINCE = """SELECT kind, uids FROM mailbox_change
WHERE account_id = $1 AND mailbox_id = $2 AND modseq > $3 AND kind IN ('append', 'flags', 'expunge')"""
_SINCE_TO_READER = """SELECT CASE kind WHEN 'seen' THEN 'flags' ELSE kind END, uids FROM mailbox_change
WHERE account_id = $1 AND mailbox_id = $2 AND modseq > $3
AND (kind IN ('append', 'flags', 'expunge') OR (kind = 'seen' AND reader = $4))"""
_PRESENT = "SELECT uid, modseq FROM mailbox_message WHERE mailbox_id = $1 ORDER BY uid"
_PRESENT_TO_READER = f"""SELECT m.uid, {MODSEQ} FROM mailbox_message AS m{JOIN.format(reader="$2")}
WHERE m.mailbox_id = $1 ORDER BY m.uid"""

FORGET_MAILBOXES = 100  # that one call of `forget` looks at
FORGET_CHANGES = 5_000  # of one mailbox that it removes at most; the rest waits for the next round
_NEXT = f"SELECT id, account_id FROM mailbox_mailbox WHERE id > $1 ORDER BY id LIMIT {FORGET_MAILBOXES}"
_FIRST = "SELECT at FROM mailbox_change WHERE account_id = $1 AND mailbox_id = $2 ORDER BY modseq LIMIT 1"
_OLDEST = f"""SELECT modseq, at FROM mailbox_change WHERE account_id = $1 AND mailbox_id = $2
ORDER BY modseq LIMIT {FORGET_CHANGES}"""
_FORGET = "DELETE FROM mailbox_change WHERE account_id = $1 AND mailbox_id = $2 AND modseq <= $3"
_FORGOTTEN = "UPDATE mailbox_mailbox SET forgotten = $2 WHERE id = $1 AND forgotten < $2"  # an adoption reaches further


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


async def note_seen(
    tx: Tx, account_id: int, modseq: int, mailbox_id: int, reader: int, uids: Ranges, now: int
) -> None:
    """What one reader has read, or taken back, which nobody else sees."""
    await tx.run(_NOTE_SEEN, account_id, modseq, mailbox_id, ranges.text(uids), now, reader)


async def note_mailboxes(
    tx: Tx, account_id: int, modseq: int, mailbox_ids: Iterable[int], what: What, now: int
) -> None:
    """One operation that made, renamed or removed several mailboxes."""
    rows = [(account_id, modseq, mailbox_id, what.value, "", now) for mailbox_id in mailbox_ids]
    await tx.many(_NOTE, rows)


async def changes(tx: Tx, mailbox_id: int, since_modseq: int, reader: int = OWNER) -> Changes:
    """What happened after `since_modseq`. Costs one point read when nothing did.

    A reader is told as `flagged` what he has read himself, and of nobody else. The modseq is that of the mailbox, and may be
    higher though there is nothing to tell.
    """
    state = await tx.one(_STATE, mailbox_id)
    if state is None:
        return Changes(exists=False)
    account_id, modseq, uidnext, forgotten = state
    if modseq <= since_modseq:
        return Changes(True, modseq, uidnext)
    if since_modseq < forgotten:
        present = await (
            tx.all(_PRESENT_TO_READER, mailbox_id, reader) if reader else tx.all(_PRESENT, mailbox_id)
        )
        return _without_log(present, since_modseq, modseq, uidnext)
    if reader:
        rows = await tx.all(_SINCE_TO_READER, account_id, mailbox_id, since_modseq, reader)
    else:
        rows = await tx.all(_SINCE, account_id, mailbox_id, since_modseq)
    found: dict[str, list[Range]] = {"append": [], "flags": [], "expunge": []}
    for kind, uids in rows:
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


def _without_log(rows: Sequence[Row], since_modseq: int, modseq: int, uidnext: int) -> Changes:
    """From the messages alone, all of them (RFC 7162 §3.2.6: then all that ever went is reported)."""
    present = ranges.of(row[0] for row in rows)
    gone = ranges.without([(1, uidnext - 1)] if uidnext > 1 else [], present)
    return Changes(
        True, modseq, uidnext, (), tuple(row[0] for row in rows if row[1] > since_modseq), tuple(gone)
    )


async def forget(tx: Tx, after: int, older_than: int) -> int:
    """Remove what happened before `older_than` (µs UTC) from the log of the mailboxes whose ids follow `after`.

    The last id it looked at, to go on with in a transaction of its own; 0 when there was none left. `older_than` lies
    further back than any session has been idle.
    """
    last = 0
    for mailbox_id, account_id in await tx.all(_NEXT, after):
        last = mailbox_id
        first = await tx.one(_FIRST, account_id, mailbox_id)
        if first is None or first[0] >= older_than:
            continue  # as nearly always: thousands of rows need not be read to see it
        up_to = 0
        for modseq, at in await tx.all(_OLDEST, account_id, mailbox_id):
            if at >= older_than:
                break
            up_to = modseq
        if up_to:
            await tx.run(_FORGET, account_id, mailbox_id, up_to)
            await tx.run(_FORGOTTEN, mailbox_id, up_to)
    return last
