"""What was promised to the outside world against what is there, after a crash and the recovery from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path

from tests.crash.scenario import ALICE, BOB, CAROL, CLIENT, FAR, HOST, entries
from tests.journeys.audit import faults
from tests.journeys.server import DATABASE

from correo import accounts, mailbox
from correo.clock.virtual import START
from correo.mail.address import Address
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

FAILED = "Could not be delivered"


@dataclass(slots=True)
class Books:
    """What one server holds: messages are named by their Message-ID, recipients by their comparison form."""

    accepted: set[tuple[str, str]] = field(default_factory=set)
    ends: list[tuple[str, str, str]] = field(default_factory=list)  # event, message, recipient
    mailboxes: dict[tuple[str, str], Counter[str]] = field(
        default_factory=dict
    )  # (account, mailbox): messages
    notices: Counter[tuple[str, str]] = field(default_factory=Counter)  # (original message, failed recipient)
    senders: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)  # messages that are notices of failure

    def received_by(self, account: str) -> Counter[str]:
        """Over all his mailboxes but the drafts."""
        found: Counter[str] = Counter()
        for (owner, name), held in self.mailboxes.items():
            if owner == account and name != "Drafts":
                found += held
        return found


async def verify(folder: Path) -> list[str]:
    """Everything that is wrong, in words."""
    db = await Sqlite.open(folder / HOST / DATABASE, now=START, threaded=False)
    try:
        wrong = await db.read(faults)
        books = await db.read(read_books)
    finally:
        await db.close()
    client, far = entries(folder / CLIENT), entries(folder / FAR)
    return [
        *wrong,
        *promised(books, client),
        *delivered(books, client),
        *relayed(books, far),
        *returned(books),
    ]


async def read_books(tx: Tx) -> Books:
    books = Books()
    for message, sender, protocol, subject in await tx.all(
        "SELECT message_id, sender, protocol, subject FROM ledger_message"
    ):
        books.senders[message] = sender
        if protocol == "bounce" and subject.startswith(FAILED):
            books.failed.add(message)
    for message, recipient, event in await tx.all(
        """SELECT m.message_id, e.recipient, e.event FROM ledger_entry AS e
           JOIN ledger_message AS m ON m.id = e.message_id ORDER BY e.id"""
    ):
        if event == "accepted":
            books.accepted.add((message, recipient))
        elif event in ("delivered", "relayed", "bounced", "discarded"):
            books.ends.append((event, message, recipient))
    for account in await accounts.list_accounts(tx):
        for box in await mailbox.list_mailboxes(tx, account.id):
            held = books.mailboxes.setdefault((account.address, box.name), Counter())
            for message in await mailbox.messages(tx, box.id, None):
                raw = await mailbox.raw(tx, message.content_id)
                held[str(message_from_bytes(raw)["Message-ID"])] += 1
                read_notice(books, raw)
    return books


def read_notice(books: Books, raw: bytes) -> None:
    """Note whom a notice of failure is about."""
    parsed = message_from_bytes(raw)
    if str(parsed["Subject"]).startswith(FAILED):
        books.notices.update(
            (str(parsed["In-Reply-To"]), line.partition(";")[2].strip())
            for line in raw.decode().splitlines()
            if line.startswith("Final-Recipient:")
        )


def promised(books: Books, client: list[list[str]]) -> list[str]:
    """Every recipient for whom a client read 250 is in the ledger; what an IMAP client was told is kept, is."""
    wrong = []
    for kind, *words in client:
        message, *recipients = words or [""]
        if kind == "taken":
            missing = [r for r in recipients if (message, Address.parse(r).folded) not in books.accepted]
            if missing:
                wrong.append(f"{message} was taken for {missing}, and nobody knows of it")
        elif kind == "appended" and books.mailboxes[CAROL, "Drafts"][message] != 1:
            wrong.append(f"the draft {message} was appended, and is not there once")
        elif kind == "moved" and not books.mailboxes.get((CAROL, "Plans")):
            wrong.append("a message was moved to Plans, and is not there")
    return wrong


def delivered(books: Books, client: list[list[str]]) -> list[str]:
    """Who has a message in the ledger has it in his mailboxes, once, and nothing else."""
    deleted = {words[0] for kind, *words in client if kind == "deleted"}
    wrong = []
    for account in {owner for owner, _ in books.mailboxes}:
        wanted = {message for event, message, r in books.ends if event == "delivered" and r == account}
        held = books.received_by(account)
        wrong += [f"{account} has {message} {count} times" for message, count in held.items() if count > 1]
        wrong += [f"{account} has {message}, unknown to the ledger" for message in held.keys() - wanted]
        lost = wanted - held.keys()
        if account == BOB:  # he deletes one, and may die before he notes it
            if lost != deleted and (deleted or len(lost) > 1):
                wrong.append(f"{account} lacks {lost} and deleted {deleted}")
        elif lost:
            wrong.append(f"{account} lacks {lost}")
    return wrong


def relayed(books: Books, far: list[list[str]]) -> list[str]:
    """What the ledger calls relayed was taken by the other server, and what that took is relayed, once in the ledger."""
    taken = {(words[0], recipient) for kind, *words in far if kind == "taken" for recipient in words[1:]}
    ledger = Counter((message, r) for event, message, r in books.ends if event == "relayed")
    wrong = [f"{key} is relayed by the ledger alone" for key in ledger.keys() - taken]
    wrong += [f"{key} was taken elsewhere and is not in the ledger" for key in taken - ledger.keys()]
    # One envelope names each remote recipient once; two entries would be two ends.
    wrong += [f"{key} is relayed {count} times" for key, count in ledger.items() if count > 1]
    return wrong


def returned(books: Books) -> list[str]:
    """Each failure was told once to the sender: here by a message in his mailbox, elsewhere by one that was relayed."""
    wrong = []
    bounced = [(message, r) for event, message, r in books.ends if event == "bounced"]
    here = Counter(one for one in bounced if books.senders[one[0]] == ALICE)
    if here != books.notices:
        wrong.append(f"{dict(here)} bounced, and the notices are about {dict(books.notices)}")
    elsewhere = len(bounced) - here.total()
    sent = sum(
        accepted == "zoe@far.example" for message, accepted in books.accepted if message in books.failed
    )
    if elsewhere != sent:
        wrong.append(f"{elsewhere} of messages from elsewhere bounced, and there are {sent} notices")
    return wrong
