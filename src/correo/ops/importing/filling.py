"""Bringing what a source has into an account, in portions: each is one transaction, so that whatever ends it leaves no half."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from correo import mailbox
from correo.clock import Chance, Clock
from correo.mail.errors import Kind, Refused
from correo.mailbox import INBOX, SEPARATOR, Arrival, Mailbox, canonical
from correo.mailbox.names import MAX_SUBSCRIPTIONS
from correo.ops.importing.found import Folder, Found, Letter, Problem, Source
from correo.storage.db import Database, Tx

PORTION = 100  # messages in one transaction: some ten milliseconds, in which deliveries wait
PORTION_OCTETS = 8 * 1024 * 1024  # of them together
MAX_PROBLEMS = 1_000  # that are kept in words; the rest is counted

Progress = Callable[
    [str, int, int], None
]  # the folder, how many messages of it are done, of how many (0: nobody knows)


@dataclass(slots=True)
class Filled:
    """One folder: `known` messages had been brought before; `same`: clients may go on with what they have of it."""

    name: str
    imported: int = 0
    known: int = 0
    octets: int = 0
    same: bool = False


@dataclass(slots=True)
class Report:
    folders: list[Filled] = field(default_factory=list)
    subscriptions: int = 0
    problem_count: int = 0
    problems: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


class Filling:
    def __init__(
        self,
        db: Database,
        account_id: int,
        clock: Clock,
        chance: Chance,
        *,
        into: str = "",
        again: bool = False,
        dry_run: bool = False,
        reading: Callable[[], AbstractContextManager[None]],
        progress: Progress,
    ) -> None:
        """`into`: the mailbox that takes the inbox, with all others below it. `again`: also what was brought before.

        Whatever the source reads is read within `reading`.
        """
        self._db = db
        self._account_id = account_id
        self._clock = clock
        self._chance = chance
        self._into = canonical(into)
        self._again = again
        self._dry_run = dry_run
        self._reading = reading
        self._progress = progress
        self._names: set[str] = set()  # of mailboxes that were filled
        self.report = Report()

    async def fill(self, source: Source) -> Report:
        """Raises Refused: UNAVAILABLE, BROKEN. All else is in the report."""
        folders = source.folders()
        while True:
            with self._reading():
                folder = next(folders, None)
            if folder is None:
                break
            await self._folder(folder)
        with self._reading():
            names = source.subscriptions()
        for name in names[:MAX_SUBSCRIPTIONS]:
            await self._subscribe(self._name(name))
        if len(names) > MAX_SUBSCRIPTIONS:
            words = f"there are {len(names)}; all but {MAX_SUBSCRIPTIONS} were left out"
            self.report.add(Problem("subscriptions", words))
        for problem in source.problems:
            self.report.add(problem)
        return self.report

    def _name(self, name: str) -> str:
        if not self._into:
            return canonical(name)
        return self._into if canonical(name) == INBOX else f"{self._into}{SEPARATOR}{name}"

    async def _folder(self, folder: Folder) -> None:
        filled = Filled(self._name(folder.name))
        # Of two that come together no UID can be kept: what was one message in this may have been another in that.
        alone = filled.name not in self._names
        self._names.add(filled.name)
        try:
            box_id, keeping = await self._open(filled.name, folder, folder.uidvalidity if alone else 0)
        except Refused as refused:
            if refused.kind in (Kind.UNAVAILABLE, Kind.BROKEN):
                raise
            self.report.add(
                Problem(folder.where, f"no mailbox {filled.name!r} can be made: {refused.detail}")
            )
            return
        self.report.folders.append(filled)
        found = folder.found()
        while portion := self._portion(found):
            await self._bring(box_id, portion, filled)
            self._progress(filled.name, filled.imported + filled.known, 0)
        if keeping and not self._dry_run:
            filled.same = await self._db.write(mailbox.end_adoption, box_id, self._clock.now())

    async def _open(self, name: str, folder: Folder, uidvalidity: int) -> tuple[int, bool]:
        """The mailbox, made where there is none, and whether it may become the one that clients know."""
        if self._dry_run:
            mailbox.checked(name)
            return 0, False
        now = self._clock.now()

        async def op(tx: Tx) -> tuple[int, bool]:
            box = await mailbox.find(tx, self._account_id, name)
            if box is None:
                box = await mailbox.create(tx, self._account_id, name, self._chance, now)
            await self._use(tx, box, folder.special_use, now)
            begun = mailbox.begin_adoption
            return box.id, await begun(tx, box.id, uidvalidity, folder.uidnext, folder.listed, now)

        return await self._db.write(op)

    async def _use(self, tx: Tx, box: Mailbox, use: str, now: int) -> None:
        if use in mailbox.SPECIAL_USES and use != box.special_use and box.name != INBOX and not self._into:
            await mailbox.set_special_use(tx, self._account_id, box.id, use, now)

    def _portion(self, found: Iterator[Found | Problem]) -> list[Found]:
        """The next messages, some at a time; empty at the end. Problems go into the report."""
        portion: list[Found] = []
        octets = 0
        with self._reading():
            for one in found:
                if isinstance(one, Problem):
                    self.report.add(one)
                    continue
                portion.append(one)
                octets += one.size
                if len(portion) >= PORTION or octets >= PORTION_OCTETS:
                    break
        return portion

    async def _bring(self, box_id: int, portion: Sequence[Found], filled: Filled) -> None:
        for letters in self._read(await self._unknown(portion, filled)):
            # What decodes texts is loaded when it is first needed, from where Python is installed.
            with self._reading():
                arrivals: Sequence[Arrival] = [self._arrival(found, letter) for found, letter in letters]
            if not self._dry_run:
                arrivals = await self._db.write(
                    mailbox.adopt, box_id, arrivals, self._clock.now(), self._again
                )
                filled.known += len(letters) - len(arrivals)
            filled.imported += len(arrivals)
            filled.octets += sum(arrival.prepared.size for arrival in arrivals)

    async def _unknown(self, portion: Sequence[Found], filled: Filled) -> list[Found]:
        if self._again:
            return list(portion)
        sources = [found.source for found in portion]
        known = await self._db.read(mailbox.known_sources, self._account_id, sources)
        filled.known += sum(source in known for source in sources)
        return [found for found in portion if found.source not in known]

    def _read(self, portion: Sequence[Found]) -> Iterator[list[tuple[Found, Letter]]]:
        """The messages themselves, never many more than PORTION_OCTETS at once."""
        letters: list[tuple[Found, Letter]] = []
        octets = 0
        for found in portion:
            with self._reading():
                letter = found.read()
            if isinstance(letter, Problem):
                self.report.add(letter)
                continue
            letters.append((found, letter))
            octets += len(letter.octets)
            if octets >= PORTION_OCTETS:
                yield letters
                letters, octets = [], 0
        if letters:
            yield letters

    def _arrival(self, found: Found, letter: Letter) -> Arrival:
        now = self._clock.now()
        return Arrival(
            source=found.source,
            prepared=mailbox.prepare(letter.octets),
            content_id=self._chance.id(now),
            flags=letter.flags,
            received=now if letter.received is None else letter.received,
            received_zone=letter.received_zone,
            uid=found.uid,
            uidl=found.uidl,
        )

    async def _subscribe(self, name: str) -> None:
        if self._dry_run:
            self.report.subscriptions += 1
            return
        try:
            await self._db.write(mailbox.subscribe, self._account_id, name, self._clock.now())
            self.report.subscriptions += 1
        except Refused as refused:
            if refused.kind in (Kind.UNAVAILABLE, Kind.BROKEN):
                raise
            self.report.add(Problem(f"subscription to {name!r}", refused.detail or refused.kind.value))
