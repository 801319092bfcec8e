"""People who read by IMAP: they remember what they were told, and hold the server to it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from random import Random

from tests.access.device import expanded
from tests.journeys.client import Imap
from tests.simulation.books import Books, Broken, Mail, Memory, Person
from tests.simulation.people import AFTER_TROUBLE, LOST, SIZES, Refused, seen

FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "later", "\\Deleted")
ARCHIVE = "Archive"
PAUSES = (0.0,) * 6 + (1.0, 30.0, 600.0)  # seconds between what somebody does with an open mailbox
OVER_QUOTA = "[OVERQUOTA]"

_TAGGED = re.compile(r"a\d+ (OK|NO|BAD)")
_CODES = re.compile(r"\[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]")
_COPYUID = re.compile(r"\[COPYUID (\d+) (\S+) (\S+)\]")
_APPENDUID = re.compile(r"\[APPENDUID (\d+) (\d+)\]")
_VANISHED = re.compile(r"\* VANISHED (?:\(EARLIER\) )?([\d:,]+)")
_UID = re.compile(r"\bUID (\d+)")
_FLAGS = re.compile(r"FLAGS \(([^)]*)\)")
_MODSEQ = re.compile(r"MODSEQ \((\d+)\)")


class Reader(Imap):
    """All that was said, the tagged line last. Raises Refused for NO."""

    async def ask(self, command: str) -> list[str]:
        self.number += 1
        self.say(f"a{self.number} {command}")
        lines = [await self._response()]
        while not (tagged := _TAGGED.match(lines[-1])):
            lines.append(await self._response())
        if tagged[1] == "BAD":
            raise Broken("quiet", f"{command[:60]}: {lines[-1]}")
        if tagged[1] == "NO":
            raise Refused(lines[-1])
        return lines


async def read_by_imap(books: Books, person: Person, dice: Random) -> None:
    await attend(Visit(books, person, dice))


async def attend(visit: Visit) -> None:
    person, books = visit.person, visit.books
    try:
        await visit.run()
    except LOST:
        person.rests_until = visit.rests_until = asyncio.get_running_loop().time() + AFTER_TROUBLE
        books.events[f"{visit.what} failed"] += 1
    else:
        books.events[visit.what] += 1


class Visit:
    """Of a mailbox of one's own, in one connection."""

    what = "IMAP"

    def __init__(self, books: Books, person: Person, dice: Random, owner: Person | None = None) -> None:
        """`owner` of the mailbox, where that is somebody else."""
        self.books = books
        self.person = person
        self.owner = owner or person
        self.dice = dice
        self.rests_until = 0.0

    async def run(self) -> None:
        await self.log_in()
        for name in self.dice.choice((("INBOX",), ("INBOX", ARCHIVE))):
            await self.visit(name)
        await self.leave()

    async def log_in(self) -> None:
        self.imap = Reader(await self.person.machine.dial("imap"))
        await self.imap.log_in(self.person.address)
        if self.person.qresync:
            await self.imap.ask("ENABLE QRESYNC")

    async def leave(self) -> None:
        if self.dice.random() < 0.7:
            await self.imap.ask("LOGOUT")
        await self.imap.close()

    async def visit(self, name: str) -> None:
        await self.open(name)
        for _ in range(self.dice.randint(0, 3)):
            if pause := self.dice.choice(PAUSES):
                await asyncio.sleep(pause)
            deeds = [self.store, self.expunge, self.append, *([self.move] * 2 if name == "INBOX" else [])]
            try:
                await self.dice.choice(deeds)()
            except Refused as refused:
                if OVER_QUOTA not in str(refused):
                    raise
                self.books.events["over quota by IMAP"] += 1

    async def open(self, name: str) -> None:
        self.name = name
        known = self.person.boxes.get(name)
        since = (
            f"QRESYNC ({known.validity} {known.highest})" if known and self.person.qresync else "CONDSTORE"
        )
        told = await self.imap.ask(f'SELECT "{name}" ({since})')
        self.entered()
        self.box = await self._compared(known, told)
        self.person.boxes[name] = self.box

    # -- what must be so -----------------------------------------------------------------------------------------------

    def entered(self) -> None:
        """SELECT was granted. Raises Broken."""

    def identify(self, line: str) -> str:
        """The Message-ID of what is shown, which must be for this person. Raises Broken."""
        return seen(self.books, self.person, line)

    async def _compared(self, known: Memory | None, told: Sequence[str]) -> Memory:
        """What the mailbox looks like now; raises Broken where that cannot follow from what was known."""
        codes = {name: int(number) for line in told for name, number in _CODES.findall(line)}
        now = Memory(codes["UIDVALIDITY"], codes["UIDNEXT"], codes["HIGHESTMODSEQ"])
        fetched = await self.imap.ask(
            "UID FETCH 1:* (FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (MESSAGE-ID IN-REPLY-TO)])"
        )
        for line in fetched:
            if (
                (uid := _UID.search(line))
                and (flags := _FLAGS.search(line))
                and (modseq := _MODSEQ.search(line))
            ):
                now.mails[int(uid[1])] = Mail(self.identify(line), _flags(flags[1]), int(modseq[1]))
        if known:
            if self.person.qresync:
                self._resynchronise(known, told)
            self._follows(known, now)
        return now

    def _resynchronise(self, known: Memory, told: Iterable[str]) -> None:
        """RFC 7162 §3.2.5: what SELECT itself tells brings the client up to date."""
        for line in told:
            self._learn(known, line)

    def _follows(self, known: Memory, now: Memory) -> None:
        if now.validity != known.validity:
            raise self.lie(f"UIDVALIDITY was {known.validity} and is {now.validity}")
        if now.uidnext < known.uidnext or now.highest < known.highest:
            raise self.lie(
                f"UIDNEXT {known.uidnext} and HIGHESTMODSEQ {known.highest} are {now.uidnext} and {now.highest}"
            )
        for uid, mail in known.mails.items():
            found = now.mails.get(uid)
            if found is None:
                if self.person.qresync or not self._was_removed(mail.id):
                    raise self.lie(f"UID {uid} is gone, and nobody said so")
            elif found.id != mail.id or found.modseq < mail.modseq:
                raise self.lie(f"UID {uid} was {mail} and is {found}")
            elif found.flags != mail.flags and (self.person.qresync or found.modseq == mail.modseq):
                raise self.lie(f"UID {uid} has other flags, and MODSEQ does not say so: {mail}, {found}")
        if young := [uid for uid in now.mails if uid not in known.mails and uid < known.uidnext]:
            raise self.lie(f"UIDs below UIDNEXT {known.uidnext} were not there before: {young}")

    def _was_removed(self, id: str) -> bool:
        return bool(self.owner.removed[id] or self.owner.perhaps_removed[id])

    def lie(self, words: str) -> Broken:
        return Broken("UIDs", f"{self.name} of {self.person.address}: {words}")

    def _learn(self, box: Memory, line: str) -> None:
        """What a line tells of messages that are known."""
        if vanished := _VANISHED.match(line):
            for gone in expanded(vanished[1]):
                if (mail := box.mails.pop(gone, None)) and not self._was_removed(mail.id):
                    raise self.lie(f"UID {gone} vanished, which nobody removed")
            return
        uid, flags, modseq = _UID.search(line), _FLAGS.search(line), _MODSEQ.search(line)
        if uid and flags and modseq and (known := box.mails.get(int(uid[1]))):
            known.flags, known.modseq = _flags(flags[1]), int(modseq[1])

    # -- what people do ------------------------------------------------------------------------------------------------

    def some(self) -> list[int]:
        uids = sorted(self.box.mails)
        return sorted(self.dice.sample(uids, min(len(uids), self.dice.randint(1, 8))))

    async def change(self, command: str) -> list[str]:
        """A command that changes the mailbox, and what it tells about it."""
        said = await self.imap.ask(command)
        highest = [
            int(number) for line in said for name, number in _CODES.findall(line) if name == "HIGHESTMODSEQ"
        ]
        for line in said:
            self._learn(self.box, line)
        self.box.highest = max(self.box.highest, *highest, 0)
        return said

    async def store(self) -> None:
        if uids := self.some():
            sign, flag = self.dice.choice("+-"), self.dice.choice(FLAGS)
            await self.change(f"UID STORE {joined(uids)} {sign}FLAGS ({flag})")

    async def expunge(self) -> None:
        uids = self.some()
        if not uids:
            return
        ids = [self.box.mails[uid].id for uid in uids]
        await self.change(f"UID STORE {joined(uids)} +FLAGS (\\Deleted)")
        self.owner.perhaps_removed.update(ids)
        await self.change(f"UID EXPUNGE {joined(uids)}")
        self.owner.perhaps_removed.subtract(ids)
        self.owner.removed.update(ids)
        for uid in uids:
            self.box.mails.pop(uid, None)

    async def move(self) -> None:
        uids = self.some()
        if not uids:
            return
        ids = {uid: self.box.mails[uid].id for uid in uids}
        # It is gone from here, though not from the account: until the answer comes, both may be.
        moving = [*ids.values()]
        self.person.perhaps_removed.update(moving)
        self.person.perhaps_added.update(moving)
        said = await self.change(f"UID MOVE {joined(uids)} {ARCHIVE}")
        copied = next(match for line in said if (match := _COPYUID.search(line)))
        pairs = dict(zip(expanded(copied[2]), expanded(copied[3]), strict=True))
        if sorted(pairs) != uids:
            raise self.lie(f"{uids} were moved, and COPYUID says {pairs}")
        for count in (self.person.perhaps_added, self.person.perhaps_removed):
            count.subtract(moving)
        self.person.removed.update(moving)
        self.person.added.update(moving)
        for uid in uids:
            self.box.mails.pop(uid, None)
        self._came(ARCHIVE, int(copied[1]), {pairs[uid]: id for uid, id in ids.items()})

    async def append(self, target: str = ARCHIVE) -> None:
        person, owner = self.person, self.owner
        size = self.dice.choice(SIZES[:32])
        letter, octets = self.books.write(
            person.address, (owner.address,), person.machine.domain, size, eight_bit=False
        )
        owner.perhaps_added[letter.id] += 1
        try:
            said = await self.change(f'APPEND "{target}" {{{len(octets)}+}}\r\n{octets.decode()}')
        except Refused as refused:
            if OVER_QUOTA in str(refused):
                owner.perhaps_added[letter.id] -= 1
            raise
        owner.perhaps_added[letter.id] -= 1
        owner.added[letter.id] += 1
        if given := _APPENDUID.search(said[-1]):
            self._came(target, int(given[1]), {int(given[2]): letter.id})

    def _came(self, name: str, validity: int, ids: dict[int, str]) -> None:
        """What was put into another mailbox has these UIDs there."""
        there = self.person.boxes.get(name)
        if there is None or there is self.box:
            return
        latest = max((*there.mails, there.uidnext - 1))
        if validity != there.validity or min(ids) <= latest:
            raise self.lie(f"{name}, which was at {there.validity} {latest}, gives {validity} {ids}")
        # UIDNEXT stays as it was: what came between the two, when an answer was lost, is yet to be found.
        there.mails |= {uid: Mail(id, frozenset(), 0) for uid, id in ids.items()}


def _flags(text: str) -> frozenset[str]:
    return frozenset(text.lower().split()) - {"\\recent"}


def joined(uids: Iterable[int]) -> str:
    return ",".join(map(str, uids))
