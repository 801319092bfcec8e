"""Messages that another server kept: brought here once each, many at a time, with their UIDs where clients can rely on them.

A client that knew the mailbox there goes on with what it has if UIDVALIDITY and UIDs are the same here (RFC 9051 §2.3.1.1). So a
mailbox takes the UIDVALIDITY of the other when all that was there is here, and not before; and it gives it up again if a UID
ever was one message here and may have been another there. No UIDVALIDITY is taken twice in one account, nor one that a mailbox
of it has or had: mailboxes may be deleted, made again and renamed, and a name would show old UIDs on other messages.

MODSEQs begin beyond all that a server which counts its changes can have come to, so that a client which knows those of the other
learns here what it missed there (RFC 7162 §3.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from correo.mail.errors import Kind, Refused
from correo.mail.flags import Flags
from correo.mail.instant import SECOND
from correo.mailbox import ranges as uidset
from correo.mailbox.changelog import What, note
from correo.mailbox.contents import Prepared, store
from correo.mailbox.counting import Count
from correo.mailbox.mailboxes import Mailbox, get
from correo.mailbox.names import INBOX
from correo.mailbox.quota import Room, charge_mailbox
from correo.mailbox.ranges import MAX_UID
from correo.mailbox.uidls import keep_uidls, may_be_called, pin_uidls, validity_had
from correo.storage.db import Tx

SOURCE_SIZE = 16  # octets of a hash
SOURCES = 64  # one statement looks for
# A higher one is not taken over: those that are made here later must be higher still, and have 32 bits.
MAX_UIDVALIDITY = 2**32 - 2**20
# A higher one is not taken over: no mailbox has come so far, and with those that are left this one must do for ever.
MAX_UIDNEXT = 2**31

_KNOWN = f"""SELECT source FROM mailbox_import
WHERE account_id = $1 AND source IN ({", ".join(f"${number}" for number in range(2, SOURCES + 2))})"""
_REMEMBER = "INSERT INTO mailbox_import (account_id, source) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_ADD = """INSERT INTO mailbox_message
  (mailbox_id, uid, content_id, flags, keywords, modseq, received, received_zone, saved, size)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""
# Not recent: clients have seen them where they were. What came before them and was recent still is.
_GROW = """UPDATE mailbox_mailbox SET uidnext = $3, modseq = $2, recent = CASE WHEN recent = uidnext THEN $3 ELSE recent END,
  messages = messages + $4, unseen = unseen + $5, deleted = deleted + $6, size = size + $7
WHERE id = $1"""
_ADOPTION = "SELECT uidvalidity, theirs, ours, apart, whole FROM mailbox_adoption WHERE mailbox_id = $1"
_BEGIN = """INSERT INTO mailbox_adoption (mailbox_id, uidvalidity, theirs, ours, apart, whole)
VALUES ($1, $2, $3, $4, 0, 1)"""
_GO_ON = "UPDATE mailbox_adoption SET theirs = $2, ours = $3, apart = $4 WHERE mailbox_id = $1"
_UNLISTED = "SELECT uid, source FROM mailbox_unlisted WHERE mailbox_id = $1 ORDER BY uid"
_UNLIST = "INSERT INTO mailbox_unlisted (mailbox_id, uid, source) VALUES ($1, $2, $3)"
_LISTED = "DELETE FROM mailbox_unlisted WHERE mailbox_id = $1 AND uid = $2"
_PART = "UPDATE mailbox_adoption SET whole = 0 WHERE mailbox_id = $1"
_NEW_VALIDITY = """UPDATE mailbox_account SET uidvalidity = CASE WHEN uidvalidity < $2 THEN $2 ELSE uidvalidity END + 1
WHERE account_id = $1 RETURNING uidvalidity"""
_TAKEN_VALIDITY = "UPDATE mailbox_account SET uidvalidity = $2 WHERE account_id = $1 AND uidvalidity < $2"
_IDENTITY = "UPDATE mailbox_mailbox SET uidvalidity = $2, uidnext = $3 WHERE id = $1"
_OF_OTHERS = "SELECT id, uidnext FROM mailbox_mailbox WHERE account_id = $1 AND uidvalidity = $2 AND id <> $3"
_LEAP = """UPDATE mailbox_account SET modseq = CASE WHEN modseq < $2 THEN $2 ELSE modseq END + 1
WHERE account_id = $1 RETURNING modseq"""
# Nothing before this is told from the log: whoever comes with a lower MODSEQ learns all flags, and of each UID that has no message.
_FROM_HERE = "UPDATE mailbox_mailbox SET modseq = $2, forgotten = $2 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message, prepared, and what it was there."""

    source: bytes  # SOURCE_SIZE octets that tell it from all others of the account
    prepared: Prepared
    content_id: int
    flags: Flags
    received: int
    received_zone: int
    uid: int | None
    uidl: str | None  # what POP3 called it, for which `is_uidl` holds


class _Adoption(NamedTuple):
    uidvalidity: int
    theirs: int
    ours: int
    apart: int
    whole: int

    def after(self, box: Mailbox) -> _Adoption:
        """With what happened here since something was last brought."""
        if self.apart or box.uidnext == self.ours:
            return self
        return self._replace(apart=self.ours)

    @property
    def collides(self) -> bool:
        """Whether the other server may have given a UID to something else that was given here, too."""
        return 0 < self.apart < self.theirs


async def known_sources(tx: Tx, account_id: int, sources: Sequence[bytes]) -> set[bytes]:
    """Those of them that have been brought already, wherever the messages are by now."""
    found: set[bytes] = set()
    for start in range(0, len(sources), SOURCES):
        some = [*sources[start : start + SOURCES]]
        found.update(
            row[0] for row in await tx.all(_KNOWN, account_id, *some, *[b""] * (SOURCES - len(some)))
        )
    return found


async def begin_adoption(
    tx: Tx,
    mailbox_id: int,
    uidvalidity: int,
    uidnext: int,
    listed: Callable[[], Mapping[bytes, int]],
    now: int,
) -> bool:
    """Whether messages keep their UIDs: the mailbox has never had any others, and nothing was given twice since.

    `listed`: all UIDs there, by sources. Raises Refused(NOT_FOUND).
    """
    box = await _box(tx, mailbox_id)
    adoption = await _adoption(tx, mailbox_id)
    if adoption is None:
        if box.uidnext > 1 or not 0 < uidvalidity <= MAX_UIDVALIDITY or not 0 < uidnext <= MAX_UIDNEXT:
            return False
        return await _begin(tx, box, uidvalidity, uidnext, now)
    if not adoption.whole:
        return False
    adoption = adoption.after(box)._replace(theirs=max(uidnext, adoption.theirs))
    unlisted = await _unlisted(tx, mailbox_id, listed)
    lowest = min(filter(None, (adoption.apart, unlisted)), default=0)
    parted = uidvalidity != adoption.uidvalidity or uidnext > MAX_UIDNEXT
    if parted or adoption._replace(apart=lowest).collides:
        await _part(tx, box, adoption, now)
        return False
    await tx.run(_GO_ON, mailbox_id, adoption.theirs, box.uidnext, adoption.apart)
    return True


async def adopt(
    tx: Tx, mailbox_id: int, arrivals: Sequence[Arrival], now: int, again: bool = False
) -> Sequence[Arrival]:
    """Put them into the mailbox, whatever the quota, with one modseq: those that had not been brought, or `again` all of them.

    Those with UIDs come in ascending order, and before those without. Raises Refused: NOT_FOUND (the mailbox), TOO_MANY (UIDs).
    """
    box = await _box(tx, mailbox_id)
    if not again:  # whoever asked before may not have been alone
        known = await known_sources(tx, box.account_id, [one.source for one in arrivals])
        arrivals = [one for one in arrivals if one.source not in known]
    if not arrivals:
        return arrivals
    adoption = await _adoption(tx, mailbox_id)
    keeping = adoption.after(box) if adoption and adoption.whole else None
    if keeping and keeping.collides:
        await _part(tx, box, keeping, now)
        keeping = None
    uids = _places(arrivals, box.uidnext, keeping)
    if uids[-1] >= MAX_UID:
        raise Refused(Kind.TOO_MANY, f"mailbox {mailbox_id} has no UIDs left")
    for arrival in arrivals:
        await store(tx, arrival.prepared, arrival.content_id, now)
    count = Count.of((arrival.flags.bits, arrival.prepared.size) for arrival in arrivals)
    modseq, account_id = await charge_mailbox(tx, mailbox_id, count, Room.ANY)
    await tx.many(
        _ADD, [_row(mailbox_id, uid, one, modseq, now) for uid, one in zip(uids, arrivals, strict=True)]
    )
    further = uids[-1] + 1
    await tx.run(_GROW, mailbox_id, modseq, further, count.messages, count.unseen, count.deleted, count.size)
    lives = (box.uidvalidity, adoption.uidvalidity if adoption else 0)
    named = [
        (uid, one.uidl)
        for uid, one in zip(uids, arrivals, strict=True)
        if one.uidl and may_be_called(one.uidl, uid, lives, now)
    ]
    await keep_uidls(tx, mailbox_id, named)
    await tx.many(_REMEMBER, [(account_id, one.source) for one in arrivals])
    await note(tx, account_id, modseq, mailbox_id, What.APPEND, uidset.of(uids), now)
    if keeping:
        placed = zip(uids, arrivals, strict=True)
        await tx.many(_UNLIST, [(mailbox_id, uid, one.source) for uid, one in placed if uid != one.uid])
        await tx.run(_GO_ON, mailbox_id, keeping.theirs, further, keeping.apart)
    return arrivals


async def end_adoption(tx: Tx, mailbox_id: int, now: int) -> bool:
    """All that was there is here: whether the mailbox is now, to clients, the one they knew. Raises Refused(NOT_FOUND)."""
    box = await _box(tx, mailbox_id)
    adoption = await _adoption(tx, mailbox_id)
    if adoption is None or not adoption.whole:
        return False
    adoption = adoption.after(box)
    if adoption.collides:
        await _part(tx, box, adoption, now)
        return False
    further = max(box.uidnext, adoption.theirs)
    if (box.uidvalidity, box.uidnext) != (adoption.uidvalidity, further):
        await _become(tx, box, adoption.uidvalidity, further)
    await tx.run(_GO_ON, mailbox_id, adoption.theirs, further, adoption.apart)
    return True


async def _begin(tx: Tx, box: Mailbox, uidvalidity: int, uidnext: int, now: int) -> bool:
    had = validity_had(uidvalidity)
    if await known_sources(tx, box.account_id, [had]):
        return False
    others = await tx.all(_OF_OTHERS, box.account_id, uidvalidity, box.id)
    if any(further > 1 for _, further in others):
        return False
    row = await tx.one(_LEAP, box.account_id, now)
    assert row is not None  # the account of a mailbox
    await tx.run(_FROM_HERE, box.id, row[0])
    await tx.run(_BEGIN, box.id, uidvalidity, uidnext, box.uidnext)
    await tx.run(_REMEMBER, box.account_id, had)
    await tx.run(_TAKEN_VALIDITY, box.account_id, uidvalidity)
    for id, _ in others:  # they have never had a message, so that no client can miss it
        await tx.run(_IDENTITY, id, await _new_validity(tx, box.account_id, now), 1)
    return True


async def _unlisted(tx: Tx, mailbox_id: int, listed: Callable[[], Mapping[bytes, int]]) -> int:
    """The lowest UID of a message that had none there, unless it got the same since; 0: there is no such message."""
    rows = await tx.all(_UNLISTED, mailbox_id)
    if not rows:
        return 0
    there = listed()
    agreed = [uid for uid, source in rows if there.get(source) == uid]
    await tx.many(_LISTED, [(mailbox_id, uid) for uid in agreed])
    return min((uid for uid, source in rows if there.get(source) != uid), default=0)


def _places(arrivals: Sequence[Arrival], uidnext: int, keeping: _Adoption | None) -> list[int]:
    """Their own UIDs where those are free, otherwise such as nothing ever had, here or there."""
    found = []
    for arrival in arrivals:
        uid = uidnext
        if keeping is not None:
            uid = arrival.uid if arrival.uid and arrival.uid >= uidnext else max(uidnext, keeping.theirs)
        found.append(uid)
        uidnext = uid + 1
    return found


def _row(mailbox_id: int, uid: int, arrival: Arrival, modseq: int, now: int) -> tuple[object, ...]:
    return (
        mailbox_id,
        uid,
        arrival.content_id,
        arrival.flags.bits,
        " ".join(arrival.flags.keywords),
        modseq,
        arrival.received,
        arrival.received_zone,
        now,
        arrival.prepared.size,
    )


async def _part(tx: Tx, box: Mailbox, adoption: _Adoption, now: int) -> None:
    """The mailbox goes its own way; what clients remember of the other is void."""
    await tx.run(_PART, box.id)
    if box.uidvalidity != adoption.uidvalidity:
        return
    await _become(tx, box, await _new_validity(tx, box.account_id, now), box.uidnext)


async def _new_validity(tx: Tx, account_id: int, now: int) -> int:
    row = await tx.one(_NEW_VALIDITY, account_id, now // SECOND)
    assert row is not None  # the account of a mailbox
    uidvalidity: int = row[0]
    return uidvalidity


async def _become(tx: Tx, box: Mailbox, uidvalidity: int, uidnext: int) -> None:
    """To clients of IMAP another mailbox; to those of POP3, who see the inbox alone, the same."""
    if box.name == INBOX and uidvalidity != box.uidvalidity:
        await pin_uidls(tx, box.id, box.uidvalidity)
    await tx.run(_IDENTITY, box.id, uidvalidity, uidnext)


async def _box(tx: Tx, mailbox_id: int) -> Mailbox:
    box = await get(tx, mailbox_id)
    if box is None:
        raise Refused(Kind.NOT_FOUND, f"mailbox {mailbox_id}")
    return box


async def _adoption(tx: Tx, mailbox_id: int) -> _Adoption | None:
    row = await tx.one(_ADOPTION, mailbox_id)
    return _Adoption(*row) if row else None
