"""What people have together, and what they take back: folders of others, by rights that come and go, and their own queue as an Outbox."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from random import Random

from tests.simulation.books import Books, Broken, Folder, Person, Recalled
from tests.simulation.people import LOST, Refused
from tests.simulation.readers import OVER_QUOTA, PAUSES, Reader, Visit, attend, joined

RIGHTS = ("", "lr", "lrs", "lrswi", "lrswite", "lrswite", "l")  # "": no entry at all
OUTBOX = "Outbox"
_NOT_ALLOWED = ("[NOPERM]", "[NONEXISTENT]", "[TRYCREATE]")
_MESSAGE = re.compile(r"UID (\d+).*^message-id: *(\S+)", re.IGNORECASE | re.MULTILINE | re.DOTALL)

Deed = Callable[[], Awaitable[bool]]


async def visit_folder(books: Books, person: Person, folder: Folder, dice: Random) -> None:
    visit = _Guest(books, person, folder, dice)
    await attend(visit)
    if visit.removes:
        folder.busy = False
        folder.rests_until = visit.rests_until


class _Guest(Visit):
    """Somebody in a folder that is not his: what he may do there may change at any moment."""

    what = "in a folder of others"

    def __init__(self, books: Books, person: Person, folder: Folder, dice: Random) -> None:
        super().__init__(books, person, dice, folder.owner)
        self.folder = folder
        now = asyncio.get_running_loop().time()
        self.removes = not folder.busy and now >= folder.rests_until
        folder.busy = folder.busy or self.removes

    async def run(self) -> None:
        await self.log_in()
        await self._listed()
        if await self._allowed("r", self._enter):
            for _ in range(self.dice.randint(1, 4)):
                if pause := self.dice.choice(PAUSES):
                    await asyncio.sleep(pause)
                if not await self._deed():
                    break
        await self.leave()

    async def _deed(self) -> bool:
        """Whether he may still look."""
        deeds: list[tuple[str, Deed]] = [("i", self._add), ("r", self._look), ("s", self._read)]
        if self.removes:
            deeds.append(("e", self._remove))
        needed, deed = self.dice.choice(deeds)
        return await self._allowed(needed, deed) or needed != "r"

    def entered(self) -> None:
        if (now := self._known()) and now == self.before and "r" not in now[1]:
            raise self._wrong(f"could open it with the rights {now[1]!r}")

    def identify(self, line: str) -> str:
        """All that lies there is for everybody who may look."""
        found = _MESSAGE.search(line)
        return found[2] if found else ""

    async def _listed(self) -> None:
        before = self._known()
        told = await self.imap.ask(f'LIST "" "{self.folder.path}"')
        there = any(self.folder.path in line for line in told[:-1])
        if (now := self._known()) and now == before and there != ("l" in now[1]):
            words = "was shown" if there else "was not shown"
            raise self._wrong(f"{words} in LIST, with the rights {now[1]!r}")

    # Each says whether it has done or seen anything.

    async def _enter(self) -> bool:
        await self.open(self.folder.path)
        return True

    async def _add(self) -> bool:
        await self.append(self.folder.path)
        return True

    async def _look(self) -> bool:
        return len(await self.imap.ask("UID FETCH 1:* (BODY.PEEK[])")) > 1

    async def _read(self) -> bool:
        if uids := self.some():
            await self.change(f"UID STORE {joined(uids)} +FLAGS (\\Seen)")
        return bool(uids)

    async def _remove(self) -> bool:
        there = bool(self.box.mails)
        await self.expunge()
        return there

    async def _allowed(self, needed: str, deed: Deed) -> bool:
        """Do it; raises Broken where that was allowed without the right, or refused with it."""
        before = self.before = self._known()
        try:
            acted = await deed()
        except Refused as refused:
            said = str(refused)
            if OVER_QUOTA in said:
                return True
            if not any(code in said for code in _NOT_ALLOWED):
                raise
            if (now := self._known()) and now == before and {needed, "r"} <= {*now[1]}:
                raise self._wrong(f"was refused {needed!r} with the rights {now[1]!r}: {said}") from refused
            self.books.events["refused for want of a right"] += 1
            return False
        if (now := self._known()) and now == before and needed not in now[1] and acted:
            raise self._wrong(f"could do {needed!r} with the rights {now[1]!r}")
        return True

    def _known(self) -> tuple[int, str] | None:
        return self.folder.known(self.person.address)

    def _wrong(self, words: str) -> Broken:
        return Broken("secrecy", f"{self.person.address} {words}: {self.folder.path}")


async def grant(books: Books, folder: Folder, dice: Random) -> None:
    """The owner lets somebody in, or out."""
    address = dice.choice([*folder.rights])
    rights = dice.choice(RIGHTS)
    folder.turns[address] += 1
    folder.unsure.add(address)
    try:
        imap = Reader(await folder.owner.machine.dial("imap"))
        await imap.log_in(folder.owner.address)
        await imap.ask(
            f'SETACL "{folder.name}" {address} {rights}' if rights else f'DELETEACL "{folder.name}" {address}'
        )
        folder.rights[address] = rights
        folder.unsure.discard(address)
        await imap.close()
    except LOST:
        books.events["rights changed, perhaps"] += 1
    else:
        books.events["rights changed"] += 1


async def take_back(books: Books, person: Person, dice: Random) -> None:
    """Of what he has sent and still waits, somebody takes something back."""
    await attend(_Recall(books, person, dice))


class _Recall(Visit):
    what = "in the Outbox"

    async def run(self) -> None:
        await self.log_in()
        await self.imap.ask(f"SELECT {OUTBOX}")
        waiting = self._waiting(
            await self.imap.ask("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
        )
        if waiting:
            uid, id = self.dice.choice((waiting[-1], self.dice.choice(waiting)))
            self.books.cancelled.add(id)
            marked = await self.imap.ask(f"UID STORE {uid} +FLAGS (\\Deleted)")
            if pause := self.dice.choice(PAUSES):
                await asyncio.sleep(pause)
            try:
                await self.imap.ask(f"UID EXPUNGE {uid}")
            except Refused as refused:
                if "[INUSE]" not in str(refused):
                    raise
                self.books.events["could not be taken back"] += 1
            else:
                self.books.events["taken back"] += 1
                if any(f"UID {uid} " in line or f"UID {uid})" in line for line in marked[:-1]):
                    now = asyncio.get_running_loop().time()
                    self.books.recalled.append(Recalled(id, self.person.machine, now))
        await self.leave()

    def _waiting(self, lines: Sequence[str]) -> list[tuple[int, str]]:
        found = [(int(match[1]), match[2]) for line in lines if (match := _MESSAGE.search(line))]
        for _, id in found:
            if id not in self.books.sent.get(self.person.address, ()):
                raise Broken("secrecy", f"{self.person.address} was shown {id} in the Outbox")
        return found
