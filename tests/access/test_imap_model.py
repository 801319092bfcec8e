"""Several clients of several accounts do random things to shared folders; a model says what each must hear and know.

One command is carried out at a time, so the model knows the one right answer: numbers, UIDs, flags, MODSEQ, counts, and what
each session has been told (RFC 3501 §7.4, RFC 4314 §4, RFC 7162).
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.access.device import Device, Told, expanded
from tests.access.model import ANYONE, DELETED, EVERYTHING, SEEN, Folder, Model
from tests.access.test_imap_session import CLIENT, CREDENTIALS, SERVER, house

from correo import accounts, mailbox
from correo.mail.address import Address
from correo.net.memory import MemoryStream
from correo.storage.db import Tx

ALICE, BOB, CAROL, SUPPORT = (f"{name}@example.org" for name in ("alice", "bob", "carol", "support"))
DEVICES = ((ALICE, True), (ALICE, False), (BOB, True), (CAROL, False))
FLAGS = ("\\Seen", "\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "word")
KEYS = {"SEEN": SEEN, "DELETED": DELETED, "FLAGGED": "\\flagged", "KEYWORD word": "word"}
RIGHTS = ("", "li", "lr", "lrs", "lrsi", "lrswi", "lrwtei", EVERYTHING, EVERYTHING, EVERYTHING)
HOLDERS = (BOB, CAROL, BOB, CAROL, ANYONE)
SOME_RIGHTS = ("", "", "s", "w", "te", "r")  # to be given to all, or taken from somebody
OUSTED = (
    "NOOP",
    "FETCH 1:* (FLAGS BODY.PEEK[])",
    "UID SEARCH ALL",
    "IDLE",
    "STORE 1 +FLAGS (\\Seen)",
    "CHECK",
    "EXPUNGE",
)
TEAM, FILES = "Team", "Files"
OTHERS, SHARED = f"Other Users/{ALICE}/", f"Shared/{SUPPORT}/"

_STATUS = re.compile(r"\* STATUS .* \(MESSAGES (\d+) UIDNEXT (\d+) UNSEEN (\d+) HIGHESTMODSEQ (\d+)\)")
_COPYUID = re.compile(r"\[COPYUID \d+ (\S+) (\S+)\]")
_MODIFIED = re.compile(r"\[MODIFIED (\S+)\]")
_MESSAGES = re.compile(r"\* (\d+ (EXISTS|EXPUNGE|FETCH)|VANISHED|SEARCH)")
_APPENDUID = re.compile(r"\[APPENDUID \d+ (\d+)\]")

devices = st.integers(0, len(DEVICES) - 1)
folders = st.integers(0, 3)
flag_sets = st.sets(st.sampled_from(FLAGS), max_size=3)
some_flags = st.sets(st.sampled_from(FLAGS), min_size=1, max_size=3)
signs = st.sampled_from("+-")
picks = st.sets(st.integers(0, 7), min_size=1, max_size=4)


class SharedFolders(RuleBasedStateMachine):
    """Alice owns INBOX, Archive and Team, which Bob and Carol share; Files is of an account that nobody logs in to."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = TemporaryDirectory()
        self.model = Model()
        self.told: Told = {}
        self.highest: dict[tuple[int, str], int] = {}
        self._commands_of_the_ousted = 0
        inbox, team = Folder(ALICE, OTHERS + "{}", "INBOX"), Folder(ALICE, OTHERS + "{}", TEAM)
        files = Folder(SUPPORT, SHARED + "{}", FILES)
        archive = Folder(ALICE, OTHERS + "{}", "Keep")
        self.folders = [inbox, team, files, archive]

    def do(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(coroutine, 60))

    @initialize()
    def begin(self) -> None:
        self.do(self._begin())

    async def _begin(self) -> None:
        self.context = house(Path(self.directory.name))
        self.home = await self.context.__aenter__()
        await self.home.services.db.write(self._people)
        self.tasks: list[asyncio.Task[None]] = []
        self.devices = [await self._connect(account, qresync) for account, qresync in DEVICES]
        owner = self.devices[0]
        for name in (TEAM, "Keep"):
            assert (await owner.command(f"CREATE {name}"))[-1].startswith("OK")
        for account, team, keep in ((BOB, EVERYTHING, "lrwi"), (CAROL, "lrsteik", "lrs")):
            await self._permit(self.folders[1], account, team)
            await self._permit(self.folders[3], account, keep)
        for folder in self.folders:
            for flags in ((), ("\\Seen",), ("\\Deleted", "word"), ("\\Flagged",), ()):
                await self._append(owner, folder, set(flags))
        for device in self.devices:
            await self._select(device, self.folders[1])

    async def _people(self, tx: Tx) -> None:
        services = self.home.services
        now = services.clock.now()
        ids = {}
        for address in (BOB, CAROL, SUPPORT):
            ids[address] = services.chance.id(now)
            await accounts.add_account(
                tx,
                id=ids[address],
                address=Address.parse(address),
                credentials=None if address == SUPPORT else CREDENTIALS,
                now=now,
                shared=address == SUPPORT,
            )
            await mailbox.open_account(tx, ids[address], services.chance, now)
        ids[ALICE] = self.home.account_id
        files = await mailbox.create(tx, ids[SUPPORT], FILES, services.chance, now)
        for address in (ALICE, BOB, CAROL):
            rights = frozenset(EVERYTHING)
            await mailbox.set_rights(tx, files.id, ids[address], "", False, "replace", rights, now)
            self.folders[2].rights[address] = EVERYTHING

    async def _connect(self, account: str, qresync: bool) -> Device:
        near, far = MemoryStream.pair(CLIENT, SERVER)
        self.tasks.append(self.loop.create_task(self.home.serve(far)))
        device = Device(account, qresync, near, self.told)
        await device.line()
        assert (await device.command(f"LOGIN {account} secret"))[-1].startswith("OK")
        if qresync:
            await device.command("ENABLE QRESYNC")
        return device

    def teardown(self) -> None:
        try:
            self.do(self._end())
        finally:
            self.loop.close()
            self.directory.cleanup()

    async def _end(self) -> None:
        for device in self.devices:
            if device.folder is not None:
                await device.command("NOOP")
            for folder in self.folders:
                await self._select(device, folder)
                await self._status(device, folder)
            await device.near.close()
        await asyncio.gather(*self.tasks)
        faults = list(self.home.faults)
        await self.context.__aexit__(None, None, None)
        assert not faults

    # -- what clients do ------------------------------------------------------------------------------------------------

    @rule(device=devices, folder=folders)
    def select(self, device: int, folder: int) -> None:
        self.do(self._select(self.devices[device], self.folders[folder]))

    async def _select(self, device: Device, folder: Folder) -> None:
        assert await device.select(folder) == ("r" in folder.rights_of(device.account))

    @rule(device=devices, folder=folders, flags=flag_sets)
    def append(self, device: int, folder: int, flags: set[str]) -> None:
        self.do(self._append(self.devices[device], self.folders[folder], flags))

    async def _append(self, device: Device, folder: Folder, flags: set[str]) -> None:
        uid = self.model.append(folder, device.account, map(str.lower, flags))
        name = folder.name_for(device.account)
        said = await device.command(f'APPEND "{name}" ({" ".join(flags)}) {{6+}}\r\na: b\r\n')
        if uid is None:
            assert said[-1].startswith("NO ")
        else:
            told = _APPENDUID.search(said[-1])
            assert told
            assert int(told[1]) == uid

    @rule(device=devices, which=picks, sign=signs, flags=some_flags)
    def store(self, device: int, which: set[int], sign: str, flags: set[str]) -> None:
        self.do(self._store(self.devices[device], which, sign, flags, by_uid=False))

    @rule(device=devices, which=picks, sign=signs, flags=some_flags)
    def store_by_uid(self, device: int, which: set[int], sign: str, flags: set[str]) -> None:
        self.do(self._store(self.devices[device], which, sign, flags, by_uid=True))

    @rule(device=devices, which=picks, flags=flag_sets)
    def replace(self, device: int, which: set[int], flags: set[str]) -> None:
        self.do(self._store(self.devices[device], which, "", flags, by_uid=True))

    async def _store(
        self, device: Device, which: set[int], sign: str, flags: set[str], *, by_uid: bool
    ) -> None:
        folder = device.folder
        uids = self._picked(device, which)
        if folder is None or not uids or (sign and not flags):
            return
        present = [uid for uid in uids if uid in folder.mails]
        done = self.model.store(folder, device.account, present, sign, set(map(str.lower, flags)))
        numbers = uids if by_uid else [device.uids.index(uid) + 1 for uid in uids]
        text = f"STORE {','.join(map(str, numbers))} {sign}FLAGS ({' '.join(flags)})"
        said = await device.command(f"UID {text}" if by_uid else text)
        assert said[-1].startswith("OK") == done or len(present) < len(uids), said[-1]

    @rule(
        device=devices,
        which=picks,
        sign=st.sampled_from(("+", "-", "")),
        flags=some_flags,
        at=st.integers(0, 3),
    )
    def store_unless_changed(self, device: int, which: set[int], sign: str, flags: set[str], at: int) -> None:
        """RFC 7162 §3.1.3, by what each may know."""
        self.do(self._store_unless_changed(self.devices[device], which, sign, flags, at))

    async def _store_unless_changed(
        self, device: Device, which: set[int], sign: str, flags: set[str], at: int
    ) -> None:
        folder = device.folder
        present = [uid for uid in self._picked(device, which) if folder and uid in folder.mails]
        if folder is None or not present:
            return
        uids = ",".join(map(str, present))
        await device.command(f"UID FETCH {uids} (MODSEQ)")
        known = {uid: self.told[id(folder), uid, device.account][1] for uid in present}
        since = known[present[at % len(present)]]
        changed = [uid for uid in present if known[uid] > since]
        free = [uid for uid in present if uid not in changed]
        done = self.model.store(folder, device.account, free, sign, set(map(str.lower, flags)))
        text = f"UID STORE {uids} (UNCHANGEDSINCE {since}) {sign}FLAGS ({' '.join(flags)})"
        said = await device.command(text)
        assert said[-1].startswith("OK") == done, said[-1]
        told = _MODIFIED.search(said[-1])
        assert (expanded(told[1]) if told else []) == (changed if done else [])

    @rule(device=devices, which=picks, to=folders)
    def copy(self, device: int, which: set[int], to: int) -> None:
        self.do(self._transfer(self.devices[device], which, self.folders[to], move=False))

    @rule(device=devices, which=picks, to=folders)
    def move(self, device: int, which: set[int], to: int) -> None:
        self.do(self._transfer(self.devices[device], which, self.folders[to], move=True))

    async def _transfer(self, device: Device, which: set[int], target: Folder, *, move: bool) -> None:
        folder = device.folder
        uids = self._picked(device, which)
        if folder is None or not uids:
            return
        present = sorted(uid for uid in uids if uid in folder.mails)
        pairs = self.model.transfer(folder, device.account, present, target, move=move)
        word = "MOVE" if move else "COPY"
        said = await device.command(
            f'UID {word} {",".join(map(str, uids))} "{target.name_for(device.account)}"'
        )
        assert said[-1].startswith("OK") == (pairs is not None), said[-1]
        told = next(filter(None, map(_COPYUID.search, said)), None)
        if pairs:
            assert told
            assert list(zip(expanded(told[1]), expanded(told[2]), strict=True)) == pairs
        else:
            assert told is None

    @rule(device=devices)
    def expunge(self, device: int) -> None:
        self.do(self._expunge(self.devices[device], None))

    @rule(device=devices, which=picks)
    def expunge_by_uid(self, device: int, which: set[int]) -> None:
        self.do(self._expunge(self.devices[device], which))

    async def _expunge(self, device: Device, which: set[int] | None) -> None:
        folder = device.folder
        if folder is None:
            return
        uids = list(folder.mails) if which is None else self._picked(device, which)
        if which is not None and not uids:
            return
        done = self.model.expunge(folder, device.account, [uid for uid in uids if uid in folder.mails])
        text = "EXPUNGE" if which is None else f"UID EXPUNGE {','.join(map(str, uids))}"
        assert (await device.command(text))[-1].startswith("OK") == done

    @rule(device=devices, key=st.sampled_from(sorted(KEYS)), other=st.booleans(), by_uid=st.booleans())
    def search(self, device: int, key: str, other: bool, by_uid: bool) -> None:
        self.do(self._search(self.devices[device], key, other, by_uid))

    async def _search(self, device: Device, key: str, other: bool, by_uid: bool) -> None:
        folder = device.folder
        if folder is None:
            return
        numbered = list(device.uids)
        said = await device.command(f"{'UID ' if by_uid else ''}SEARCH {'NOT ' if other else ''}{key}")
        line = next(line for line in said if line.startswith("* SEARCH"))
        found = {int(word) if by_uid else numbered[int(word) - 1] for word in line.split()[2:]}
        known = set(numbered) & set(folder.mails)
        wanted = {
            uid for uid in known if uid and (KEYS[key] in folder.flags_for(device.account, uid)) != other
        }
        assert found & known == wanted

    @rule(device=devices, folder=folders)
    def status(self, device: int, folder: int) -> None:
        self.do(self._status(self.devices[device], self.folders[folder]))

    async def _status(self, device: Device, folder: Folder) -> None:
        name, account = folder.name_for(device.account), device.account
        said = await device.command(f'STATUS "{name}" (MESSAGES UIDNEXT UNSEEN HIGHESTMODSEQ)')
        if "r" not in folder.rights_of(account):
            assert said[-1].startswith("NO ")
            return
        told = _STATUS.fullmatch(said[0])
        assert told, said
        unseen = sum(SEEN not in folder.flags_for(account, uid) for uid in folder.mails)
        assert tuple(map(int, told.groups()[:3])) == (len(folder.mails), folder.uidnext, unseen)
        highest = int(told[4])
        key = id(folder)
        assert highest >= max((m for (f, _, _), (_, m) in self.told.items() if f == key), default=0)
        assert highest >= self.highest.get((key, account), 0)
        self.highest[key, account] = highest

    @rule()
    def everybody_hears(self) -> None:
        for device in self.devices:
            self.do(device.command("NOOP"))

    @rule(device=devices, other=devices, flags=flag_sets)
    def watch(self, device: int, other: int, flags: set[str]) -> None:
        """What others do is told at once, not at the end (RFC 2177 §3)."""
        self.do(self._watch(self.devices[device], self.devices[other], flags))

    async def _watch(self, device: Device, other: Device, flags: set[str]) -> None:
        folder = device.folder
        if folder is None or other is device:
            return
        await device.idle()
        before = len(folder.mails)
        await self._append(other, folder, flags)
        if len(folder.mails) > before:
            while not (line := await device.line()).endswith(" EXISTS"):
                device.hear(line)
            device.hear(line)
        await device.done()

    @rule(name=st.sampled_from(("Team", "Crew", "Archive/Team")))
    def rename(self, name: str) -> None:
        """Who has it open does not notice."""
        team = self.folders[1]
        if name != team.name:
            self.do(self.devices[0].command(f'RENAME "{team.name}" "{name}"'))
            team.name = name

    @rule(who=st.sampled_from(HOLDERS), folder=st.sampled_from((1, 3)), rights=st.sampled_from(RIGHTS))
    def permit(self, who: str, folder: int, rights: str) -> None:
        if who != ANYONE:
            self.do(self._permit(self.folders[folder], who, rights))

    @rule(
        who=st.sampled_from(HOLDERS),
        dash=st.sampled_from(("", "-")),
        folder=st.sampled_from((1, 3)),
        rights=st.sampled_from(SOME_RIGHTS),
    )
    def vary(self, who: str, dash: str, folder: int, rights: str) -> None:
        """Rights of everybody, and negative ones (RFC 4314 §2)."""
        if dash or who == ANYONE:
            self.do(self._permit(self.folders[folder], dash + who, rights))

    async def _permit(self, folder: Folder, who: str, rights: str) -> None:
        said = await self.devices[0].command(f'SETACL "{folder.name}" {who} "{rights}"')
        assert said[-1].startswith("OK"), said[-1]
        folder.rights[who] = rights
        for at, device in enumerate(self.devices):
            if device.folder is folder and "r" not in folder.rights_of(device.account):
                await self._thrown_out(at)

    async def _thrown_out(self, device: int) -> None:
        """Whoever may not read it any more is told nothing of it, whatever he asks (RFC 4314 §4)."""
        old = self.devices[device]
        self._commands_of_the_ousted += 1
        command = OUSTED[self._commands_of_the_ousted % len(OUSTED)]
        old.near.write(f"o {command}\r\n".encode())
        while not (line := await old.line()).startswith("* BYE"):
            assert not _MESSAGES.match(line), line
        folder = old.folder
        await self._come_back(device, None)
        if folder is not None:
            await self._select(self.devices[device], folder)

    @rule(device=devices)
    def come_back(self, device: int) -> None:
        """With what was known when the connection broke, and nothing of what happened since."""
        self.do(self._come_back(device, self.devices[device].folder))

    async def _come_back(self, device: int, folder: Folder | None) -> None:
        old = self.devices[device]
        old.leave()
        await old.near.close()
        self.devices[device] = await self._connect(old.account, old.qresync)
        self.devices[device].memories = old.memories
        if folder is not None:
            await self._select(self.devices[device], folder)

    def _picked(self, device: Device, which: set[int]) -> list[int]:
        """Some of the messages that the client believes to be there."""
        return [uid for at, uid in enumerate(device.uids) if at in which and uid is not None]


SharedFolders.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=50,
    deadline=None,
    phases=[Phase.generate],  # a story of accidents is not made shorter in a minute
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
TestSharedFolders = SharedFolders.TestCase
