"""Whether the server grows slower as there is more in it."""

from __future__ import annotations

import re
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator import Load, send
from people import add_people
from population import add_waiting, fill_inbox
from raw_imap import RawImap
from resting import SETTLED, calm
from row import OURS, SHARE, Figure, Given, Goal, Row, running
from servers import DOMAIN, HOST, PASSWORD, PEOPLE, Correo

from correo.storage.db.sqlite import Sqlite

FEW = 10
MANY, QUICK = 1_000_000, 4_000  # messages of one mailbox, recipients that wait
ACCOUNTS, QUICK_ACCOUNTS = 100_000, 500
DELIVERED, QUICK_DELIVERED = 3_000, 100  # messages of one measurement
SAMPLES = 5
AT_ONCE, EACH, SIZE = 10, 20, 5_000
LAST = 50  # messages that a mail program asks for when it shows a mailbox
STARTS = 3
FILLED_SECONDS = 1_800.0  # in which the search index must have read what was put in
WARM_UP = 200
OWNER = PEOPLE[0]
Fill = Callable[[Sqlite], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """What is much in one server; `people` are those to whom the same mail comes in it and in the one in which all is little."""

    much: str
    fill: Fill
    people: Sequence[str]
    few_people: Sequence[str]


class Filled(Correo):
    def __init__(self, folder: Path, fill: Fill) -> None:
        super().__init__(folder)
        self.seconds = time.perf_counter()
        self.offline(fill)
        self.seconds = time.perf_counter() - self.seconds

    def disk(self) -> float:
        """MB of its files."""
        return sum(file.stat().st_blocks for file in self.folder.rglob("*")) * 512 / 1e6


def one_round(given: Given, number: int) -> Iterator[Figure]:
    many, accounts = given.size(MANY, QUICK), given.size(ACCOUNTS, QUICK_ACCOUNTS)
    crowd = [f"one{at}@{DOMAIN}" for at in range(accounts)]
    some = crowd[:: max(1, accounts // 1_000)]
    cases = (
        Case(f"{many:,} messages in the mailbox", lambda db: fill_inbox(db, OWNER, many), [OWNER], [OWNER]),
        Case(f"{accounts:,} accounts", lambda db: add_people(db, crowd, PASSWORD), some, PEOPLE),
        Case(f"{many:,} recipients in the queue", lambda db: add_waiting(db, many), PEOPLE, PEOPLE),
    )
    fills: list[Fill] = [lambda db: fill_inbox(db, OWNER, FEW), *(case.fill for case in cases)]
    with running(given, [lambda folder, fill=fill: Filled(folder, fill) for fill in fills]) as servers:  # type: ignore[misc]
        few, *large = servers
        for case, server in zip(cases, large, strict=True):
            words = f"{server.seconds:.0f} s to put in, {server.disk():,.0f} MB of disk"
            print(f"growth: {case.much}: {words}", file=sys.stderr, flush=True)
        calm(servers, given.size(SETTLED, 1), FILLED_SECONDS)
        for at, (case, server) in enumerate(zip(cases, large, strict=True)):
            yield from _deliveries(given, case, few, server, seed=1_000 * at)
        yield from _reading(given, few, "10 messages")
        yield from _reading(given, large[0], f"{many:,} messages")
        for title, server in (
            (f"{FEW} of everything", few),
            *((case.much, server) for case, server in zip(cases, large, strict=True)),
        ):
            yield from _starting(given, server, title)


def _deliveries(given: Given, case: Case, few: Filled, server: Filled, seed: int) -> Iterator[Figure]:
    """In turn, so that the rates of each pair can be compared."""
    count = given.size(DELIVERED, QUICK_DELIVERED)
    kept, costs = [], []
    for sample in range(given.size(SAMPLES, 1) + 1):
        pair = []
        for one, people, little in ((few, case.few_people, True), (server, case.people, False)):
            calm([few, server], 2)
            load = Load(
                f"{HOST}:{one.smtp}", count if sample else WARM_UP, AT_ONCE, EACH, SIZE, people, seed + sample
            )
            before = one.cpu()
            sent = send(load)
            rate, cpu = load.count / sent.seconds, (one.cpu() - before) / load.count * 1e3
            pair.append((rate, cpu))
            if sample and not little:
                yield Figure(
                    f"SMTP to the mailbox, {case.much}",
                    OURS,
                    rate,
                    "messages/s",
                    cpu,
                    one.memory(),
                    sent.client,
                )
        if sample:
            kept.append(pair[1][0] / pair[0][0])
            costs.append(pair[0][1] / pair[1][1])
    yield Figure(f"rate kept with {case.much}", OURS, statistics.median(kept), SHARE)
    yield Figure(f"rate kept by processor time with {case.much}", OURS, statistics.median(costs), SHARE)


def _reading(given: Given, server: Filled, title: str) -> Iterator[Figure]:
    for _ in range(given.size(SAMPLES, 1)):
        client = RawImap(HOST, server.imap)
        client.command(f"LOGIN {OWNER} {PASSWORD}")
        calm([server])
        before, start = server.cpu(), time.perf_counter()
        answer = client.answer("SELECT INBOX")
        seconds = time.perf_counter() - start
        yield Figure(
            f"SELECT, {title} and what was delivered",
            OURS,
            seconds * 1e3,
            "ms",
            (server.cpu() - before) * 1e3,
            server.memory(),
        )
        exists = re.search(rb"\* (\d+) EXISTS", answer)
        assert exists is not None
        last = int(exists[1])
        before, start = server.cpu(), time.perf_counter()
        client.command(
            f"FETCH {last - LAST + 1}:{last} (UID FLAGS ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE)"
        )
        seconds = time.perf_counter() - start
        yield Figure(
            f"FETCH of the last {LAST}, {title} and what was delivered",
            OURS,
            seconds * 1e3,
            "ms",
            (server.cpu() - before) * 1e3,
        )
        client.logout()


def _starting(given: Given, server: Filled, title: str) -> Iterator[Figure]:
    for _ in range(given.size(STARTS, 1)):
        server.stop()
        start = time.perf_counter()
        server.start()
        seconds = time.perf_counter() - start
        yield Figure(f"start, {title}", OURS, seconds * 1e3, "ms", server.cpu() * 1e3, server.memory())


def kept(much: str) -> dict[str, Goal]:
    return {
        f"rate kept with {much}": Goal(least=0.8),
        f"rate kept by processor time with {much}": Goal(least=0.8),
    }


ROW = Row(
    "growth",
    "whether the server grows slower as it fills",
    f"Four servers: one with {FEW} accounts, {FEW} messages and an empty queue, and three of which each has much of one thing, put in by the server's own "
    f"functions ({MANY:,} messages of 2 KB, of which every hundred share one content, as copies do; {ACCOUNTS:,} accounts with the six mailboxes "
    f"that each begins with; {MANY:,} recipients that wait for hours, for 20,000 domains). The same {DELIVERED:,} messages of {SIZE // 1000} KB go to the small one "
    f"and a large one in turn, {SAMPLES} times, on {AT_ONCE} connections: to the owner of the large mailbox, to a thousand of the accounts, to ten people. "
    "What is kept is the median of the ratios of each pair. Both are warm; what has to be read of the disk after a start comes on top.",
    one_round,
    goals={
        **kept(f"{MANY:,} messages in the mailbox"),
        **kept(f"{ACCOUNTS:,} accounts"),
        **kept(f"{MANY:,} recipients in the queue"),
    },
    rounds=1,
)
