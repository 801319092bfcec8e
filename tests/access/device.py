"""A client of one account that believes what it is told, and compares it with the model."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from tests.access.model import Folder

from correo.net.memory import MemoryStream

_FETCH = re.compile(r"\* (\d+) FETCH \((.*)\)")
_UID = re.compile(r"UID (\d+)")
_FLAGS = re.compile(r"FLAGS \(([^)]*)\)")
_MODSEQ = re.compile(r"MODSEQ \((\d+)\)")
_COUNT = re.compile(r"\* (\d+) (EXISTS|EXPUNGE)")
_VANISHED = re.compile(r"\* VANISHED (\(EARLIER\) )?([\d:,]+)")
_CODE = re.compile(r"\[(HIGHESTMODSEQ|UIDVALIDITY) (\d+)\]")
_KEEPS_NUMBERS = ("FETCH", "STORE", "SEARCH")  # no EXPUNGE in their answers (RFC 3501 §7.4.1)

Told = dict[tuple[int, int, str], tuple[int, int]]  # folder, UID and account: version of the model, MODSEQ


@dataclass
class Memory:
    """What a client keeps of a folder while it is away (RFC 7162 §6)."""

    validity: int
    highest: int
    flags: dict[int, frozenset[str]]


@dataclass
class Device:
    account: str
    qresync: bool
    near: MemoryStream
    told: Told  # of all devices: a message that did not change keeps its MODSEQ, a later change has a higher one
    folder: Folder | None = None
    uids: list[int | None] = field(default_factory=list)  # by number; None: it was not told yet
    flags: dict[int, frozenset[str]] = field(default_factory=dict)
    memories: dict[int, Memory] = field(default_factory=dict)
    during: str = ""
    validity: int = 0
    highest: int = 0
    _code: int = 0
    _seen: int = 0
    _tags: int = 0
    _heard: bytes = b""

    # -- the connection -------------------------------------------------------------------------------------------------

    async def line(self) -> str:
        while b"\r\n" not in self._heard:
            data = await asyncio.wait_for(self.near.read(None), 20)
            assert isinstance(data, bytes)
            assert data, f"the server hung up on {self.account}"
            self._heard += data
        line, _, self._heard = self._heard.partition(b"\r\n")
        return line.decode()

    async def command(self, text: str, *, settled: bool = True) -> list[str]:
        """All that was said, the tagged response without its tag last."""
        self._tags += 1
        tag = f"t{self._tags}"
        self.during = text.split()[0]
        self.near.write(f"{tag} {text}\r\n".encode())
        said = []
        while not (line := await self.line()).startswith(f"{tag} "):
            said.append(line)
            self.hear(line)
        said.append(line.removeprefix(f"{tag} "))
        self._finish(said[-1])
        if settled:
            await self.catch_up()
            self.check(self.during)
        return said

    async def idle(self) -> None:
        """Begin; `done` ends it."""
        self.during = "IDLE"
        self.near.write(b"i IDLE\r\n")
        while (line := await self.line()) != "+ idling":
            self.hear(line)

    async def done(self) -> None:
        self.near.write(b"DONE\r\n")
        while not (line := await self.line()).startswith("i "):
            self.hear(line)
        self._finish(line)
        await self.catch_up()
        self.check("IDLE")

    def _finish(self, tagged: str) -> None:
        self._codes(tagged)
        self.highest = self._code or max(self.highest, self._seen)
        self._code = self._seen = 0

    async def catch_up(self) -> None:
        """Ask for what the numbers of new messages stand for."""
        if None in self.uids:
            first = self.uids.index(None) + 1
            await self.command(f"FETCH {first}:{len(self.uids)} (UID FLAGS MODSEQ)", settled=False)

    # -- believing ------------------------------------------------------------------------------------------------------

    def hear(self, line: str) -> None:
        self._codes(line)
        if match := _COUNT.fullmatch(line):
            self._counted(int(match[1]), match[2])
        elif match := _VANISHED.fullmatch(line):
            self._vanished(match[2], earlier=bool(match[1]))
        elif match := _FETCH.fullmatch(line):
            self._fetched(int(match[1]), match[2])

    def _codes(self, line: str) -> None:
        for name, number in _CODE.findall(line):
            if name == "UIDVALIDITY":
                self.validity = int(number)
            else:
                self._code = int(number)

    def _counted(self, number: int, what: str) -> None:
        if what == "EXISTS":
            assert number >= len(self.uids), "messages went without EXPUNGE"
            self.uids += [None] * (number - len(self.uids))
            return
        assert not self.qresync, "it wants VANISHED"
        assert self.during not in _KEEPS_NUMBERS
        uid = self.uids.pop(number - 1)
        if uid is not None:
            del self.flags[uid]

    def _vanished(self, uids: str, *, earlier: bool) -> None:
        assert self.qresync
        assert earlier or self.during not in _KEEPS_NUMBERS
        for uid in expanded(uids):
            self.flags.pop(uid, None)
            if not earlier:
                self.uids.remove(uid)

    def _fetched(self, number: int, items: str) -> None:
        uid_told, flags, modseq = _UID.search(items), _FLAGS.search(items), _MODSEQ.search(items)
        uid = int(uid_told[1]) if uid_told else self.uids[number - 1]
        assert uid is not None, f"which message is it? {items}"
        assert self.folder is not None
        if self.during != "SELECT":
            assert self.uids[number - 1] in (None, uid), f"message {number} changed its UID"
            self.uids[number - 1] = uid
        if modseq:
            self._seen = max(self._seen, int(modseq[1]))
        if flags:
            self.flags[uid] = frozenset(flags[1].lower().split()) - {"\\recent"}
        if uid in self.folder.mails:
            if flags:
                assert self.flags[uid] == self.folder.flags_for(self.account, uid), f"UID {uid}"
            if modseq:
                self._compare(self.folder, uid, int(modseq[1]))

    def _compare(self, folder: Folder, uid: int, modseq: int) -> None:
        key = id(folder), uid, self.account
        version = folder.version_for(self.account, uid)
        before, modseq_before = self.told.get(key, (0, 0))
        if before == version:
            assert modseq == modseq_before, f"UID {uid} did not change, and its MODSEQ did"
        else:
            assert modseq > modseq_before, f"UID {uid} changed, and its MODSEQ did not grow"
        self.told[key] = version, modseq

    # -- comparing ------------------------------------------------------------------------------------------------------

    def check(self, during: str) -> None:
        """After a command every message, number and flag is as the model has it, but for what may not be told yet."""
        if self.folder is None:
            return
        mails = self.folder.mails
        present = [uid for uid in self.uids if uid in mails]
        if during in _KEEPS_NUMBERS:
            assert present == sorted(mails)
        else:
            assert self.uids == sorted(mails)
        for uid in present:
            assert uid is not None
            assert self.flags[uid] == self.folder.flags_for(self.account, uid), f"UID {uid} of {self.account}"

    # -- coming and going -----------------------------------------------------------------------------------------------

    async def select(self, folder: Folder) -> bool:
        """QRESYNC where it was here before: then it knows all again without asking (RFC 7162 §3.2.5)."""
        self.leave()
        memory = self.memories.get(id(folder)) if self.qresync else None
        name = folder.name_for(self.account)
        since = f" (QRESYNC ({memory.validity} {memory.highest}))" if memory else " (CONDSTORE)"
        self.folder = folder
        self.flags = dict(memory.flags) if memory else {}
        said = await self.command(f'SELECT "{name}"{since}', settled=False)
        if not said[-1].startswith("OK"):
            self.folder = None
            self.flags = {}
            return False
        if memory:
            assert len(self.flags) == len(self.uids), "QRESYNC did not tell all"
            self.uids = [*sorted(self.flags)]
        await self.catch_up()
        self.check("SELECT")
        return True

    def leave(self) -> None:
        if self.folder is not None:
            self.memories[id(self.folder)] = Memory(self.validity, self.highest, dict(self.flags))
        self.folder = None
        self.uids = []
        self.flags = {}
        self.highest = 0


def expanded(uids: str) -> list[int]:
    found: list[int] = []
    for part in uids.split(","):
        low, _, high = part.partition(":")
        found += range(int(low), int(high or low) + 1)
    return found
