"""Ten times as much mail as the server can take."""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from generator import Generator, Load, Sent, send
from raw_imap import RawImap
from resting import CALM, calm
from row import OURS, SHARE, Figure, Given, Goal, Row, running
from servers import HOST, PASSWORD, PEOPLE, Correo, correo_config, listener

BEST, QUICK_BEST = 6_000, 300  # messages of a measurement of what it can do
AT_ONCE = 50
TIMES = 10  # as much is offered as it can do
SECONDS, QUICK_SECONDS = 30, 3  # of the storm
OPEN, QUICK_OPEN = (
    4_000,
    200,
)  # connections that the generator has at once; an offer beyond them is counted as not made
PATIENCE = 60.0  # seconds that a client waits for its 250
SIZE = 5_000
SETTLING = 0.2  # of the storm, at its beginning, that is not counted: its connections are only made then
LIMIT_MB = 24  # limits.memory: what messages may take that are being received
CONNECTION_MB = 0.02  # that a connection may take besides: its session, and what a client may send ahead
LOOK = 0.2  # seconds between looks at memory and IMAP
QUIET = 35  # windows without work that count as rest: the search index makes way for up to six seconds, and then goes on
CALM_AGAIN = 240.0  # seconds after the storm in which it must rest at all; how soon it should is a goal


P = ParamSpec("P")
T = TypeVar("T")


class Reader(threading.Thread):
    """Somebody who reads his mail meanwhile: how long each command takes, and each greeting of a new session."""

    def __init__(self, server: Correo) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._over = threading.Event()
        self.taken: list[tuple[float, str]] = []  # seconds, and for what
        self.memory = 0.0
        self.failed: Exception | None = None

    def run(self) -> None:
        try:
            client = self._enter()
            while not self._over.wait(LOOK):
                self.memory = max(self.memory, self._server.memory())
                for command in ("NOOP", "FETCH 1:10 (UID FLAGS ENVELOPE)"):
                    self._timed(command, client.command, command)
                visitor = self._enter()
                self._timed("LOGOUT", visitor.logout)
            client.logout()
        except (OSError, RuntimeError) as error:
            self.failed = error

    def end(self) -> None:
        self._over.set()
        self.join()
        if self.failed:
            raise RuntimeError(f"IMAP during the storm: {self.failed}")

    def _enter(self) -> RawImap:
        client = self._timed("connecting", RawImap, HOST, self._server.imap)
        for command in (f"LOGIN {PEOPLE[0]} {PASSWORD}", "SELECT INBOX"):
            self._timed(command, client.command, command)
        return client

    def _timed(self, what: str, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        start = time.perf_counter()
        done = work(*given, **named)
        self.taken.append((time.perf_counter() - start, what.partition(" ")[0]))
        return done


def one_round(given: Given, number: int) -> Iterator[Figure]:
    config = correo_config(listener("smtp"), listener("imap"), more=f'[limits]\nmemory = "{LIMIT_MB}MB"\n')
    with running(given, [lambda folder: Correo(folder, config)]) as (server,):
        _best(server, 200, number)
        before = _best(server, given.size(BEST, QUICK_BEST), 10 + number)
        yield Figure("at its best", OURS, *before, server.memory())
        calm([server])
        memory = server.memory()
        seconds = given.size(SECONDS, QUICK_SECONDS)
        rate = TIMES * before[0]
        generator = Generator(
            Load(
                f"{HOST}:{server.smtp}",
                round(rate * seconds),
                given.size(OPEN, QUICK_OPEN),
                1,
                SIZE,
                PEOPLE,
                20 + number,
                rate,
                PATIENCE,
            )
        )
        reader = Reader(server)
        reader.start()
        used = server.cpu()
        generator.start()
        time.sleep(seconds)
        cpu = server.cpu() - used
        sent = generator.wait()
        reader.end()
        yield from _storm(sent, seconds, before[0], cpu, reader)
        yield Figure(
            "most memory during the storm, beyond that before",
            OURS,
            reader.memory - memory,
            "MB",
            memory=reader.memory,
        )
        yield from _after(given, server, before[0], number)


def _best(server: Correo, count: int, seed: int) -> tuple[float, str, float]:
    calm([server])
    before = server.cpu()
    sent = send(Load(f"{HOST}:{server.smtp}", count, AT_ONCE, 1, SIZE, PEOPLE, seed))
    return count / sent.seconds, "messages/s", (server.cpu() - before) / count * 1e3


def _storm(sent: Sent, seconds: float, best: float, cpu: float, reader: Reader) -> Iterator[Figure]:
    counted = [at for at in sent.times if SETTLING * seconds <= at < seconds]
    rate = len(counted) / (seconds * (1 - SETTLING))
    all_in_time = sum(at < seconds for at in sent.times)
    words = f"{sent.refused:,} refused with 4xx, {sent.lost:,} lost patience or were hung up on, {sent.late:,} not offered"
    print(
        f"overload: {len(sent.times):,} taken, {words}; the client took {sent.client:.0%} of a core",
        file=sys.stderr,
    )
    yield Figure(
        "during the storm",
        OURS,
        rate,
        "messages/s",
        cpu / max(all_in_time, 1) * 1e3,
        reader.memory,
        sent.client,
    )
    yield Figure("rate kept during the storm", OURS, rate / best, SHARE)
    yield Figure(
        "until 250 during the storm, 99 of 100",
        OURS,
        statistics.quantiles(sent.latencies, n=100)[-1] * 1e3,
        "ms",
    )
    taken = [seconds for seconds, _ in reader.taken]
    slowest = ", ".join(f"{what} {seconds * 1e3:,.0f} ms" for seconds, what in sorted(reader.taken)[-8:])
    print(f"overload: IMAP was slowest at {slowest}", file=sys.stderr)
    yield Figure("IMAP during the storm, median", OURS, statistics.median(taken) * 1e3, "ms")
    yield Figure("IMAP during the storm, 99 of 100", OURS, statistics.quantiles(taken, n=100)[-1] * 1e3, "ms")


def _after(given: Given, server: Correo, best: float, number: int) -> Iterator[Figure]:
    start = time.perf_counter()
    calm([server], QUIET, CALM_AGAIN)
    rested = max(0.0, time.perf_counter() - start - QUIET * CALM)
    yield Figure("until it rests after the last client", OURS, rested, "s")
    rate, unit, cpu = _best(server, given.size(BEST, QUICK_BEST), 30 + number)
    yield Figure("right afterwards", OURS, rate, unit, cpu, server.memory())
    yield Figure("rate kept right afterwards", OURS, rate / best, SHARE)


ROW = Row(
    "overload",
    f"{TIMES} times as much mail as the server can take",
    f"First what it can do: {AT_ONCE} connections, a message of {SIZE // 1000} KB each. Then, for {SECONDS} seconds, {TIMES} times as many connections a second "
    f"are begun, whatever becomes of those before (an open loop), as far as {OPEN:,} are open at once; each wants to hand over a message and waits {PATIENCE:.0f} "
    f"seconds for its 250. Meanwhile one person reads his mail: NOOP, FETCH, and new sessions with LOGIN, SELECT and LOGOUT; each command and each greeting is timed. `limits.memory` is {LIMIT_MB} MB here. "
    "The generator shares the machine, as the storm it is; its share stands in the table.",
    one_round,
    goals={
        "rate kept during the storm": Goal(least=0.8),
        "IMAP during the storm, 99 of 100": Goal(most=1_000),
        "most memory during the storm, beyond that before": Goal(most=LIMIT_MB + CONNECTION_MB * OPEN),
        "until it rests after the last client": Goal(most=5),
        "rate kept right afterwards": Goal(least=0.8),
    },
)
