"""Rights: what may be done with a mailbox, as letters (RFC 4314 §2), and who has which of them.

An entry gives rights to one account or to everybody of a domain, or takes them away (a negative entry, §2). What somebody may do
is all that is given to him minus all that is taken. Owners are not known here: whoever asks adds what an owner always has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from correo.mail.errors import Kind, Refused
from correo.mail.flags import DELETED, SEEN, Flags
from correo.mailbox.changelog import What, note, step_of_mailbox
from correo.mailbox.counting import NONE, adjust
from correo.storage.db import Row, Tx

Rights = frozenset[str]
Change = Literal["replace", "add", "remove"]

LETTERS = "lrswipkxtea"  # RFC 4314 §2.1, in its order
ALL_RIGHTS: Rights = frozenset(LETTERS)
NO_RIGHTS: Rights = frozenset()
ANYONE = 0  # in the place of an account id: everybody with an account in the entry's domain

# RFC 4314 §2.1.1: the rights of RFC 2086 that became several. "c" is also "x" here, as most servers had it.
_CREATE, _DELETE = frozenset("kx"), frozenset("et")
_VIRTUAL = {"c": _CREATE, "d": _DELETE}

MAX_ENTRIES = 1_000  # of one mailbox: GETACL answers with all of them on one line

_ALL = """SELECT account_id, domain, negative, rights FROM mailbox_right
WHERE mailbox_id = $1 ORDER BY account_id, domain, negative"""
_OF = """SELECT account_id, domain, negative, rights FROM mailbox_right
WHERE mailbox_id = $1 AND account_id IN (0, $2)"""
_GIVE = """INSERT INTO mailbox_right (mailbox_id, account_id, domain, negative, rights) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (mailbox_id, account_id, domain, negative) DO UPDATE SET rights = excluded.rights"""
_TAKE = """DELETE FROM mailbox_right
WHERE mailbox_id = $1 AND account_id = $2 AND domain = $3 AND negative = $4"""
_EXISTS = "SELECT 1 FROM mailbox_mailbox WHERE id = $1"
_INHERIT = """INSERT INTO mailbox_right (mailbox_id, account_id, domain, negative, rights)
SELECT CAST($1 AS BIGINT), r.account_id, r.domain, r.negative, r.rights FROM mailbox_mailbox AS b
JOIN mailbox_right AS r ON r.mailbox_id = b.id WHERE b.account_id = $2 AND b.name = $3"""
_FORGET = "DELETE FROM mailbox_right WHERE mailbox_id = $1"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who looks at a mailbox."""

    account_id: int
    domain: str  # comparison form


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an access control list."""

    account_id: int  # ANYONE: everybody of `domain`
    domain: str  # "" where account_id says who
    negative: bool
    rights: Rights  # never empty


def parse_rights(text: str) -> Rights | None:
    """None where a letter is no right of ours (RFC 4314 §3.1: never ignored). "c" and "d" stand for what they became."""
    if not ALL_RIGHTS.issuperset(text.translate(_WITHOUT_VIRTUAL)):
        return None
    found = set(text)
    for letter, members in _VIRTUAL.items():
        if letter in found:
            found.remove(letter)
            found |= members
    return frozenset(found)


_WITHOUT_VIRTUAL = {ord(letter): None for letter in _VIRTUAL}


def format_rights(rights: Rights) -> str:
    """In the order of the RFC, then "c" and "d" where any right that they became is there (RFC 4314 §2.1.1)."""
    virtual = (letter for letter, members in _VIRTUAL.items() if not members.isdisjoint(rights))
    return ordered(rights) + "".join(virtual)


def ordered(rights: Iterable[str]) -> str:
    """As they are kept and shown to people: only real ones."""
    return "".join(sorted(rights, key=LETTERS.index))


def allowed(flags: Flags, rights: Rights) -> Flags:
    """What of `flags` somebody may set or clear (RFC 4314 §4)."""
    if may_set_all(rights):
        return flags
    return Flags(flags.bits & flag_bits(rights), flags.keywords if "w" in rights else ())


def may_set_all(rights: Rights) -> bool:
    return rights.issuperset("stw")


def flag_bits(rights: Rights) -> int:
    """The system flags somebody may set or clear."""
    bits = SEEN if "s" in rights else 0
    bits |= DELETED if "t" in rights else 0
    return bits | (~(SEEN | DELETED) if "w" in rights else 0)


async def acl(tx: Tx, mailbox_id: int) -> list[Entry]:
    """The whole list; that of everybody first, and a positive entry before the negative one."""
    return [_entry(row) for row in await tx.all(_ALL, mailbox_id)]


async def rights(tx: Tx, mailbox_id: int, who: Identity) -> Rights:
    """What the entries give: nothing to an owner, who needs none."""
    entries = [_entry(row) for row in await tx.all(_OF, mailbox_id, who.account_id)]
    return combined(entry for entry in entries if applies(entry, who))


def applies(entry: Entry, who: Identity) -> bool:
    if entry.account_id == ANYONE:
        return entry.domain == who.domain
    return entry.account_id == who.account_id


def combined(entries: Iterable[Entry]) -> Rights:
    """Of entries that apply to one person."""
    given: Rights = NO_RIGHTS
    taken: Rights = NO_RIGHTS
    for entry in entries:
        if entry.negative:
            taken |= entry.rights
        else:
            given |= entry.rights
    return given - taken


async def set_rights(
    tx: Tx,
    mailbox_id: int,
    account_id: int,
    domain: str,
    negative: bool,
    how: Change,
    rights: Rights,
    now: int,
) -> Rights:
    """Change one entry; what it holds then. An entry without rights is no entry.

    `account_id` is ANYONE with the domain, or an account with "". A modseq is taken and the change noted where something is
    different then. Raises Refused: NOT_FOUND (the mailbox), TOO_MANY (entries).
    """
    if (account_id == ANYONE) != bool(domain):
        raise ValueError("an entry is of an account or of a domain")
    if await tx.one(_EXISTS, mailbox_id) is None:
        raise Refused(Kind.NOT_FOUND, f"mailbox {mailbox_id}")
    entries = await acl(tx, mailbox_id)
    key = (account_id, domain, negative)
    before = next(
        (one.rights for one in entries if (one.account_id, one.domain, one.negative) == key), NO_RIGHTS
    )
    after = {"replace": rights, "add": before | rights, "remove": before - rights}[how]
    if after == before:
        return after
    if not before and len(entries) >= MAX_ENTRIES:
        raise Refused(Kind.TOO_MANY, "entries in one access control list")
    if after:
        await tx.run(_GIVE, mailbox_id, account_id, domain, int(negative), ordered(after))
    else:
        await tx.run(_TAKE, mailbox_id, account_id, domain, int(negative))
    modseq, owner = await step_of_mailbox(tx, mailbox_id)
    await adjust(tx, mailbox_id, modseq, NONE)
    await note(tx, owner, modseq, mailbox_id, What.ACL, (), now)
    return after


async def inherit(tx: Tx, account_id: int, mailbox_id: int, parent: str) -> None:
    """Give a mailbox that has no entries yet those of the one above it (RFC 4314 §4)."""
    await tx.run(_INHERIT, mailbox_id, account_id, parent)


async def forget_rights(tx: Tx, mailbox_id: int) -> None:
    await tx.run(_FORGET, mailbox_id)


def _entry(row: Row) -> Entry:
    account_id, domain, negative, letters = row
    return Entry(account_id, domain, bool(negative), frozenset(letters))
