"""What is in a database, counted and proved: for backups, which must not lose any of it, and for restores, which must find it.

Reads tables of several packages, all of each, in slices; for copies, which nobody else waits for.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass

from correo.ledger import balance
from correo.mail.errors import Refused
from correo.mailbox.compression import unpacked
from correo.mailbox.contents import HASH_SIZE
from correo.storage.db import Row, Tx

SLICE = 512  # rows read at once
SLICE_OCTETS = 16 * 1024 * 1024  # and about how much of message bodies
MAX_FAULTS = 20  # named; the rest is counted

Progress = Callable[[int, int], None]  # done, of how much


@dataclass(frozen=True, slots=True)
class Inventory:
    """Counts of rows; `digest` is SHA-256 over (mailbox, UID, size and hash of header and body) of every message."""

    domains: int
    accounts: int
    aliases: int
    mailboxes: int
    messages: int
    contents: int
    bodies: int
    queue_recipients: int
    ledger_messages: int
    ledger_entries: int
    ledger_difference: int  # what `balance` finds; 0 where nothing was lost
    digest: str

    def counts(self) -> dict[str, int]:
        return {name: value for name, value in asdict(self).items() if isinstance(value, int)}


_TABLES = {
    "domains": "accounts_domain",
    "accounts": "accounts_account",
    "aliases": "accounts_alias",
    "mailboxes": "mailbox_mailbox",
    "messages": "mailbox_message",
    "contents": "mailbox_content",
    "bodies": "mailbox_body",
    "queue_recipients": "queue_recipient",
    "ledger_messages": "ledger_message",
    "ledger_entries": "ledger_entry",
}
_MESSAGES = f"""SELECT m.mailbox_id, m.uid, c.size, c.header, c.header_size, b.hash FROM mailbox_message AS m
LEFT JOIN mailbox_content AS c ON c.id = m.content_id LEFT JOIN mailbox_body AS b ON b.id = c.body_id
WHERE (m.mailbox_id, m.uid) > ($1, $2) ORDER BY m.mailbox_id, m.uid LIMIT {SLICE}"""
_BODY_SIZES = f"SELECT id, size FROM mailbox_body WHERE id > $1 ORDER BY id LIMIT {SLICE}"
_BODIES = "SELECT id, hash, size, data FROM mailbox_body WHERE id > $1 AND id <= $2 ORDER BY id"
_CONTENTS = f"""SELECT c.id, c.size, c.header_size, c.header, b.size FROM mailbox_content AS c
LEFT JOIN mailbox_body AS b ON b.id = c.body_id WHERE c.id > $1 ORDER BY c.id LIMIT {SLICE}"""

# Statements that find something only where a promise of the packages is broken; each row is (what, how many).
_BROKEN_PROMISES = (
    """SELECT 'messages without content', count(*) FROM mailbox_message AS m
       WHERE NOT EXISTS (SELECT 1 FROM mailbox_content AS c WHERE c.id = m.content_id)""",
    """SELECT 'messages without a mailbox', count(*) FROM mailbox_message AS m
       WHERE NOT EXISTS (SELECT 1 FROM mailbox_mailbox AS x WHERE x.id = m.mailbox_id)""",
    """SELECT 'messages whose size is not that of their content', count(*) FROM mailbox_message AS m
       JOIN mailbox_content AS c ON c.id = m.content_id WHERE c.size <> m.size""",
    """SELECT 'marks of readers on messages that are not there', count(*) FROM mailbox_seen AS s
       WHERE NOT EXISTS (SELECT 1 FROM mailbox_message AS m WHERE m.mailbox_id = s.mailbox_id AND m.uid = s.uid)""",
    """SELECT 'unique-ids of messages that are not there', count(*) FROM mailbox_uidl AS u
       WHERE NOT EXISTS (SELECT 1 FROM mailbox_message AS m WHERE m.mailbox_id = u.mailbox_id AND m.uid = u.uid)""",
    """SELECT 'messages that an Outbox shows and that are not there', count(*) FROM mailbox_shown AS s
       WHERE NOT EXISTS (SELECT 1 FROM mailbox_message AS m WHERE m.mailbox_id = s.mailbox_id AND m.uid = s.uid)""",
    """SELECT 'rights in mailboxes that are not there', count(*) FROM mailbox_right AS r
       WHERE NOT EXISTS (SELECT 1 FROM mailbox_mailbox AS x WHERE x.id = r.mailbox_id)""",
    """SELECT 'queued messages without content', count(*) FROM queue_message AS q
       WHERE NOT EXISTS (SELECT 1 FROM mailbox_content AS c WHERE c.id = q.content_id)""",
    """SELECT 'queued messages whose recipients are miscounted', count(*) FROM queue_message AS q
       WHERE q.remaining <> (SELECT count(*) FROM queue_recipient AS r WHERE r.message_id = q.id)""",
    """SELECT 'accounts without mailboxes', count(*) FROM accounts_account AS a
       WHERE NOT EXISTS (SELECT 1 FROM mailbox_account AS m WHERE m.account_id = a.id)""",
    """SELECT 'mailboxes whose counters are wrong', count(*) FROM mailbox_mailbox AS x
       WHERE (x.messages, x.size) <> (SELECT count(*), coalesce(sum(m.size), 0) FROM mailbox_message AS m
                                      WHERE m.mailbox_id = x.id)
       OR x.uidnext <= (SELECT coalesce(max(m.uid), 0) FROM mailbox_message AS m WHERE m.mailbox_id = x.id)""",
    """SELECT 'accounts whose counters are wrong', count(*) FROM mailbox_account AS a
       WHERE (a.messages, a.size) <> (SELECT coalesce(sum(x.messages), 0), coalesce(sum(x.size), 0)
                                      FROM mailbox_mailbox AS x WHERE x.account_id = a.account_id)""",
)


class Faults:
    """What was found wrong: the first in words, the rest in number."""

    def __init__(self) -> None:
        self.count = 0
        self._words: list[str] = []

    def add(self, words: str) -> None:
        self.count += 1
        if len(self._words) < MAX_FAULTS:
            self._words.append(words)

    @property
    def words(self) -> list[str]:
        more = self.count - len(self._words)
        return self._words + ([f"and {more} more"] if more else [])


async def take(tx: Tx) -> Inventory:
    """Count everything. Raises Refused(BROKEN) where a message cannot be read."""
    counts = {}
    for name, table in _TABLES.items():
        row = await tx.one(f"SELECT count(*) FROM {table}")
        counts[name] = int(row[0]) if row else 0
    difference = (await balance(tx)).difference
    return Inventory(**counts, ledger_difference=difference, digest=await _digest(tx))


async def _digest(tx: Tx) -> str:
    total = hashlib.sha256()
    last = (0, 0)
    while rows := await tx.all(_MESSAGES, *last):
        for mailbox_id, uid, size, header, header_size, body_hash in rows:
            octets = unpacked(header, header_size) if header is not None else b""
            header_hash = hashlib.blake2b(octets, digest_size=HASH_SIZE).hexdigest()
            body = body_hash.hex() if body_hash is not None else "missing"
            total.update(f"{mailbox_id} {uid} {size} {header_hash} {body}\n".encode())
        last = rows[-1][:2]
    return total.hexdigest()


async def verify(tx: Tx, progress: Progress) -> list[str]:
    """Read every message that is stored, and test every promise; what is wrong, in words. Progress counts octets as kept."""
    faults = Faults()
    for statement in _BROKEN_PROMISES:
        row = await tx.one(statement)
        if row and row[1]:
            faults.add(f"{row[1]} {row[0]}")
    difference = (await balance(tx)).difference
    if difference:
        faults.add(f"the ledger does not balance: {difference:+d} recipients")
    await _verify_headers(tx, faults)
    await _verify_bodies(tx, faults, progress)
    return faults.words


async def _verify_headers(tx: Tx, faults: Faults) -> None:
    last = 0
    while rows := await tx.all(_CONTENTS, last):
        for id, size, header_size, header, body_size in rows:
            if body_size is None:
                faults.add(f"content {id} has lost its body")
            elif header_size + body_size != size:
                faults.add(f"content {id} has {header_size + body_size} octets where {size} were recorded")
            try:
                unpacked(header, header_size)
            except Refused as refused:
                faults.add(f"header of content {id}: {refused.detail}")
        last = rows[-1][0]


async def _verify_bodies(tx: Tx, faults: Faults, progress: Progress) -> None:
    row = await tx.one("SELECT coalesce(sum(size), 0) FROM mailbox_body")
    total, done = int(row[0]) if row else 0, 0
    async for id, expected, size, data in _all_bodies(tx):
        try:
            body = unpacked(data, size)
            if hashlib.blake2b(body, digest_size=HASH_SIZE).digest() != expected:
                faults.add(f"body {id} is not what was stored: its hash differs")
        except Refused as refused:
            faults.add(f"body {id}: {refused.detail}")
        done += size
        progress(done, total)


async def _all_bodies(tx: Tx) -> AsyncIterator[Row]:
    """Every body by id, never much more than SLICE_OCTETS of them in memory."""
    last = 0
    while sizes := await tx.all(_BODY_SIZES, last):
        start, held = last, 0
        for id, size in sizes:
            held += size
            if held >= SLICE_OCTETS:
                for row in await tx.all(_BODIES, start, id):
                    yield row
                start, held = id, 0
        last = sizes[-1][0]
        if start < last:
            for row in await tx.all(_BODIES, start, last):
                yield row
