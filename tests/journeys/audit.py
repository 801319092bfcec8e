"""The accounts of one server, gone over from outside: what its tables say against each other.

`faults` trusts nothing but the rows: it counts again what counters say, follows every pointer, and draws up for each recipient of
each message what became of him. An empty list is the proof that nothing was lost and nothing done twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from correo import ledger
from correo.storage.db import Tx

ENDS = frozenset({"delivered", "relayed", "bounced", "discarded"})

# Each finds rows that must not be there; the words say what they would mean.
RULES = (
    (
        "a counter of a mailbox is not what a recount gives",
        """SELECT b.id, b.name, b.messages, b.unseen, b.deleted, b.size FROM mailbox_mailbox AS b
           LEFT JOIN mailbox_message AS m ON m.mailbox_id = b.id
           GROUP BY b.id HAVING b.messages <> count(m.uid) OR b.size <> coalesce(sum(m.size), 0)
             OR b.unseen <> coalesce(sum(m.flags & 1 = 0), 0) OR b.deleted <> coalesce(sum(m.flags & 8 <> 0), 0)""",
    ),
    (
        "a counter of an account is not what its mailboxes give",
        """SELECT a.account_id, a.messages, a.size FROM mailbox_account AS a
           LEFT JOIN mailbox_mailbox AS b ON b.account_id = a.account_id
           GROUP BY a.account_id HAVING a.messages <> coalesce(sum(b.messages), 0) OR a.size <> coalesce(sum(b.size), 0)""",
    ),
    (
        "a UID or a modseq runs ahead of its mailbox",
        """SELECT m.mailbox_id, m.uid FROM mailbox_message AS m JOIN mailbox_mailbox AS b ON b.id = m.mailbox_id
           JOIN mailbox_account AS a ON a.account_id = b.account_id
           WHERE m.uid >= b.uidnext OR m.modseq > b.modseq OR b.modseq > a.modseq""",
    ),
    (
        "a message is in no mailbox",
        "SELECT mailbox_id, uid FROM mailbox_message WHERE mailbox_id NOT IN (SELECT id FROM mailbox_mailbox)",
    ),
    (
        "a message lost its content",
        "SELECT mailbox_id, uid FROM mailbox_message WHERE content_id NOT IN (SELECT id FROM mailbox_content)",
    ),
    (
        "a queued message lost its content",
        "SELECT id FROM queue_message WHERE content_id NOT IN (SELECT id FROM mailbox_content)",
    ),
    (
        "a content lost its body",
        "SELECT id FROM mailbox_content WHERE body_id NOT IN (SELECT id FROM mailbox_body)",
    ),
    (
        "content that nobody points to would never be freed",
        """SELECT id FROM mailbox_content WHERE id NOT IN (SELECT content_id FROM mailbox_message)
           AND id NOT IN (SELECT content_id FROM queue_message) AND id NOT IN (SELECT content_id FROM mailbox_orphan)""",
    ),
    (
        "a body that no content has",
        "SELECT id FROM mailbox_body WHERE id NOT IN (SELECT body_id FROM mailbox_content)",
    ),
    (
        "a queued message counts its recipients wrong",
        """SELECT q.id, q.remaining FROM queue_message AS q LEFT JOIN queue_recipient AS r ON r.message_id = q.id
           GROUP BY q.id HAVING q.remaining <> count(r.id) OR count(r.id) = 0""",
    ),
    (
        "a lease and a state contradict each other",
        "SELECT id, state, lease FROM queue_recipient WHERE (state = 'active') <> (lease <> '')",
    ),
    (
        "a message is in one mailbox twice",
        "SELECT mailbox_id, content_id FROM mailbox_message GROUP BY mailbox_id, content_id HAVING count(*) > 1",
    ),
)


async def faults(tx: Tx) -> list[str]:
    """Everything that is wrong, in words."""
    found = [f"{words}: {rows}" for words, sql in RULES if (rows := await tx.all(sql))]
    balance = await ledger.balance(tx)
    if balance.difference:
        found.append(f"the ledger does not balance: {balance}")
    checked = await tx.all("PRAGMA integrity_check")
    if checked != [("ok",)]:
        found.append(f"the file is damaged: {checked}")
    return [*found, *await _journeys(tx)]


async def _journeys(tx: Tx) -> list[str]:
    """For every message: each recipient accepted, or led to by an alias, has exactly one end or is queued."""
    expected: dict[int, Counter[str]] = defaultdict(Counter)
    ends: dict[int, Counter[str]] = defaultdict(Counter)
    found = []
    for message, recipient, event, detail in await tx.all(
        "SELECT message_id, recipient, event, detail FROM ledger_entry ORDER BY message_id, id"
    ):
        if event == "accepted":
            expected[message][recipient] += 1
        elif event == "expanded":
            expected[message][recipient] -= 1
            expected[message].update(detail.split())
        elif event in ENDS:
            ends[message][recipient] += 1
    for message, recipient in await tx.all("SELECT message_id, folded FROM queue_recipient"):
        ends[message][recipient] += 1
    for message in expected.keys() | ends.keys():
        wanted, got = +expected[message], ends[message]
        if wanted != got:
            lost, twice = wanted - got, got - wanted
            found.append(f"message {message}: without an end: {dict(lost)}, with one too many: {dict(twice)}")
    return found
