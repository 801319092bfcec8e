"""No statement on a hot path reads the whole of a table that grows: its cost is that of what it finds.

The operations below run once against a small database, and every statement they execute is shown to the planner again.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw
import pytest

from correo import accounts, ledger, mailbox, queue
from correo.accounts.app_passwords import note_use
from correo.accounts.login import find_login
from correo.clock.virtual import SeededChance
from correo.delivery import outbox
from correo.mail.address import Address
from correo.mail.flags import DELETED, SEEN, Flags
from correo.mail.instant import DAY
from correo.mail.status import Status
from correo.mail.way import Way
from correo.mailbox.indexing import content_of, contents_after, documents
from correo.queue import resting
from correo.storage.db import Tx
from correo.storage.db.migrate import migrate, migrations
from correo.storage.db.sqlite import SqliteTx, drive
from correo.storage.db.translate import sqlite_sql
from correo.transport.policy import Source, keeping, results
from correo.transport.policy.sts import Mode, StsPolicy

P = ParamSpec("P")
T = TypeVar("T")

NOW = 1_767_225_600_000_000
CHANCE = SeededChance()
ANA = Address.parse("ana@here.example")
RAW = b"Message-ID: <1@there.example>\r\nSubject: one\r\n\r\nbody\r\n"
SCANNED = re.compile(r"SCAN (.+)")

# These may be read whole: lists in the statement itself, and what the statement has just found.
FOUND = re.compile(r"CONSTANT ROW|\d+-ROW VALUES CLAUSE|(?:span|near|fair)\b.*|\(subquery-\d+\)")


class House:
    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")
        self.seen: list[str] = []
        self.connection.exec_trace = self._note

    def _note(self, cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
        self.seen.append(sql)
        return True

    def do(self, op: Callable[Concatenate[Tx, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        return drive(op(SqliteTx(self.connection), *args, **kwargs))

    def plan(self, sql: str) -> list[str]:
        self.connection.exec_trace = None
        rows = self.connection.execute("EXPLAIN QUERY PLAN " + sql, (None,) * _parameters(sql))
        return [str(row[3]) for row in rows]

    def scans(self, sql: str) -> list[str]:
        """The tables that this statement reads from one end to the other."""
        found = [SCANNED.fullmatch(line) for line in self.plan(sql)]
        return [match[0] for match in found if match and not FOUND.fullmatch(match[1])]


def _parameters(sql: str) -> int:
    return max((int(number) for number in re.findall(r"\?(\d+)", sql)), default=0)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    made.do(migrate, migrations(), NOW)
    made.do(accounts.add_domain, "here.example", NOW)
    made.do(
        accounts.add_account, id=7, address=ANA, credentials=accounts.Credentials("argon", "scram"), now=NOW
    )
    made.do(accounts.add_alias, "office@here.example", ["ana@here.example", "bob@there.example"], NOW)
    made.do(mailbox.open_account, 7, CHANCE, NOW)
    made.seen.clear()
    yield made
    made.connection.close()


def _accounts(house: House) -> None:
    for name in ("ana@here.example", "office@here.example", "ana+tag@here.example", "nobody@here.example"):
        house.do(accounts.resolve, Address.parse(name))
    house.do(accounts.owns, 7, ANA)
    house.do(accounts.account_by_id, 7)
    house.do(accounts.list_shared, "here.example")
    house.do(accounts.resolve, Address.parse("postmaster@here.example"))
    house.do(find_login, "ana@here.example")
    app: dict[str, Any] = {"id": 9, "name": "phone", "password": "secret", "scram": "", "scopes": ["imap"]}
    house.do(accounts.add_app_password, 7, **app, expires=None, now=NOW)
    house.do(note_use, 9, NOW)
    house.do(accounts.count_sent, 7, 3, accounts.SendLimits(9), NOW)
    house.do(accounts.forget_sent, NOW)


def _adoption(house: House) -> None:
    archive = house.do(mailbox.find, 7, "Archive")
    assert archive
    mailbox_id = archive.id
    house.do(mailbox.begin_adoption, mailbox_id, 5, 90, dict, NOW)
    source, content_id = b"0" * 16, CHANCE.id(NOW)
    arrival = mailbox.Arrival(source, mailbox.prepare(RAW), content_id, Flags(), NOW, 0, uid=None, uidl="a")
    house.do(mailbox.adopt, mailbox_id, [arrival], NOW)
    house.do(mailbox.end_adoption, mailbox_id, NOW)
    house.do(mailbox.begin_adoption, mailbox_id, 5, 91, dict, NOW)
    house.do(mailbox.known_sources, 7, [source])
    house.do(mailbox.uidls, mailbox_id)


def _mailbox(house: House) -> None:
    inbox = house.do(mailbox.inbox, 7)
    sent = house.do(mailbox.find, 7, "Sent")
    assert inbox
    assert sent
    prepared = mailbox.prepare(RAW)
    for _ in range(9):
        content_id = house.do(mailbox.store, prepared, CHANCE.id(NOW), NOW)
        house.do(
            mailbox.append, inbox.id, content_id=content_id, size=9, flags=Flags(), received=NOW, now=NOW
        )
    house.do(mailbox.get, inbox.id)
    _adoption(house)
    house.do(mailbox.messages_after, inbox.id, 3, 5)
    house.do(mailbox.list_mailboxes, 7)
    house.do(mailbox.take_recent, inbox.id)
    house.do(mailbox.uids, inbox.id)
    house.do(mailbox.flagged, inbox.id, 3, 1)
    spread = [(1, 2), (4, 4), (6, 9)]
    for ranges in ([(1, 3)], spread):
        house.do(mailbox.messages, inbox.id, ranges)
        house.do(mailbox.fetch_rows, inbox.id, ranges, ())
        house.do(mailbox.fetch_rows, inbox.id, ranges, ("size", "envelope"))
        house.do(mailbox.fetch_rows, inbox.id, ranges, ("header", "parts", "bodystructure", "preview"))
        house.do(mailbox.fetch_columns, inbox.id, ranges, ("uid", "flags", "keywords"))
        house.do(mailbox.fetch_columns, inbox.id, ranges, ("uid", "envelope"))
        house.do(content_of, inbox.id, ranges)
    house.do(contents_after, 0, 100)
    house.do(documents, [content_id])
    house.do(mailbox.fetch_changed, inbox.id, (1, 9), ("uid", "flags"), 0, 9)
    house.do(mailbox.store_flags, inbox.id, spread, "add", Flags(DELETED, ("Work",)), NOW)
    assert house.do(mailbox.changes, inbox.id, 3).flagged
    assert house.do(mailbox.forget, 0, NOW - 1)
    house.do(mailbox.copy, inbox.id, spread, sent.id, NOW)
    house.do(mailbox.move, inbox.id, [(9, 9)], sent.id, NOW)
    assert house.do(mailbox.expunge, inbox.id, [(1, 1), (4, 4)], NOW).uids == [1, 4]
    assert house.do(mailbox.expunge, inbox.id, None, NOW).uids == [2, 6, 7, 8]
    for part in (mailbox.raw, mailbox.header, mailbox.content):
        house.do(part, content_id)
    house.do(mailbox.raw_many, [content_id])
    house.do(mailbox.bodies, [content_id])
    house.do(mailbox.orphan, content_id, NOW)
    house.do(mailbox.collect, NOW + 1, 100)
    house.do(mailbox.discard, sent.id, [(1, 1)], NOW + 1, CHANCE, NOW)
    assert house.do(mailbox.expire, NOW + 1, 100) == (1, [7])
    house.do(mailbox.create, 7, "a/b", CHANCE, NOW, "\\Sent")
    house.do(mailbox.set_special_use, 7, sent.id, "\\Sent", NOW)
    house.do(mailbox.annotate, 7, sent.id, {"/private/a": b"1", "/private/b": None}, NOW)
    house.do(mailbox.noted, 7, sent.id)
    assert house.do(mailbox.modseqs, [7])[7] > 9
    assert house.do(mailbox.kinds, 7, inbox.id, [(0, 99)], 8)
    assert house.do(mailbox.appended, 7, inbox.id, [(0, 99)])
    house.do(mailbox.set_limits, 7, messages=99, size=99_999, mailboxes=99)
    house.do(mailbox.quota, 7)
    house.do(mailbox.is_full, 7)
    house.do(mailbox.deleted_size, inbox.id)
    house.do(mailbox.rename, 7, "INBOX", "z", CHANCE, NOW)
    house.do(mailbox.rename, 7, "a", "c", CHANCE, NOW)
    house.do(mailbox.delete, 7, "c/b", NOW)
    house.do(mailbox.subscribe, 7, "c", NOW)
    house.do(mailbox.subscriptions, 7)
    house.do(mailbox.remove_account, 7, NOW)


def _sharing(house: House) -> None:
    """What somebody does in a mailbox that is not his, account 8's."""
    house.do(mailbox.open_account, 8, CHANCE, NOW)
    inbox, mine = house.do(mailbox.inbox, 8), house.do(mailbox.inbox, 7)
    assert inbox
    assert mine
    ana = mailbox.Identity(7, "here.example")
    for who, domain in ((7, ""), (mailbox.ANYONE, "here.example")):
        house.do(mailbox.set_rights, inbox.id, who, domain, False, "add", mailbox.ALL_RIGHTS, NOW)
    assert house.do(mailbox.rights, inbox.id, ana) == mailbox.ALL_RIGHTS
    assert len(house.do(mailbox.shared_with, ana)) == 1
    assert len(house.do(mailbox.acl, inbox.id)) == 2
    content_id = house.do(mailbox.store, mailbox.prepare(RAW), CHANCE.id(NOW), NOW)
    arriving: dict[str, Any] = {"content_id": content_id, "size": 9, "received": NOW, "now": NOW}
    for _ in range(9):
        house.do(mailbox.append, inbox.id, flags=Flags(SEEN), **arriving, reader=7)
    spread = [(1, 2), (4, 4), (6, 9)]
    for ranges in ([(1, 3)], spread):
        house.do(mailbox.messages, inbox.id, ranges, 7)
        house.do(mailbox.fetch_rows, inbox.id, ranges, ("envelope", "header"), 7)
        house.do(mailbox.store_flags, inbox.id, ranges, "remove", Flags(SEEN), NOW, reader=7)
    assert house.do(mailbox.unseen, inbox.id, 7) == 8
    assert house.do(mailbox.first_unseen, inbox.id, 7) == 1
    assert house.do(mailbox.changes, inbox.id, 9, 7).flagged
    house.do(mailbox.copy, inbox.id, spread, mine.id, NOW, reader=7)
    house.do(mailbox.move, mine.id, spread, inbox.id, NOW, target_reader=7)
    house.do(mailbox.expunge, inbox.id, spread, NOW, only_deleted=False)
    house.do(mailbox.forget, 0, NOW + 1)
    house.do(mailbox.changes, inbox.id, 9, 7)
    house.do(mailbox.create, 8, "INBOX/below", CHANCE, NOW)
    house.do(mailbox.delete, 8, "INBOX/below", NOW)
    house.do(mailbox.remove_account, 7, NOW)


def _queue(house: House) -> None:
    message = queue.QueuedMessage(5, "ana@here.example", 50, 0, 500, "7BIT", False, 0, NOW, NOW + DAY, 0)
    names = [f"u{number}@d{number}.example" for number in range(4)]
    new = [queue.NewRecipient(60 + at, name, name, name.partition("@")[2]) for at, name in enumerate(names)]
    house.do(queue.enqueue, message, new, NOW)
    claim: dict[str, Any] = {"owner": "w", "now": NOW, "lease_until": NOW + 9}
    first = house.do(queue.claim, **claim, limit=1)
    others = house.do(queue.claim, **claim, limit=9, busy=[first[0].destination])
    assert len(others) == 3
    house.do(queue.renew, others, NOW + 99)
    house.do(
        queue.defer, first[0], status=Status(451, "4.0.0", "later"), host="h", next_try=NOW + 5, warned=False
    )
    house.do(queue.take_out, others[0])
    house.do(queue.give_back, "w")
    house.do(queue.recover, NOW + 99)
    house.do(queue.recover, NOW + 99, ["w1", "w2", "w3"])
    house.do(queue.owners)
    rest: dict[str, Any] = {"status": Status(451, "4.4.1", "down"), "host": "h"}
    house.do(resting.postpone, [(one, NOW + 99) for one in others], **rest)
    assert house.do(resting.postpone_waiting, "d0.example", NOW, until=NOW + 99, **rest) == 1
    here = queue.Selection(destination="d0.example")
    assert house.do(queue.reroute, here, Way.parse("smtp:relay.example"), NOW)
    assert house.do(queue.count, here)[queue.State.WAITING] == 1
    house.do(queue.retry, here, NOW - 1)
    house.do(queue.due)
    house.do(queue.due, NOW)


def _outbox(house: House) -> None:
    """Somebody looks at what he has sent, and takes it back."""
    content_id = house.do(mailbox.store, mailbox.prepare(RAW), CHANCE.id(NOW), NOW)
    for number in range(1, 9):
        message = queue.QueuedMessage(
            number, "ana@here.example", content_id, 0, 500, "7BIT", False, 7, NOW, NOW + 9, 0
        )
        new = queue.NewRecipient(60 + number, "bob@there.example", "bob@there.example", "there.example")
        house.do(queue.enqueue, message, [new], NOW)
    house.do(mailbox.open_outbox, 7, "Outbox", CHANCE, NOW)
    assert house.do(outbox.differing, 7) == list(range(1, 9))
    house.do(outbox.bring, 7, list(range(1, 9)), CHANCE, NOW)
    assert house.do(outbox.differing, 7) == []
    sent, drafts = house.do(mailbox.outbox, 7), house.do(mailbox.find, 7, "Drafts")
    assert sent
    assert drafts
    house.do(mailbox.store_flags, sent.id, [(2, 2)], "add", Flags(DELETED), NOW)
    everything: dict[str, Any] = {"rights": mailbox.ALL_RIGHTS, "reader": mailbox.OWNER}
    assert house.do(outbox.copy, sent.id, [(1, 4)], drafts, CHANCE, NOW, remove=False, **everything).pairs
    assert house.do(outbox.copy, sent.id, [(3, 9)], drafts, CHANCE, NOW, remove=True, **everything).pairs
    assert house.do(outbox.remove, sent.id, [(1, 2)], CHANCE, NOW).uids == [2]
    assert house.do(outbox.remove, sent.id, None, CHANCE, NOW, only_deleted=False).uids == [1]


def _ledger(house: House) -> None:
    house.do(
        ledger.open_message,
        id=5,
        at=NOW,
        protocol="smtp",
        source="",
        account="",
        sender="eva@there.example",
        message_id="<1@there.example>",
        subject="",
        size=9,
    )
    house.do(
        ledger.record, 5, id=6, at=NOW, recipient="ana@here.example", event=ledger.Event.ACCEPTED, host="h"
    )
    for query in (ledger.show_id(5), "<1@there.example>", "ana@here.example", "eva@there.example"):
        assert house.do(ledger.trace, query, 10)
    owner = ledger.Owner("ana@here.example")
    for wanted in (
        ledger.Wanted(),
        ledger.Wanted(since=NOW, until=NOW + 1),
        ledger.Wanted(owner=owner),
    ):
        assert house.do(ledger.search, wanted, 10).journeys
    following = ledger.Following(ledger.Wanted())
    house.do(following.look)
    house.do(following.look)
    house.do(
        ledger.record, 5, id=7, at=NOW, recipient="ana@here.example", event=ledger.Event.RELAYED, host="h"
    )
    assert house.do(ledger.history, address="ana@here.example")
    house.do(ledger.forget, 0, NOW + 1)


def _transport(house: House) -> None:
    policy = StsPolicy(Mode.ENFORCE, ("mx.there.example",), 9)
    house.do(keeping.keep, keeping.Kept("there.example", "1", policy, NOW, NOW + 9, NOW + 5, NOW))
    assert house.do(keeping.find, "there.example", NOW)
    house.do(keeping.use, "there.example", NOW + 1)
    assert house.do(keeping.due, NOW + 5, NOW, 9)
    house.do(keeping.postpone, "there.example", NOW + 7)
    house.do(keeping.forget, NOW + 9)
    session = results.Session(NOW // DAY, "there.example", Source.NONE, "mx.there.example", None)
    house.do(results.add, {session: 2})
    house.do(results.forget, NOW + 99 * DAY)
    house.do(results.add, {session: 2})
    assert house.do(results.sessions, NOW // DAY)
    assert house.do(results.sessions, NOW // DAY, "there.example")


@pytest.mark.parametrize("work", [_accounts, _mailbox, _sharing, _queue, _outbox, _ledger, _transport])
def test_no_hot_statement_reads_a_whole_table(work: Callable[[House], None], house: House) -> None:
    work(house)
    statements = dict.fromkeys(house.seen)
    assert len(statements) > 4
    assert [(found, sql[:200]) for sql in statements if (found := house.scans(sql))] == []


def test_what_is_done_to_a_part_of_the_queue_does_not_read_all_that_waits(house: House) -> None:
    """The state alone selects nearly everything, and each of these comes once for some hundred recipients."""
    message = queue.QueuedMessage(5, "ana@here.example", 50, 0, 500, "7BIT", False, 0, NOW, NOW + 9, 0)
    house.do(queue.enqueue, message, [queue.NewRecipient(60, "a@d.example", "a@d.example", "d.example")], NOW)
    house.seen.clear()
    for part in (queue.Selection(destination="d.example"), queue.Selection(after=1)):
        house.do(queue.hold, part)
        house.do(queue.release, part, NOW)
        house.do(queue.retry, part, NOW - 1)
        house.do(queue.reroute, part, None, NOW)
        house.do(queue.withdraw, part)
    house.do(resting.postpone_waiting, "d.example", NOW, until=NOW + 9, status=Status(451, "", ""), host="")
    by_state = [
        sql
        for sql in dict.fromkeys(house.seen)
        if any(line.endswith("(state=?)") for line in house.plan(sql))
    ]
    assert len(house.seen) > 10
    assert by_state == []


def test_expunge_looks_at_what_is_deleted_only(house: House) -> None:
    _mailbox(house)
    plans = [
        house.plan(sql)
        for sql in dict.fromkeys(house.seen)
        if sql.startswith("SELECT m.uid, m.flags, m.size")
    ]
    assert any("COVERING INDEX mailbox_message_deleted" in line for plan in plans for line in plan)


def test_a_scan_would_be_noticed(house: House) -> None:
    assert house.scans(sqlite_sql("SELECT uid FROM mailbox_message WHERE size = $1"))
    assert not house.scans(sqlite_sql("SELECT uid FROM mailbox_message WHERE mailbox_id = $1"))
