"""Journeys found by whatever the person who asks has at hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from correo.ledger.ids import read_id
from correo.ledger.journeys import Journey, journey
from correo.ledger.owner import Owner, seen_by
from correo.mail.address import Address, BadAddress
from correo.mail.instant import HOUR
from correo.storage.db import Row, Tx

MAX_JOURNEYS = 1000  # one trace shows at most
MAX_WORDS = 20  # of a subject
# Messages whose subject, or whose place among somebody's mail, is looked at in one search: some seconds.
MAX_LOOKED = 2_000_000
MAX_OWN = 100_000  # the same for the owner of an account, who may ask all day
EVER = 2**63 - 1
# Ids grow with time, but for a message that was long in coming and for a clock that was set back.
ASTRAY = HOUR

_PAGE = 200  # of what an index has found, at first: most ask for a few
_LARGE_PAGE = 5_000  # of what is read one after the other


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a journey must fit; all of it."""

    what: str = ""  # an id in base 32, a Message-ID with or without its brackets, or an address, as sender or as recipient
    subject: str = ""  # words in any order, in any case
    since: int = 0  # when the message came: µs UTC, not before
    until: int = EVER  # and before
    owner: Owner | None = None  # only what is his, as he may see it


@dataclass(frozen=True, slots=True)
class Found:
    """The newest first. `back_to`: when it was given up, the moment back to which everything was looked at; else 0."""

    journeys: list[Journey]
    back_to: int = 0


# Each is answered from the end of one index, however large the ledger is.
_OF_MESSAGES = "SELECT id FROM ledger_message WHERE id > $1 AND id < $2 AND {} ORDER BY id DESC LIMIT $3"
_OF_ENTRIES = """SELECT DISTINCT message_id FROM ledger_entry WHERE message_id > $1 AND message_id < $2 AND {}
ORDER BY message_id DESC LIMIT $3"""
BY_HEADER = _OF_MESSAGES.format("message_id = $4")
BY_SENDER = _OF_MESSAGES.format("sender = $4")
BY_ACCOUNT = _OF_MESSAGES.format("account = $4 AND account <> ''")
BY_RECIPIENT = _OF_ENTRIES.format("recipient = $4")
# But for this one, which reads all of somebody's mail to addresses with a tag; without the plus it would read the whole ledger.
BY_TAG = """SELECT DISTINCT message_id FROM ledger_entry
WHERE recipient > $4 AND recipient < $5 AND +message_id > $1 AND +message_id < $2
ORDER BY +message_id DESC LIMIT $3"""

_SUBJECTS = "SELECT id, at, subject FROM ledger_message WHERE id > $1 AND id < $2 ORDER BY id DESC LIMIT $3"
_SUBJECT = "SELECT id, at, subject FROM ledger_message WHERE id = $1"
_ENDS = "SELECT (SELECT MIN(id) FROM ledger_message), (SELECT MAX(id) FROM ledger_message)"
_NEXT = "SELECT id, at FROM ledger_message WHERE id >= $1 ORDER BY id LIMIT 1"

Search = tuple[str, ...]  # a statement, and what it is to find


async def trace(tx: Tx, query: str, limit: int) -> list[Journey]:
    """The newest journeys that `query` names, which is what `Wanted.what` is."""
    return (await search(tx, Wanted(query), limit)).journeys if query.strip() else []


async def search(tx: Tx, wanted: Wanted, limit: int) -> Found:
    """The newest `limit` journeys that fit; without a subject or an owner at the cost of what is found. For `scan`."""
    words = wanted.subject.casefold().split()[:MAX_WORDS]
    limit = max(0, min(limit, MAX_JOURNEYS))
    found: list[Journey] = []
    looked, most = 0, MAX_OWN if wanted.owner else MAX_LOOKED
    async for id, at, subject in _candidates(tx, wanted):
        if len(found) == limit:
            break
        looked += 1
        if looked > most:
            return Found(found, at)
        if wanted.since <= at < wanted.until and _has(words, subject):
            one = await journey(tx, id)
            if one is not None and (shown := fitting(wanted, one)):
                found.append(shown)
    return Found(found)


def fitting(wanted: Wanted, one: Journey) -> Journey | None:
    """The journey where it fits, of which the owner sees his part: what is hidden from him does not make it fit."""
    shown = seen_by(wanted.owner, one) if wanted.owner else one
    if shown is None or not wanted.since <= one.at < wanted.until:
        return None
    fits = _is_named(wanted.what.strip(), shown) and _has(wanted.subject.casefold().split(), one.subject)
    return shown if fits else None


def _is_named(what: str, one: Journey) -> bool:
    if not what:
        return True
    bare = _bare(what)
    if one.message_id and one.message_id in (f"<{bare}>", what):
        return True
    if "@" in bare:
        address = _folded(bare)
        return address == one.sender or any(entry.recipient == address for entry in one.entries)
    return _id(what) == one.id


def _has(words: list[str], subject: str) -> bool:
    folded = subject.casefold() if words else ""
    return all(word in folded for word in words)


# -- candidates ----------------------------------------------------------------------------------------------------------


async def _candidates(tx: Tx, wanted: Wanted) -> AsyncIterator[Row]:
    """Id, moment and subject of what may fit, the newest first."""
    low, high = await _range(tx, wanted)
    searches = _searches(wanted)
    if searches is None:
        while page := await tx.all(_SUBJECTS, low, high, _LARGE_PAGE):
            for row in page:
                yield row
            high = page[-1][0]
        return
    page_size = _PAGE
    while low < high:
        ids: set[int] = set()
        for statement, *values in searches:
            ids |= {row[0] for row in await tx.all(statement, low, high, page_size, *values)}
        if low < (named := _id(wanted.what)) < high and not wanted.owner:
            ids.add(named)
        newest = sorted(ids, reverse=True)[:page_size]
        for id in newest:
            found = await tx.one(_SUBJECT, id)
            if found is not None:
                yield found
        if len(newest) < page_size:
            return
        high, page_size = newest[-1], _LARGE_PAGE


def _searches(wanted: Wanted) -> list[Search] | None:
    """By which indexes it is found; None: by none of them."""
    if wanted.owner:  # so that it takes no time that tells of other people's mail
        address = wanted.owner.address
        user = address.rpartition("@")[0]
        return [(BY_ACCOUNT, address), (BY_RECIPIENT, address), (BY_TAG, f"{user}+", f"{user},")]
    what = wanted.what.strip()
    if not what:
        return None
    bare = _bare(what)
    if not bare:
        return []  # not the messages that have no Message-ID
    searches: list[Search] = [(BY_HEADER, f"<{bare}>"), (BY_HEADER, what)]
    if "@" in bare:
        address = _folded(bare)
        searches += [(BY_SENDER, address), (BY_RECIPIENT, address)]
    return searches


async def _range(tx: Tx, wanted: Wanted) -> tuple[int, int]:
    """Between which ids, without them, all that came in that time lies."""
    ends = await tx.one(_ENDS)
    if ends is None or ends[0] is None:
        return 0, 0
    low, high = ends[0] - 1, ends[1] + 1
    if wanted.since > 0:
        low = await _first_since(tx, wanted.since - ASTRAY, low, high) - 1
    if wanted.until < EVER:
        high = await _first_since(tx, wanted.until + ASTRAY, low, high)
    return low, high


async def _first_since(tx: Tx, instant: int, low: int, high: int) -> int:
    """An id in (low, high] such that what came before the instant has smaller ones: some sixty point reads, and no index."""
    while high - low > 1:
        middle = (low + high) // 2
        row = await tx.one(_NEXT, middle)
        if row is None or row[0] >= high or row[1] >= instant:
            high = middle
        else:
            low = row[0]
    return high


def _bare(text: str) -> str:
    return text.strip().removeprefix("<").removesuffix(">")


def _id(text: str) -> int:
    """-1: no id."""
    try:
        return read_id(text)
    except ValueError:
        return -1


def _folded(text: str) -> str:
    try:
        return Address.parse(text).folded
    except BadAddress:
        return text.lower()
