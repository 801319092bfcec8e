"""What POP3 calls messages that came from another server: the names they had there (RFC 1939 §7). All others need none kept."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from correo.mail.instant import SECOND
from correo.mailbox.ranges import Ranges
from correo.storage.db import Tx

# RFC 1939 §7 allows 70 octets. Servers that make them of file names say longer ones, which their clients know them by.
MAX_UIDL = 255

_UIDL = re.compile(rf"[!-~]{{1,{MAX_UIDL}}}")
_OWN = re.compile(r"([0-9a-f]{1,8})\.([0-9a-f]{1,8})")  # what `own_uidl` makes
_ALL = "SELECT uid, uidl FROM mailbox_uidl WHERE mailbox_id = $1"
_UIDS = "SELECT uid FROM mailbox_message WHERE mailbox_id = $1"
_ADD = "INSERT INTO mailbox_uidl (mailbox_id, uid, uidl) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_ANY = "SELECT 1 FROM mailbox_uidl WHERE mailbox_id = $1 LIMIT 1"
_FORGET = "DELETE FROM mailbox_uidl WHERE mailbox_id = $1 AND uid BETWEEN $2 AND $3"
_FORGET_ORIGIN = (
    "DELETE FROM mailbox_uidl WHERE mailbox_id = $1",
    "DELETE FROM mailbox_adoption WHERE mailbox_id = $1",
    "DELETE FROM mailbox_unlisted WHERE mailbox_id = $1",
)

_HAD = "INSERT INTO mailbox_import (account_id, source) VALUES ($1, $2) ON CONFLICT DO NOTHING"


def own_uidl(uidvalidity: int, uid: int) -> str:
    """Stable for ever and never used again: UIDs grow, and UIDVALIDITY tells lives of the mailbox apart."""
    return f"{uidvalidity:x}.{uid:x}"


def is_uidl(text: str) -> bool:
    return _UIDL.fullmatch(text) is not None


def may_be_called(text: str, uid: int, lives: Collection[int], now: int) -> bool:
    """Whether no other message of the mailbox has that as our own name for it, or ever will (RFC 1939 §7).

    `lives`: the UIDVALIDITYs it has and may get from another server; all others that it will have are later than now.
    """
    match = _OWN.fullmatch(text)
    if match is None:
        return True
    uidvalidity = int(match[1], 16)
    return int(match[2], 16) == uid or (uidvalidity not in lives and uidvalidity <= now // SECOND)


async def uidls(tx: Tx, mailbox_id: int) -> dict[int, str]:
    """By UID, of those messages that have another name than our own."""
    return dict(await tx.all(_ALL, mailbox_id))


async def keep_uidls(tx: Tx, mailbox_id: int, names: Iterable[tuple[int, str]]) -> None:
    """UIDs and names for which `is_uidl` holds. Of two messages with one name the first has it."""
    await tx.many(_ADD, [(mailbox_id, uid, name) for uid, name in names])


async def pin_uidls(tx: Tx, mailbox_id: int, uidvalidity: int) -> None:
    """Before the mailbox gets another UIDVALIDITY: what had our own name is still called so."""
    names = await uidls(tx, mailbox_id)
    rows = await tx.all(_UIDS, mailbox_id)
    await keep_uidls(
        tx, mailbox_id, [(uid, own_uidl(uidvalidity, uid)) for (uid,) in rows if uid not in names]
    )


async def forget_uidls(tx: Tx, mailbox_id: int, ranges: Ranges) -> None:
    """For messages that go. Most mailboxes have none, and are told by one look."""
    if await tx.one(_ANY, mailbox_id) is not None:
        await tx.many(_FORGET, [(mailbox_id, low, high) for low, high in ranges])


async def forget_origin(tx: Tx, account_id: int, mailbox_id: int, uidvalidity: int) -> None:
    """For a mailbox that goes: no other is to have its UIDVALIDITY; nothing else of the server it came from is remembered."""
    for statement in _FORGET_ORIGIN:
        await tx.run(statement, mailbox_id)
    await tx.run(_HAD, account_id, validity_had(uidvalidity))


def validity_had(uidvalidity: int) -> bytes:
    """Stands among the sources of messages, and says that a mailbox of the account has had this UIDVALIDITY."""
    return b"uidvalidity\0" + uidvalidity.to_bytes(4)
