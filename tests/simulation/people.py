"""People at their programs: they send, read by POP3 and IMAP, remember what they were told, and hold the server to it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from random import Random

from tests.access.device import expanded
from tests.journeys.client import Imap, Pop3, Smtp
from tests.simulation.books import Books, Broken, Mail, Memory, Person, Promise
from tests.simulation.machine import Machine

WISHES = ("", "", "", "", " NOTIFY=NEVER", " NOTIFY=FAILURE", " NOTIFY=SUCCESS,FAILURE")
HOLDS = ("", "", "", "", " HOLDFOR=60", " HOLDFOR=7200")  # RFC 4865
SIZES = (0,) * 16 + (300,) * 8 + (2_000,) * 8 + (30_000,) * 3 + (150_000,)  # octets
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "later", "\\Deleted")
ARCHIVE = "Archive"
AFTER_TROUBLE = 90.0  # seconds in which a connection that broke is over for the server, too, so that one client at a time changes things

_TAGGED = re.compile(r"a\d+ (OK|NO|BAD)")
_CODES = re.compile(r"\[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]")
_COPYUID = re.compile(r"\[COPYUID (\d+) (\S+) (\S+)\]")
_APPENDUID = re.compile(r"\[APPENDUID (\d+) (\d+)\]")
_VANISHED = re.compile(r"\* VANISHED (?:\(EARLIER\) )?([\d:,]+)")
_UID = re.compile(r"\bUID (\d+)")
_FLAGS = re.compile(r"FLAGS \(([^)]*)\)")
_MODSEQ = re.compile(r"MODSEQ \((\d+)\)")
_FIELD = re.compile(r"^(message-id|in-reply-to): *(\S+)", re.IGNORECASE | re.MULTILINE)


class Refused(Exception):
    """The server said no, which it may while things are going wrong."""


LOST = (
    EOFError,
    OSError,
    AssertionError,
    Refused,
)  # what a client meets when things go wrong; TimeoutError is an OSError


# -- sending -----------------------------------------------------------------------------------------------------------


async def submit(
    books: Books, machine: Machine, sender: str, recipients: Sequence[str], dice: Random
) -> None:
    """One or more letters in one connection: of somebody with an account there, or by another server."""
    at_home = sender in books.people
    try:
        smtp = Smtp(await machine.dial("submission" if at_home else "mx"))
        await smtp.hello(sender if at_home else "")
        for _ in range(dice.choice((1, 1, 1, 2))):
            await _send(books, machine, smtp, sender, tuple(recipients), dice)
        if dice.random() < 0.8:
            await smtp.quit()
        else:
            await smtp.close()
    except LOST:
        books.mail["unanswered"] += 1


async def _send(
    books: Books, machine: Machine, smtp: Smtp, sender: str, recipients: tuple[str, ...], dice: Random
) -> None:
    letter, octets = books.write(
        sender, recipients, machine.domain, dice.choice(SIZES), eight_bit=dice.random() < 0.3
    )
    wish = dice.choice(WISHES)
    hold = dice.choice(HOLDS) if sender in books.people else ""
    said = await smtp.send(sender, recipients, octets, f"{hold} BODY=8BITMIME", wish)
    if said.code == 250:
        books.promises.append(Promise(letter, said.recipients, machine, "NEVER" in wish))
        books.mail["taken"] += 1
    else:
        books.mail["refused"] += 1


# -- reading by POP3 ---------------------------------------------------------------------------------------------------


async def read_by_pop3(books: Books, person: Person, dice: Random) -> None:
    deleted: list[str] = []
    try:
        pop3 = Pop3(await person.machine.dial("pop3"))
        await pop3.log_in(person.address)
        listed = (await pop3.block("UIDL")).decode().splitlines()
        for line in listed:
            number, uidl = line.split()
            id = person.uidls.get(uidl)
            if id is None or dice.random() < 0.1:
                found = _shown(books, person, await pop3.block(f"RETR {number}"))
                if id is not None and id != found:
                    raise Broken("UIDs", f"UIDL {uidl} of {person.address} was {id} and is {found}")
                id = person.uidls[uidl] = found
            if dice.random() < 0.5:
                await pop3.ask(f"DELE {number}")
                deleted.append(id)
        person.perhaps_removed.update(deleted)
        await pop3.ask("QUIT")
    except LOST:
        person.rests_until = asyncio.get_running_loop().time() + AFTER_TROUBLE
        books.events["POP3 failed"] += 1
    else:
        person.perhaps_removed.subtract(deleted)
        person.removed.update(deleted)
        books.events["POP3"] += 1


def _shown(books: Books, person: Person, raw: bytes) -> str:
    """The Message-ID of what was read, which must be his, and unchanged."""
    header, _, _ = raw.partition(b"\r\n\r\n")
    id = _seen(books, person, header.decode("utf-8", "replace"))
    letter = books.letters.get(id)
    if letter and not letter.ends(raw):
        raise Broken("unchanged", f"{id} is not what was sent")
    return id


def _seen(books: Books, person: Person, header: str) -> str:
    fields: dict[str, str] = {name.lower(): value for name, value in _FIELD.findall(header)}
    id = fields.get("message-id", "")
    if not books.may_see(person, id, fields.get("in-reply-to", "")):
        raise Broken("secrecy", f"{person.address} was shown {id}")
    return id


# -- reading by IMAP ---------------------------------------------------------------------------------------------------


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
    visit = _Visit(books, person, dice)
    try:
        await visit.run()
    except LOST:
        person.rests_until = asyncio.get_running_loop().time() + AFTER_TROUBLE
        books.events["IMAP failed"] += 1
    else:
        books.events["IMAP"] += 1


class _Visit:
    def __init__(self, books: Books, person: Person, dice: Random) -> None:
        self.books = books
        self.person = person
        self.dice = dice

    async def run(self) -> None:
        self.imap = Reader(await self.person.machine.dial("imap"))
        await self.imap.log_in(self.person.address)
        if self.person.qresync:
            await self.imap.ask("ENABLE QRESYNC")
        for name in self.dice.choice((("INBOX",), ("INBOX", ARCHIVE))):
            await self._visit(name)
        if self.dice.random() < 0.7:
            await self.imap.ask("LOGOUT")
        await self.imap.close()

    async def _visit(self, name: str) -> None:
        self.name = name
        known = self.person.boxes.get(name)
        since = (
            f"QRESYNC ({known.validity} {known.highest})" if known and self.person.qresync else "CONDSTORE"
        )
        told = await self.imap.ask(f"SELECT {name} ({since})")
        self.box = await self._compared(known, told)
        self.person.boxes[name] = self.box
        for _ in range(self.dice.randint(0, 3)):
            deeds = [self._store, self._expunge, self._append, *([self._move] * 2 if name == "INBOX" else [])]
            await self.dice.choice(deeds)()

    # -- what must be so -----------------------------------------------------------------------------------------------

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
                id = _seen(self.books, self.person, line)
                now.mails[int(uid[1])] = Mail(id, _flags(flags[1]), int(modseq[1]))
        if known:
            if self.person.qresync:
                self._resynchronise(known, told)
            self._follows(known, now)
        return now

    def _resynchronise(self, known: Memory, told: Iterable[str]) -> None:
        """RFC 7162 §3.2.5: what SELECT itself tells brings the client up to date."""
        for line in told:
            if vanished := _VANISHED.match(line):
                for uid in expanded(vanished[1]):
                    if (mail := known.mails.pop(uid, None)) and not self._was_removed(mail.id):
                        raise self._lie(f"UID {uid} vanished, which nobody removed")
            else:
                _learn(known, line)

    def _follows(self, known: Memory, now: Memory) -> None:
        if now.validity != known.validity:
            raise self._lie(f"UIDVALIDITY was {known.validity} and is {now.validity}")
        if now.uidnext < known.uidnext or now.highest < known.highest:
            raise self._lie(
                f"UIDNEXT {known.uidnext} and HIGHESTMODSEQ {known.highest} are {now.uidnext} and {now.highest}"
            )
        for uid, mail in known.mails.items():
            found = now.mails.get(uid)
            if found is None:
                if self.person.qresync or not self._was_removed(mail.id):
                    raise self._lie(f"UID {uid} is gone, and nobody said so")
            elif found.id != mail.id or found.modseq < mail.modseq:
                raise self._lie(f"UID {uid} was {mail} and is {found}")
            elif found.flags != mail.flags and (self.person.qresync or found.modseq == mail.modseq):
                raise self._lie(f"UID {uid} has other flags, and MODSEQ does not say so: {mail}, {found}")
        if young := [uid for uid in now.mails if uid not in known.mails and uid < known.uidnext]:
            raise self._lie(f"UIDs below UIDNEXT {known.uidnext} were not there before: {young}")

    def _was_removed(self, id: str) -> bool:
        return bool(self.person.removed[id] or self.person.perhaps_removed[id])

    def _lie(self, words: str) -> Broken:
        return Broken("UIDs", f"{self.name} of {self.person.address}: {words}")

    # -- what people do ------------------------------------------------------------------------------------------------

    def _some(self) -> list[int]:
        uids = sorted(self.box.mails)
        return sorted(self.dice.sample(uids, min(len(uids), self.dice.randint(1, 8))))

    async def _change(self, command: str) -> list[str]:
        """A command that changes the mailbox, and what it tells about it."""
        said = await self.imap.ask(command)
        highest = [
            int(number) for line in said for name, number in _CODES.findall(line) if name == "HIGHESTMODSEQ"
        ]
        for line in said:
            _learn(self.box, line)
        self.box.highest = max(self.box.highest, *highest, 0)
        return said

    async def _store(self) -> None:
        if uids := self._some():
            sign, flag = self.dice.choice("+-"), self.dice.choice(FLAGS)
            await self._change(f"UID STORE {_joined(uids)} {sign}FLAGS ({flag})")

    async def _expunge(self) -> None:
        uids = self._some()
        if not uids:
            return
        await self._change(f"UID STORE {_joined(uids)} +FLAGS (\\Deleted)")
        ids = [self.box.mails[uid].id for uid in uids]
        self.person.perhaps_removed.update(ids)
        await self._change(f"UID EXPUNGE {_joined(uids)}")
        self.person.perhaps_removed.subtract(ids)
        self.person.removed.update(ids)
        for uid in uids:
            del self.box.mails[uid]

    async def _move(self) -> None:
        uids = self._some()
        if not uids:
            return
        ids = {uid: self.box.mails[uid].id for uid in uids}
        # It is gone from here, though not from the account: until the answer comes, both may be.
        moving = [*ids.values()]
        self.person.perhaps_removed.update(moving)
        self.person.perhaps_added.update(moving)
        said = await self._change(f"UID MOVE {_joined(uids)} {ARCHIVE}")
        copied = next(match for line in said if (match := _COPYUID.search(line)))
        pairs = dict(zip(expanded(copied[2]), expanded(copied[3]), strict=True))
        if sorted(pairs) != uids:
            raise self._lie(f"{uids} were moved, and COPYUID says {pairs}")
        for count in (self.person.perhaps_added, self.person.perhaps_removed):
            count.subtract(moving)
        self.person.removed.update(moving)
        self.person.added.update(moving)
        for uid in uids:
            del self.box.mails[uid]
        self._came(int(copied[1]), {pairs[uid]: id for uid, id in ids.items()})

    async def _append(self) -> None:
        person = self.person
        letter, octets = self.books.write(
            person.address,
            (person.address,),
            person.machine.domain,
            self.dice.choice(SIZES[:32]),
            eight_bit=False,
        )
        person.perhaps_added[letter.id] += 1
        said = await self._change(f"APPEND {ARCHIVE} {{{len(octets)}+}}\r\n{octets.decode()}")
        person.perhaps_added[letter.id] -= 1
        person.added[letter.id] += 1
        if given := _APPENDUID.search(said[-1]):
            self._came(int(given[1]), {int(given[2]): letter.id})

    def _came(self, validity: int, ids: dict[int, str]) -> None:
        """What was put into the archive has these UIDs there."""
        archive = self.person.boxes.get(ARCHIVE)
        if archive is None:
            return
        latest = max((*archive.mails, archive.uidnext - 1))
        if validity != archive.validity or min(ids) <= latest:
            raise self._lie(f"{ARCHIVE}, which was at {archive.validity} {latest}, gives {validity} {ids}")
        # UIDNEXT stays as it was: what came between the two, when an answer was lost, is yet to be found.
        archive.mails |= {uid: Mail(id, frozenset(), 0) for uid, id in ids.items()}


def _learn(box: Memory, line: str) -> None:
    """What a FETCH tells of a message that is known."""
    uid, flags, modseq = _UID.search(line), _FLAGS.search(line), _MODSEQ.search(line)
    if uid and flags and modseq and (mail := box.mails.get(int(uid[1]))):
        mail.flags, mail.modseq = _flags(flags[1]), int(modseq[1])


def _flags(text: str) -> frozenset[str]:
    return frozenset(text.lower().split()) - {"\\recent"}


def _joined(uids: Iterable[int]) -> str:
    return ",".join(map(str, uids))
