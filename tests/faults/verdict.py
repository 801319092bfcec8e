"""What is in the server's books against what everybody else knows.

promised    what somebody read 250 for is in the books, for each recipient
one end     each recipient has exactly one end, or is queued once; counters agree with a recount, and the file is whole
once        nothing is in an account twice, and nothing is there that was answered with a refusal; at the other server nothing is twice
            that the end of a process at that moment does not explain
kept        what was delivered or appended is there until its reader removes it, and not after that
unchanged   what is there is what was sent, to the octet
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.faults.books import HERE, THERE, Books, Broken, Letter, target_of
from tests.faults.world import World
from tests.journeys.audit import faults

from correo import mailbox, queue
from correo.clock.system import SystemClock
from correo.mail.instant import HOUR
from correo.storage.db import Row, Tx
from correo.storage.db.sqlite import Sqlite

SHOWN = 5  # of what breaks one law
COMPARED = 500  # messages that are compared octet by octet

_ACCEPTED = """SELECT DISTINCT m.message_id, e.recipient FROM ledger_message AS m JOIN ledger_entry AS e ON e.message_id = m.id
WHERE e.event = 'accepted'"""
_HELD = """SELECT a.address, c.message_id, m.content_id FROM mailbox_message AS m
JOIN mailbox_mailbox AS b ON b.id = m.mailbox_id JOIN accounts_account AS a ON a.id = b.account_id
JOIN mailbox_content AS c ON c.id = m.content_id"""
_ENDS = """SELECT event, count(*) FROM ledger_entry WHERE event IN ('delivered', 'relayed', 'bounced', 'discarded')
GROUP BY event"""


@dataclass(frozen=True, slots=True)
class Found:
    """In the end."""

    ends: Counter[str]
    doubles: int  # at the other server, each explained


async def examine(database: Path, books: Books) -> None:
    """While the server runs, or has just started: what must be true at any time. Raises Broken."""
    promised = list(books.promised)
    db = await Sqlite.open(database, now=SystemClock().now(), threaded=False)
    try:
        wrong = await db.read(faults)
        accepted = {*await db.read(_rows, _ACCEPTED)}
    finally:
        await db.close()
    _raise_any(wrong + lost(promised, accepted) + books.wrong)


async def settle(world: World, seconds: float) -> None:
    """The server stopped, the leases of the dead over, and then all that waits is sent."""
    await world.server.stop()
    db = await Sqlite.open(world.database, now=SystemClock().now(), threaded=False)
    await db.write(queue.recover, SystemClock().now() + HOUR)
    await db.close()
    await world.server.start()
    db = await Sqlite.open(world.database, now=SystemClock().now(), threaded=False)
    try:
        async with asyncio.timeout(seconds):
            while (await db.read(queue.census)).messages:
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise Broken(
            f"rest: after {seconds:.0f} s something still waits: {world.server.last_words()}"
        ) from None
    finally:
        await db.close()
    for reader in world.imap:
        await reader.look_at_all()
    await world.server.stop()


async def judge(database: Path, books: Books) -> Found:
    """In the end, when the server has stopped and nothing waits. Raises Broken."""
    await examine(database, books)
    db = await Sqlite.open(database, now=SystemClock().now(), threaded=False)
    try:
        held = await db.read(_rows, _HELD)
        ends = Counter(dict(await db.read(_rows, _ENDS)))
        changed = await db.read(_changed, held, books)
    finally:
        await db.close()
    doubles, twice = books.doubles()
    _raise_any(changed + kept(held, books) + relayed(books) + twice)
    return Found(ends, doubles)


def lost(promised: list[Letter], accepted: set[Row]) -> list[str]:
    return [
        f"promised: {letter.id} for {recipient} is lost"
        for letter in promised
        for recipient in letter.recipients
        if (letter.id, recipient) not in accepted
    ]


def kept(held: list[Row], books: Books) -> list[str]:
    there = Counter((address, id) for address, id, _ in held)
    wanted = {
        (recipient, letter.id)
        for letter in books.promised
        for recipient in letter.recipients
        if recipient.endswith(HERE) and not recipient.startswith("far")
    } | books.appended
    wrong = [f"once: {key} is there {count} times" for key, count in there.items() if count > 1]
    wrong += [f"once: {key} was refused and is there" for key in there if key[1] in books.refused]
    for key in wanted:
        gone = books.removed[key]
        if there[key] > 1 - gone:
            wrong.append(f"kept: {key} was removed and is there")
        elif there[key] + gone + books.perhaps_removed[key] < 1:
            wrong.append(f"kept: {key} is lost")
    return wrong


def relayed(books: Books) -> list[str]:
    wrong = [
        f"once: {key} was refused and came to another server"
        for key in books.elsewhere
        if key[0] in books.refused
    ]
    for letter in books.promised:
        for recipient in letter.recipients:
            far = recipient.endswith(THERE)
            key = letter.id, recipient if far else target_of(recipient)
            if (far or recipient.startswith("far")) and not books.elsewhere.get(key):
                wrong.append(f"promised: {key} never came to the other server")
    return wrong


async def _changed(tx: Tx, held: list[Row], books: Books) -> list[str]:
    known = [(id, content) for _, id, content in held if id in books.letters]
    step = max(1, len(known) // COMPARED)
    return [
        f"unchanged: {id} is not what was sent"
        for id, content in known[::step]
        if not books.unchanged(id, await mailbox.raw(tx, content))
    ]


async def _rows(tx: Tx, sql: str) -> list[Row]:
    return await tx.all(sql)


def _raise_any(wrong: list[str]) -> None:
    if wrong:
        more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise Broken("; ".join(wrong[:SHOWN]) + more)
