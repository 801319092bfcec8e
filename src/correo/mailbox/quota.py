"""How much an account may have: limits that the operator sets, and counters that every change of messages keeps in step.

The counters ride on the statement that gives out the modseq, so that to hold a limit costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from correo.mail.errors import Kind, Refused
from correo.mailbox.counting import Count
from correo.storage.db import Tx

_CHARGED = """UPDATE mailbox_account SET modseq = modseq + 1, messages = messages + $2, size = size + $3
WHERE account_id = {account}
RETURNING modseq, account_id, messages, size, most_messages, most_size"""
_CHARGE = _CHARGED.format(account="$1")
_CHARGE_MAILBOX = _CHARGED.format(account="(SELECT account_id FROM mailbox_mailbox WHERE id = $1)")
_QUOTA = """SELECT messages, size, most_messages, most_size, most_mailboxes,
  (SELECT COUNT(*) FROM mailbox_mailbox AS b WHERE b.account_id = a.account_id)
FROM mailbox_account AS a WHERE account_id = $1"""
_FULL = """SELECT 1 FROM mailbox_account
WHERE account_id = $1 AND (messages >= most_messages OR size >= most_size)"""
_MOST_MAILBOXES = "SELECT most_mailboxes FROM mailbox_account WHERE account_id = $1"
_LIMIT = """UPDATE mailbox_account SET most_messages = $2, most_size = $3, most_mailboxes = $4
WHERE account_id = $1"""


class Room(Enum):
    """How closely a limit is held when messages come."""

    WITHIN = "within"  # nothing may go beyond it
    BEGUN = "begun"  # what finds the account below its limit is let in: mail that RCPT promised to take
    ANY = "any"  # everything: a notice to somebody who cannot be told otherwise


@dataclass(frozen=True, slots=True)
class Quota:
    """Sizes in octets; a limit that is None is none."""

    messages: int
    size: int
    most_messages: int | None
    most_size: int | None
    most_mailboxes: int | None
    mailboxes: int


async def quota(tx: Tx, account_id: int) -> Quota:
    """Raises Refused(NOT_FOUND)."""
    row = await tx.one(_QUOTA, account_id)
    if row is None:
        raise Refused(Kind.NOT_FOUND, f"account {account_id} has no mailboxes")
    return Quota(*row)


async def set_limits(
    tx: Tx, account_id: int, *, messages: int | None, size: int | None, mailboxes: int | None
) -> None:
    """From now on; what is there stays, however much. Raises Refused(NOT_FOUND)."""
    if not await tx.run(_LIMIT, account_id, messages, size, mailboxes):
        raise Refused(Kind.NOT_FOUND, f"account {account_id} has no mailboxes")


async def is_full(tx: Tx, account_id: int) -> bool:
    """Whether a message would be refused with Room.BEGUN."""
    return await tx.one(_FULL, account_id) is not None


async def check_mailboxes(tx: Tx, account_id: int, count: int) -> None:
    """Whether there may be so many. Raises Refused(OVER_QUOTA)."""
    row = await tx.one(_MOST_MAILBOXES, account_id)
    if row and row[0] is not None and count > row[0]:
        raise Refused(Kind.OVER_QUOTA, f"mailboxes of account {account_id}")


async def charge(tx: Tx, account_id: int, count: Count) -> int:
    """The account's next modseq, for a change by which it has `count` more. Raises Refused: NOT_FOUND, OVER_QUOTA."""
    modseq, _ = await _charge(tx, _CHARGE, account_id, count, Room.WITHIN)
    return modseq


async def charge_mailbox(tx: Tx, mailbox_id: int, count: Count, room: Room = Room.WITHIN) -> tuple[int, int]:
    """As `charge`, for the account that owns the mailbox: the modseq, and the account."""
    return await _charge(tx, _CHARGE_MAILBOX, mailbox_id, count, room)


async def _charge(tx: Tx, statement: str, id: int, count: Count, room: Room) -> tuple[int, int]:
    row = await tx.one(statement, id, count.messages, count.size)
    if row is None:
        raise Refused(Kind.NOT_FOUND, f"account or mailbox {id}")
    modseq, account_id, messages, size, most_messages, most_size = row
    if count.messages > 0 and room is not Room.ANY:
        if room is Room.BEGUN:  # as it was before, with room for one octet at least
            messages, size = messages - count.messages + 1, size - count.size + 1
        if _beyond(messages, most_messages) or _beyond(size, most_size):
            raise Refused(Kind.OVER_QUOTA, f"account {account_id}")
    return modseq, account_id


def _beyond(has: int, most: int | None) -> bool:
    return most is not None and has > most
