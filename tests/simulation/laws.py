"""The laws that hold whatever fails, and what it takes to see whether they do.

promised    what a client read 250 for is in the books of the server that said so
books       counters, quotas, contents and leases of a server agree with a recount, and its file is whole
one end     each recipient in a server's care has exactly one end, or is queued once; the ledger balances
once        no message is twice in a mailbox, or twice at another server, unless what joined the two failed at that very moment
kept        what was delivered stays until its reader removes it, and does not come back after that
UIDs        what a client was told of UIDs, UIDVALIDITY, MODSEQ and UIDLs stays true                (seen by `people`)
secrecy     nobody is shown a message that is not for him                                           (seen by `people`)
unchanged   a message is read as it was sent                                                        (seen by `people`)
told        each failure is told to the sender, where there is one who wants to know
quiet       no session and no duty fails for a reason of ours
rest        once all is well, nothing waits any more
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from tests.journeys.audit import faults
from tests.simulation.books import FAILED, Books, Broken, Letter
from tests.simulation.machine import Machine
from tests.simulation.neighbours import Copy, Neighbour
from tests.simulation.weather import WeatherNetwork

from correo import mailbox
from correo.delivery.bounce import NO_SENDER
from correo.ledger import show_id
from correo.ops.queueing import DELETED
from correo.storage.db import Row, Tx
from correo.transport.settling import UNWANTED

EXCUSES = {
    NO_SENDER,
    UNWANTED,
    DELETED,
}  # rules under which something is discarded, and its sender need not be told

LAWS = (
    "promised",
    "books",
    "one end",
    "once",
    "kept",
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

_ACCEPTED = """SELECT DISTINCT m.message_id, e.recipient FROM ledger_message AS m JOIN ledger_entry AS e ON e.message_id = m.id
WHERE e.event = 'accepted'"""
_NAMES = "SELECT id FROM ledger_message"
_RELAYED = """SELECT m.message_id, e.detail FROM ledger_entry AS e JOIN ledger_message AS m ON m.id = e.message_id
WHERE e.event = 'relayed' AND e.host LIKE $1 || '%'"""
_QUEUED_AS = re.compile(r"queued as (\w+)")
_ENDS = """SELECT m.message_id, e.recipient, m.source, m.at, e.event, e.detail FROM ledger_entry AS e
JOIN ledger_message AS m ON m.id = e.message_id
WHERE e.event IN ('discarded', 'expanded') OR (e.event = 'delivered' AND e.detail LIKE '% uid %')"""
_COUNTED = """SELECT event, count(*) FROM ledger_entry WHERE event IN ('delivered', 'relayed', 'bounced', 'discarded')
GROUP BY 1"""
_STORED = """SELECT a.address, c.message_id, count(*) FROM mailbox_message AS m
JOIN mailbox_mailbox AS b ON b.id = m.mailbox_id JOIN accounts_account AS a ON a.id = b.account_id
JOIN mailbox_content AS c ON c.id = m.content_id GROUP BY 1, 2"""
_FRESH = "SELECT id, subject FROM mailbox_content WHERE id > $1 ORDER BY id"
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
        """Read what notices were made, before they are swept away."""
        for raw in await machine.db.read(self._unread, machine.hostname):
            self.books.learn(raw)

    async def _unread(self, tx: Tx, hostname: str) -> list[bytes]:
        read = self._read[hostname]
        found = []
        for id, subject in await tx.all(_FRESH, max(read, default=0) - SET_BACK):
            if id not in read:
                read.add(id)
                if subject.startswith(FAILED):
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
        await self._kept(machine)

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
            if other is not machine and other.running and not other.process.dead:
                for id, answer in await other.db.read(_relayed, machine.hostname):
                    taken = _QUEUED_AS.search(answer)
                    if taken and taken[1] not in names:
                        words = f"{machine.hostname} told {other.hostname} {answer!r} of {id} and has lost it"
                        raise Broken("promised", words)

    async def _kept(self, machine: Machine) -> None:
        came: dict[str, Counter[str]] = defaultdict(Counter)
        for id, recipient, _, _, event, _ in await machine.db.read(_rows, _ENDS):
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
            if waiting := await machine.queued():
                raise Broken("rest", f"{machine.hostname} still has {waiting[:3]}")
            if machine.budget.used or machine.connections:
                raise Broken("rest", f"{machine.hostname} still holds {machine.budget.used} octets")
        arrived, dropped = await self._arrivals()
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
            letter = promise.letter
            for target, ways in self.ways(letter, promise.recipients).items():
                # Besides him: an operator may have sent it past an alias, and of a recipient here a notice says what its sender
                # wrote (RFC 3461 §5.2.7.4).
                written = [name for name in promise.recipients if target in self.books.aliases.get(name, ())]
                keys = {(letter.id, name) for name in (target, *ways, *written)}
                if not (
                    any(map(arrived.get, keys)) or dropped & keys or any(map(self.books.notices.get, keys))
                ):
                    words = (
                        f"{letter.id} from {letter.sender!r} for {target} is not there, and nobody was told"
                    )
                    raise Broken("told", words)

    async def _arrivals(self) -> tuple[dict[tuple[str, str], list[Copy]], set[tuple[str, str]]]:
        """Copies by letter and recipient; and what was dropped by a rule that is nobody's loss."""
        arrived: dict[tuple[str, str], list[Copy]] = defaultdict(list)
        dropped: set[tuple[str, str]] = set()
        for machine in self.machines.values():
            for id, recipient, source, at, event, detail in await machine.db.read(_rows, _ENDS):
                if event != "discarded":
                    arrived[id, recipient].append(Copy(source, machine.address, machine.moments(at)))
                elif detail.partition(":")[0] in EXCUSES:
                    dropped.add((id, recipient))
        for neighbour in self.neighbours.values():
            for id, recipients, copy in neighbour.copies:
                for recipient in recipients:
                    arrived[id, recipient].append(copy)
        return arrived, dropped

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


async def _relayed(tx: Tx, hostname: str) -> list[Row]:
    return await tx.all(_RELAYED, hostname)


async def _rows(tx: Tx, sql: str) -> list[Row]:
    return await tx.all(sql)
