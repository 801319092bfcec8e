"""The laws that hold whatever fails, and what it takes to see whether they do.

promised    what a client read 250 for is in the books of the server that said so
books       counters, contents and leases of a server agree with a recount, and its file is whole
room        nobody has more than his quota lets him have
one end     each recipient in a server's care has exactly one end, or is queued once; the ledger balances
once        no message is twice in a mailbox, or twice at another server, unless what joined the two failed at that very moment
kept        what was delivered stays until its reader removes it, and does not come back after that
in time     nobody gets a message before its sender wants it, and nobody long after
UIDs        what a client was told of UIDs, UIDVALIDITY, MODSEQ and UIDLs stays true                (seen by `readers`)
secrecy     nobody is shown a message that is not for him, or kept from one that is                 (seen by `people`, `sharing`)
unchanged   a message is read, and handed on, as it was sent                                        (seen by `people`)
told        a sender is told what he wants to be told, and nothing else
quiet       no session and no duty fails for a reason of ours
rest        once all is well, nothing waits any more, and everything works
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from tests.journeys.audit import faults
from tests.simulation.books import FAILED, NOTICES, Books, Broken, Letter, Promise
from tests.simulation.machine import Machine
from tests.simulation.neighbours import Copy, Neighbour
from tests.simulation.weather import WeatherNetwork

from correo import mailbox
from correo.clock.virtual import START
from correo.delivery.bounce import NO_SENDER
from correo.delivery.outbox import CANCELLED
from correo.ledger import show_id
from correo.mail.instant import SECOND
from correo.ops.queueing import DELETED
from correo.storage.db import Row, Tx
from correo.transport.settling import UNWANTED

LAWS = (
    "promised",
    "books",
    "room",
    "one end",
    "once",
    "kept",
    "in time",
    "UIDs",
    "secrecy",
    "unchanged",
    "told",
    "quiet",
    "rest",
)

SET_BACK = (
    12 * 3600 * 1000 << 20
)  # by how much an id may be smaller than one from before, as clocks are set back
UNDER_WAY = 1800.0  # seconds for which a message may be on its way that was sent off in time
TRIES = 50  # of one recipient, also where operators have it tried: ten in its lifetime are usual
WISHES = {FAILED: "FAILURE", "Delayed": "DELAY", "Passed on": "SUCCESS", "Delivered": "SUCCESS"}

ROUNDED = 0.001  # seconds by which times of the ledger and of the loop may differ

Arrived = dict[tuple[str, str], list[Copy]]  # by letter and recipient

_ACCEPTED = """SELECT DISTINCT m.message_id, e.recipient FROM ledger_message AS m JOIN ledger_entry AS e ON e.message_id = m.id
WHERE e.event = 'accepted'"""
_NAMES = "SELECT id FROM ledger_message"
_RELAYED = """SELECT m.message_id, e.detail FROM ledger_entry AS e JOIN ledger_message AS m ON m.id = e.message_id
WHERE e.event = 'relayed' AND e.host LIKE $1 || '%'"""
_QUEUED_AS = re.compile(r"queued as (\w+)")
_ENDS = """SELECT m.message_id, e.recipient, m.source, e.event, e.detail, e.at FROM ledger_entry AS e
JOIN ledger_message AS m ON m.id = e.message_id
WHERE e.event IN ('discarded', 'expanded') OR (e.event = 'delivered' AND e.detail LIKE '% uid %')"""
_ENDS_OF_SUBMITTED = """SELECT e.event, e.recipient, e.at FROM ledger_entry AS e JOIN ledger_message AS m ON m.id = e.message_id
WHERE m.message_id = $1 AND m.protocol = 'submission' AND e.event IN ('delivered', 'relayed', 'bounced')"""
_COUNTED = """SELECT event, count(*) FROM ledger_entry WHERE event IN ('delivered', 'relayed', 'bounced', 'discarded')
GROUP BY 1"""
_STORED = """SELECT a.address, c.message_id, count(*) FROM mailbox_message AS m
JOIN mailbox_mailbox AS b ON b.id = m.mailbox_id JOIN accounts_account AS a ON a.id = b.account_id
JOIN mailbox_content AS c ON c.id = m.content_id GROUP BY 1, 2"""
_SIZES = """SELECT a.address, c.message_id, count(*), sum(m.size) FROM mailbox_message AS m
JOIN mailbox_mailbox AS b ON b.id = m.mailbox_id JOIN accounts_account AS a ON a.id = b.account_id
JOIN mailbox_content AS c ON c.id = m.content_id GROUP BY 1, 2"""
_CONTENTS = "SELECT id FROM mailbox_content WHERE message_id <> ''"
_WARNED_TWICE = """SELECT message_id, recipient FROM ledger_entry WHERE event = 'warned'
GROUP BY 1, 2 HAVING count(*) > 1"""
_FRESH = "SELECT id, subject FROM mailbox_content WHERE id > $1 ORDER BY id"
_TRIED = f"SELECT id, address, attempts FROM queue_recipient WHERE attempts > {TRIES}"
_UNTOLD = """SELECT e.message_id, e.recipient, e.detail FROM ledger_entry AS e WHERE e.event = 'bounced' AND NOT EXISTS (
  SELECT 1 FROM ledger_message AS n JOIN ledger_entry AS f ON f.message_id = n.id
  WHERE n.protocol = 'bounce' AND n.at = e.at AND f.event = 'accepted'
    AND f.recipient = (SELECT m.sender FROM ledger_message AS m WHERE m.id = e.message_id))"""


class Court:
    """Goes over what the machines keep and what the world outside knows. Every method raises Broken."""

    def __init__(self, books: Books, network: WeatherNetwork, machines: dict[str, Machine]) -> None:
        self.books = books
        self.network = network
        self.machines = machines  # by domain
        self.neighbours: dict[str, Neighbour] = {}  # by domain
        self._read: dict[str, set[int]] = defaultdict(set)  # by host: contents that were looked at
        self.checks = 0

    # -- at any time -----------------------------------------------------------------------------------------------------

    async def harvest(self, machine: Machine) -> None:
        """Read what notices were made, before they are swept away; and see that nothing is tried without end."""
        for raw in await machine.db.read(self._unread, machine.hostname):
            self.books.learn(raw)
        for row in await machine.db.read(_rows, _TRIED):
            raise Broken("rest", f"{machine.hostname} tries again and again: {row}")

    async def _unread(self, tx: Tx, hostname: str) -> list[bytes]:
        read = self._read[hostname]
        found = []
        for id, subject in await tx.all(_FRESH, max(read, default=0) - SET_BACK):
            if id not in read:
                read.add(id)
                if subject.startswith(NOTICES):
                    found.append(await mailbox.raw(tx, id))
        return found

    async def examine(self, machine: Machine) -> None:
        """What one machine says against itself, and against what it has promised."""
        self.checks += 1
        await self.harvest(machine)
        if wrong := machine.incidents_told():
            raise Broken("quiet", wrong[0])
        for words in await machine.db.read(faults):
            law = "one end" if words.startswith(("message", "the ledger")) else "books"
            raise Broken(law, f"{machine.hostname}: {words}")
        await self._promised(machine)
        for row in await machine.db.read(_rows, _UNTOLD):
            raise Broken("told", f"{machine.hostname} says it has told the sender, and has not: {row}")
        for row in await machine.db.read(_rows, _WARNED_TWICE):
            raise Broken("told", f"{machine.hostname} has warned the sender twice: {row}")
        await self._room(machine)
        await self._kept(machine)

    async def _room(self, machine: Machine) -> None:
        """Beyond it come only notices, and the last message that found room for a beginning."""
        has: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for address, id, count, size in await machine.db.read(_rows, _SIZES):
            letter = self.books.letters.get(id)
            if letter and letter.sender:  # what comes from nobody is let in, as nobody could be told
                largest = max(has[address][2], size // count)
                has[address][:] = has[address][0] + count, has[address][1] + size, largest
        for person in self.books.people.values():
            if person.machine is machine and person.most is not None:
                messages, size, largest = has[person.address]
                if messages > person.most[0] or size - largest >= person.most[1]:
                    words = f"{person.address} has {messages} messages of {size} octets: {person.most}"
                    raise Broken("room", words)

    async def _promised(self, machine: Machine) -> None:
        """To clients; and to other servers, which remember under which name it took a message."""
        accepted = {*await machine.db.read(_rows, _ACCEPTED)}
        for promise in self.books.promises:
            for recipient in promise.recipients if promise.machine is machine else ():
                if (promise.letter.id, recipient) not in accepted:
                    words = f"{machine.hostname} took {promise.letter.id} for {recipient} and has lost it"
                    raise Broken("promised", words)
        names = {show_id(id) for (id,) in await machine.db.read(_rows, _NAMES)}
        for other in self.machines.values():
            if other is not machine and other.running:
                for id, answer in await other.db.read(_relayed, machine.hostname):
                    taken = _QUEUED_AS.search(answer)
                    if taken and taken[1] not in names:
                        words = f"{machine.hostname} told {other.hostname} {answer!r} of {id} and has lost it"
                        raise Broken("promised", words)

    async def _kept(self, machine: Machine) -> None:
        came: dict[str, Counter[str]] = defaultdict(Counter)
        for id, recipient, _, event, _, _ in await machine.db.read(_rows, _ENDS):
            if event == "delivered":
                came[recipient][id] += 1
        there: dict[str, Counter[str]] = defaultdict(Counter)
        for address, id, count in await machine.db.read(_rows, _STORED):
            there[address][id] = count
        for person in self.books.people.values():
            if person.machine is machine:
                here, address = there[person.address], person.address
                for id in {**came[address], **here, **person.added}:
                    least = (
                        came[address][id] + person.added[id] - person.removed[id] - person.perhaps_removed[id]
                    )
                    most = (
                        came[address][id] + person.added[id] + person.perhaps_added[id] - person.removed[id]
                    )
                    if not least <= here[id] <= most:
                        words = f"{address} has {id} {here[id]} times, which should be {least} to {most}"
                        raise Broken("kept", words)

    # -- when all is over ------------------------------------------------------------------------------------------------

    async def judge(self) -> None:
        """Once everything works again, and time has gone by."""
        for machine in self.machines.values():
            if waiting := await machine.seat.queued():
                raise Broken("rest", f"{machine.hostname} still has {waiting[:3]}")
            if left := machine.leftovers():
                raise Broken("rest", f"{machine.hostname} still holds {left}")
        arrived, dropped = await self._arrivals()
        for machine in self.machines.values():
            for raw in await machine.db.read(_all_raw):
                self.books.check(raw)
        self._in_time(arrived)
        await self._recalled()
        for letter in self.books.letters.values():
            for target, ways in self.ways(letter, letter.recipients).items():
                # An alias elsewhere passes on each copy that comes to it.
                most = sum(
                    max(1, len(arrived[letter.id, way])) if way in self.books.aliases else 1 for way in ways
                )
                for name, bound in ((target, most), *((way, 1) for way in ways if way in self.books.aliases)):
                    copies = arrived[letter.id, name]
                    if len([copy for copy in copies if not self._explained(copy)]) > bound:
                        raise Broken("once", f"{letter.id} came to {name} by {ways} as {copies}")
        for promise in self.books.promises:
            self._told(promise, arrived, dropped)

    async def _recalled(self) -> None:
        """What was taken back goes nowhere from then on, as far as the clock can tell."""
        for recalled in self.books.recalled:
            machine = recalled.machine
            for event, recipient, at in await machine.db.read(_ends_of_submitted, recalled.id):
                if min(machine.moments(at), default=0.0) > recalled.at + ROUNDED:
                    words = (
                        f"{recalled.id} was {event} to {recipient} after its sender was told it is taken back"
                    )
                    raise Broken("told", words)

    def _told(self, promise: Promise, arrived: Arrived, dropped: Arrived) -> None:
        letter, told = promise.letter, self.books.told
        for target, ways in self.ways(letter, promise.recipients).items():
            # Besides him: an operator may have sent it past an alias, and of a recipient here a notice says what its sender
            # wrote (RFC 3461 §5.2.7.4).
            written = [name for name in promise.recipients if target in self.books.aliases.get(name, ())]
            names = {target, *ways, *written}
            if target in self.books.rounds:
                names.update(self.books.rounds)
            keys = {(letter.id, name) for name in names}
            gone = any(map(dropped.get, keys))
            if not (any(map(arrived.get, keys)) or gone or any(map(self.books.notices.get, keys))):
                words = f"{letter.id} from {letter.sender!r} for {target} is not there, and nobody was told"
                raise Broken("told", words)
            for kind, wish in WISHES.items():
                if not letter.terms.wants(wish) and (unwanted := told.get(kind, set()) & keys):
                    words = f"{letter.sender!r} was told {kind!r} of {unwanted}, with {letter.terms}"
                    raise Broken("told", words)
            heard = any(told.get(kind, set()) & keys for kind in WISHES)
            if letter.terms.wants("SUCCESS") and letter.sender in self.books.people and not (heard or gone):
                words = f"{letter.sender} wanted to know how {letter.id} came to {target}, and was not told"
                raise Broken("told", words)

    def _in_time(self, arrived: Arrived) -> None:
        """As far as all clocks went right meanwhile."""
        for promise in self.books.promises:
            letter, terms = promise.letter, promise.letter.terms
            for target in self.ways(letter, promise.recipients):
                for copy in arrived[letter.id, target]:
                    if self._clocks_set(promise.at, max(copy.moments, default=0.0)):
                        continue
                    early = copy.moments and max(copy.moments) < promise.at + terms.hold - 1.0
                    late = (
                        copy.moments
                        and min(copy.moments) > promise.at + terms.hold + terms.within + UNDER_WAY
                    )
                    if early or late:
                        words = f"{letter.id} came to {target} at {copy.moments}, sent at {promise.at} with {terms}"
                        raise Broken("in time", words)

    def _clocks_set(self, since: float, until: float) -> bool:
        times = [
            (true - START) / SECOND
            for machine in self.machines.values()
            for true, _ in machine.clock.history[1:]
        ]
        return any(since - 1.0 <= at <= until + 1.0 for at in times)  # it may go on at that very moment

    async def _arrivals(self) -> tuple[Arrived, Arrived]:
        """Copies by letter and recipient; and what was dropped by a rule that is nobody's loss."""
        arrived: Arrived = defaultdict(list)
        dropped: Arrived = defaultdict(list)
        for machine in self.machines.values():
            for id, recipient, source, event, detail, at in await machine.db.read(_rows, _ENDS):
                copy = Copy(source, machine.address, machine.moments(at))
                if event != "discarded":
                    if recipient not in self.books.rounds:
                        arrived[id, recipient].append(copy)
                elif self._excused(id, detail):
                    dropped[id, recipient].append(copy)
        for neighbour in self.neighbours.values():
            for id, recipients, copy in neighbour.copies:
                for recipient in recipients:
                    arrived[id, recipient].append(copy)
        return arrived, dropped

    def _excused(self, id: str, detail: str) -> bool:
        """Whether it may be discarded by this rule, and nobody told."""
        letter = self.books.letters.get(id)
        if letter is None:
            return True
        match detail:
            case _ if detail.startswith(NO_SENDER):
                return not letter.sender
            case _ if detail.startswith(UNWANTED):
                return not letter.terms.wants("FAILURE")
            case _ if detail.startswith(DELETED):
                return letter.sender in self.books.deleted
            case _ if detail == CANCELLED:
                return id in self.books.cancelled
        return False

    async def ends(self) -> Counter[str]:
        """How many messages were taken, and recipients came to which end, over all servers."""
        ends: Counter[str] = Counter()
        for machine in self.machines.values():
            ends.update(dict(await machine.db.read(_rows, _COUNTED)))
            ends["messages"] += len(await machine.db.read(_rows, _NAMES))
        return ends

    def _explained(self, copy: Copy) -> bool:
        """Whether he who sent it may not have known that it had come, and so sent another."""
        if not copy.sure:
            return True
        ends = [
            machine for machine in self.machines.values() if machine.address in (copy.source, copy.target)
        ]
        wires = self.network.between(copy.source, copy.target)
        return any(
            any(machine.explains(at) for machine in ends) or any(wire.failed_about(at) for wire in wires)
            for at in copy.moments
        )

    def ways(self, letter: Letter, recipients: Iterable[str]) -> dict[str, list[str]]:
        """Who is to have it, each with the addresses that lead to him. Where it was submitted, aliases that lead to one person
        are merged; those of other servers are not known there, and may lead to somebody who is addressed anyway.
        """
        near: set[str] = set()
        for name in recipients:
            near.update(self.books.aliases.get(name, (name,)) if domain_of(name) == letter.home else (name,))
        ways: dict[str, list[str]] = {}
        for step in sorted(near):
            for target in self.books.aliases.get(step, (step,)):
                ways.setdefault(target, []).append(step)
        return ways


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


async def _ends_of_submitted(tx: Tx, id: str) -> list[Row]:
    return await tx.all(_ENDS_OF_SUBMITTED, id)


async def _relayed(tx: Tx, hostname: str) -> list[Row]:
    return await tx.all(_RELAYED, hostname)


async def _all_raw(tx: Tx) -> list[bytes]:
    """Of one letter after the other."""
    return [await mailbox.raw(tx, id) for (id,) in await tx.all(_CONTENTS)]


async def _rows(tx: Tx, sql: str) -> list[Row]:
    return await tx.all(sql)
