"""Who sends and reads all the time, comes again when the server is gone, and compares what he finds with what he was told.

What was not answered may have been done or not. What was answered NO, -ERR or 4xx has not been done.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.faults.books import HERE, PEOPLE, THERE, Books, Broken
from tests.faults.line import Gone, Later, Line
from tests.journeys.client import PASSWORD

PAUSE = 0.05  # seconds before somebody comes again
MESSAGES = 5  # of one connection, at most
ACTS = 12  # of one session
WORDS = (r"\Seen", r"\Flagged", r"\Answered", "$Later")
KEPT = "Kept"  # the mailbox beside INBOX

_FETCHED = re.compile(r"\* \d+ FETCH \(.*?UID (\d+)")
_FLAGS = re.compile(r"FLAGS \(([^)]*)\)")
_MESSAGE_ID = re.compile(r"(?i)^Message-ID: (\S+)")
_APPENDUID = re.compile(r"\[APPENDUID \d+ (\d+)\]")
_COPYUID = re.compile(r"\[COPYUID \d+ \d+ (\d+)\]")
_SELECTED = re.compile(r"\[(UIDVALIDITY|UIDNEXT) (\d+)\]")


@dataclass(frozen=True, slots=True)
class Ports:
    smtp: int
    submission: int
    imap: int
    pop3: int


async def again_and_again(books: Books, who: str, visit: Callable[[], Awaitable[None]]) -> None:
    """Until it is over, whatever becomes of a single visit."""
    while not books.over:
        try:
            await visit()
        except Gone:
            books.answers[f"{who} gone"] += 1
        except Later as later:
            books.answers[f"{who} {str(later)[:60]}"] += 1
        except Broken as broken:
            books.wrong.append(f"{who}: {broken}")
        await asyncio.sleep(PAUSE)


@dataclass(slots=True)
class Sender:
    """One who brings mail as other servers do, or hands it in as a user of this one."""

    books: Books
    ports: Ports
    submits: bool
    limit: int  # octets of a message
    least: int = 0

    async def visit(self) -> None:
        async with Line(self.ports.submission if self.submits else self.ports.smtp) as line:
            await line.smtp("", "220")
            await line.smtp("EHLO client.example")
            if self.submits:
                login = b64encode(f"\0user0@{HERE}\0{PASSWORD}".encode()).decode()
                await line.smtp(f"AUTH PLAIN {login}", "235")
            for _ in range(self.books.dice.randint(1, MESSAGES)):
                if not self.books.over:
                    await self._send(line)

    async def _send(self, line: Line) -> None:
        books = self.books
        recipients = books.some_recipients(("user", "imap", "pop") if self.submits else tuple(PEOPLE))
        if self.submits:
            recipients += (f"out{books.dice.randrange(100)}@{THERE}",)
        letter, octets = books.write(recipients, self.limit, self.least)
        try:
            await line.smtp(f"MAIL FROM:<user0@{HERE}>" if self.submits else "MAIL FROM:<a@client.example>")
            for recipient in recipients:
                await line.smtp(f"RCPT TO:<{recipient}>")
            await line.smtp("DATA", "354")
            await line.smtp(octets.replace(b"\r\n.", b"\r\n..") + b".")
        except Later:
            books.refused.add(letter.id)
            await line.smtp("RSET")
            raise
        books.promised.append(letter)
        books.answers["sent"] += 1


@dataclass(slots=True)
class Mail:
    id: str
    flags: set[str]
    sure: bool = True  # all that was done to it was answered


@dataclass(slots=True)
class Box:
    validity: int = 0
    uidnext: int = 0
    mails: dict[int, Mail] = field(default_factory=dict)  # by UID
    gone: set[int] = field(default_factory=set)


@dataclass(slots=True)
class ImapReader:
    books: Books
    ports: Ports
    number: int
    boxes: dict[str, Box] = field(default_factory=lambda: {"INBOX": Box(), KEPT: Box()})

    @property
    def address(self) -> str:
        return f"imap{self.number}@{HERE}"

    async def visit(self) -> None:
        async with Line(self.ports.imap) as line:
            await line.hear()
            await line.imap(f"LOGIN {self.address} {PASSWORD}")
            name = self.books.dice.choice(["INBOX", "INBOX", KEPT])
            await self._look(line, name)
            for _ in range(ACTS):
                if self.books.over:
                    return
                await self._act(line, name)

    async def look_at_all(self) -> None:
        """When nobody acts any more."""
        async with Line(self.ports.imap) as line:
            await line.hear()
            await line.imap(f"LOGIN {self.address} {PASSWORD}")
            for name in self.boxes:
                await self._look(line, name)

    async def _look(self, line: Line, name: str) -> None:
        try:
            selected = await line.imap(f"SELECT {name}")
        except Later as later:
            if name == KEPT and "NONEXISTENT" in str(later) and not self.boxes[KEPT].validity:
                await line.imap(f"CREATE {KEPT}")
                return
            raise
        facts = dict(_SELECTED.findall("".join(selected)))
        box = self.boxes[name]
        seen: dict[int, Mail] = {}
        for found in await line.imap("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"):
            if fetched := _FETCHED.match(found):
                flags = _FLAGS.search(found)
                last = seen[int(fetched[1])] = Mail("", set(flags[1].split() if flags else ()) - {r"\Recent"})
            elif named := _MESSAGE_ID.match(found):
                last.id = named[1]
        self._compare(name, box, seen, int(facts["UIDVALIDITY"]), int(facts["UIDNEXT"]))
        box.validity, box.uidnext, box.mails = int(facts["UIDVALIDITY"]), int(facts["UIDNEXT"]), seen

    def _compare(self, name: str, box: Box, seen: dict[int, Mail], validity: int, uidnext: int) -> None:
        where = f"{self.address} {name}"
        if box.validity not in (0, validity) or uidnext < box.uidnext:
            raise Broken(
                f"{where}: UIDVALIDITY or UIDNEXT went from {box.validity}, {box.uidnext} to {uidnext}"
            )
        for uid, mail in box.mails.items():
            if uid not in seen:
                if mail.sure:
                    raise Broken(f"{where}: UID {uid}, {mail.id}, is lost")
                box.gone.add(uid)
            elif seen[uid].id != mail.id or (mail.sure and seen[uid].flags != mail.flags):
                raise Broken(f"{where}: UID {uid} was told to be {mail} and is {seen[uid]}")
        for uid in seen.keys() - box.mails.keys():
            if uid in box.gone or uid < box.uidnext:
                raise Broken(f"{where}: UID {uid}, {seen[uid].id}, came after UIDNEXT was {box.uidnext}")

    async def _act(self, line: Line, name: str) -> None:
        mails = self.boxes[name].mails
        act = self.books.dice.choice(["append", "store", "store", "move", "expunge", "expunge"])
        if act == "append":
            await self._append(line)
        elif mails:
            uid = self.books.dice.choice(list(mails))
            mail = mails[uid]
            mail.sure = False
            try:
                if act == "store":
                    await self._store(line, uid, mail)
                elif act == "expunge":
                    await self._expunge(line, name, uid, mail)
                elif name != KEPT and self.boxes[KEPT].validity:
                    await self._move(line, name, uid, mail)
                mail.sure = True
            except Later:
                mail.sure = True
                raise
        self.books.answers[act] += 1

    async def _append(self, line: Line) -> None:
        letter, octets = self.books.write((), 20_000)
        try:
            answer = await line.imap(f"APPEND {KEPT} (\\Seen) {{{len(octets)}}}", octets)
        except Later as later:
            self.books.refused.add(letter.id)
            if "TRYCREATE" in str(later):
                return
            raise
        self.books.appended.add((self.address, letter.id))
        if uid := _APPENDUID.search(answer[-1]):
            self._comes(int(uid[1]), Mail(letter.id, {r"\Seen"}))

    def _comes(self, uid: int, mail: Mail) -> None:
        box = self.boxes[KEPT]
        if uid < box.uidnext:
            raise Broken(f"{self.address}: UID {uid} was given after UIDNEXT was {box.uidnext}")
        if box.validity:
            box.mails[uid] = mail

    async def _store(self, line: Line, uid: int, mail: Mail) -> None:
        word = self.books.dice.choice(WORDS)
        await line.imap(f"UID STORE {uid} +FLAGS.SILENT ({word})")
        mail.flags.add(word)

    async def _move(self, line: Line, name: str, uid: int, mail: Mail) -> None:
        answer = "".join(await line.imap(f"UID MOVE {uid} {KEPT}"))
        self._goes(name, uid)
        if copied := _COPYUID.search(answer):
            self._comes(int(copied[1]), Mail(mail.id, mail.flags))
        else:
            raise Broken(f"{self.address}: UID MOVE {uid} moved nothing: {answer}")

    async def _expunge(self, line: Line, name: str, uid: int, mail: Mail) -> None:
        await line.imap(f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)")
        mail.flags.add(r"\Deleted")
        key = self.address, mail.id
        self.books.perhaps_removed[key] += 1
        try:
            await line.imap(f"UID EXPUNGE {uid}")
        except Later:
            self.books.perhaps_removed[key] -= 1
            raise
        self.books.perhaps_removed[key] -= 1
        self.books.removed[key] += 1
        self._goes(name, uid)

    def _goes(self, name: str, uid: int) -> None:
        del self.boxes[name].mails[uid]
        self.boxes[name].gone.add(uid)


@dataclass(slots=True)
class Pop3Reader:
    books: Books
    ports: Ports
    number: int
    ids: dict[str, str] = field(default_factory=dict)  # by unique-id
    gone: set[str] = field(default_factory=set)  # unique-ids

    @property
    def address(self) -> str:
        return f"pop{self.number}@{HERE}"

    async def visit(self) -> None:
        async with Line(self.ports.pop3) as line:
            await line.pop3("")
            await line.pop3(f"USER {self.address}")
            await line.pop3(f"PASS {PASSWORD}")
            listed = [entry.split() for entry in (await line.pop3("UIDL", long=True))[1:]]
            if back := self.gone & {uidl for _, uidl in listed}:
                raise Broken(f"{self.address}: {back} were deleted, and came back")
            deleted = [
                await self._delete(line, *entry) for entry in listed[: self.books.dice.randrange(ACTS)]
            ]
            self.books.perhaps_removed.update(key for _, key in deleted)
            await line.pop3("QUIT")  # -ERR says that some may be gone, and some not (RFC 1939 §6)
            self.books.perhaps_removed.subtract(key for _, key in deleted)
            self.books.removed.update(key for _, key in deleted)
            self.gone.update(uidl for uidl, _ in deleted)
            self.books.answers["deleted by POP3"] += len(deleted)

    async def _delete(self, line: Line, number: str, uidl: str) -> tuple[str, tuple[str, str]]:
        head = await line.pop3(f"TOP {number} 0", long=True)
        id = next(named[1] for field in head if (named := _MESSAGE_ID.match(field)))
        if self.ids.setdefault(uidl, id) != id:
            raise Broken(f"{self.address}: {uidl} was {self.ids[uidl]} and is {id}")
        await line.pop3(f"DELE {number}")
        return uidl, (self.address, id)
