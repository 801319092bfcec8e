"""Mail that goes on: programs hand it in, it is queued durably, and the next server takes it. Correo beside Postfix.

python bench/relay.py [--dir DIRECTORY] [--rounds 3] [--size 5000] [--quick] [--markdown FILE] [--json FILE]

What is measured: Debian's smtp-source submits messages over a Unix socket, where both servers trust it as a program of this
machine, on 1 and 10 connections that stay open; all goes to one next server, Debian's smtp-sink, which counts. The rate is that
from the start until it has counted all. Both say 250 after a sync to disk. Both servers may have 20 connections to one next
server, which is what Postfix has unless told otherwise; all else is as the programs are shipped. They take turns, each time as
new processes with an empty queue; the table has medians.
smtp-source sends one body again and again, and Correo keeps equal bodies once; the rows "all different" are of a client of our
own, which sends no two alike, with the envelope pipelined. It is written in Python and takes its share of the cores.
The first line of the table is smtp-source and smtp-sink with nothing between them: neither is the limit.
What is not: TLS, the DNS, several next servers, one that is slow.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import uvloop
from load import SENDER, letters, send
from report import add_outputs, markdown, publish
from servers import HOST, MASTER, POSTFIX, Correo, Postfix, found, free_port, missing

RECIPIENT = "somebody@elsewhere.test"
AMOUNTS = {1: 500, 10: 3_000}  # connections: messages, so that each measurement takes some seconds
QUICK = {1: 100, 10: 500}
WARM_UP = 200  # messages before the first measurement
ALONE = 10_000  # messages from the generator to the sink with nothing between
AT_ONCE = 20  # connections to the next server: default_destination_concurrency_limit of Postfix
SECONDS = 120.0  # that one measurement may take

CORREO = f"""
hostname = "mail.bench.test"
data_dir = "data"
[[listener]]
protocol = "submission"
address = "unix:{{socket}}"
[sendmail]
senders = {{{{ "*" = ["*"] }}}}
[transport]
smarthost = "{HOST}:{{sink}}"
smarthost_tls = "none"
per_destination = {AT_ONCE}
[dns]
servers = ["127.0.0.1:9"]
[log]
format = "json"
level = "info"
"""
RELAYING = f"""
relayhost = [{HOST}]:{{sink}}
disable_dns_lookups = yes
smtp_tls_security_level =
"""


class Relay(Protocol):
    name: str
    socket: Path

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def cpu(self) -> float: ...


class CorreoRelay(Correo):
    def __init__(self, folder: Path, sink: int) -> None:
        self.socket = folder / "submission"
        super().__init__(folder, CORREO.format(socket=self.socket, sink=sink))


class PostfixRelay(Postfix):
    def __init__(self, folder: Path, sink: int) -> None:
        self.socket = folder / "queue" / "public" / "submission"
        main = f"{POSTFIX}{RELAYING}".replace("{sink}", str(sink))
        master = MASTER.replace("127.0.0.1:{port} inet", "submission unix")
        super().__init__(folder, main, master)


class Sink:
    """smtp-sink, and how much it has counted."""

    def __init__(self) -> None:
        self.port = free_port()
        where, who = f"{HOST}:{self.port}", ["-u", "nobody"] if os.geteuid() == 0 else []
        self._process = subprocess.Popen(
            [found("smtp-sink"), "-c", *who, where, "1000"], stdout=subprocess.PIPE
        )
        self._news = threading.Condition()
        self._count = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, count: int) -> float:
        """Wait until it has so many messages in all; returns when that was (perf_counter)."""
        with self._news:
            if not self._news.wait_for(lambda: self._count >= count, SECONDS):
                raise RuntimeError(
                    f"{self._count} of {count} messages have reached the next server after {SECONDS:.0f} s"
                )
        return time.perf_counter()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        output, rest = self._process.stdout.fileno(), b""
        while piece := os.read(output, 65_536):
            *counts, rest = (rest + piece).split(b"\r")
            if counts and (last := re.search(rb"mesg=(\d+)", counts[-1])):
                with self._news:
                    self._count = int(last[1])
                    self._news.notify_all()


@dataclass(frozen=True, slots=True)
class Load:
    name: str
    run: Callable[[str, int, int, int], None]  # where to, connections, messages, octets of one


def alike(where: str, connections: int, amount: int, size: int) -> None:
    """By smtp-source: `where` is host:port or unix:path."""
    envelope = ["-f", SENDER, "-t", RECIPIENT]
    counts = ["-d", "-s", str(connections), "-m", str(amount), "-l", str(size)]
    done = subprocess.run(
        [found("smtp-source"), *counts, *envelope, where], capture_output=True, timeout=SECONDS
    )
    if done.returncode:
        raise RuntimeError(f"smtp-source: {done.stderr.decode()}")


def different(where: str, connections: int, amount: int, size: int) -> None:
    uvloop.run(send(where, 0, letters(amount, size, [RECIPIENT], amount + connections), connections))


LOADS = (Load("smtp-source", alike), Load("all different", different))


@dataclass(frozen=True, slots=True)
class Measured:
    server: str
    load: str
    connections: int
    rate: float  # messages a second until the next server has the last
    accepted: float  # messages a second until the last 250
    cpu: float  # milliseconds of processor a message, of all processes of the server


def one_round(
    make: Callable[[Path, int], Relay], amounts: dict[int, int], size: int, directory: Path | None
) -> list[Measured]:
    with tempfile.TemporaryDirectory(dir=directory, prefix="correo-bench-") as scratch:
        os.chmod(scratch, 0o755)  # the servers' processes are not root
        sink = Sink()
        server = make(Path(scratch) / "server", sink.port)
        measured = []
        try:
            server.start()
            where = f"unix:{server.socket}"
            alike(where, 10, WARM_UP, size)
            sink.until(already := WARM_UP)
            for load in LOADS:
                for connections, amount in amounts.items():
                    before, start = server.cpu(), time.perf_counter()
                    load.run(where, connections, amount, size)
                    accepted = time.perf_counter()
                    seconds = sink.until(already := already + amount) - start
                    cpu = (server.cpu() - before) / amount * 1e3
                    rates = amount / seconds, amount / (accepted - start)
                    measured.append(Measured(server.name, load.name, connections, *rates, cpu))
        finally:
            server.stop()
            sink.stop()
        return measured


def generator_alone(size: int) -> float:
    """Messages a second from smtp-source to smtp-sink."""
    sink = Sink()
    try:
        alike(f"{HOST}:{sink.port}", 1, 1, size)  # it listens
        start = time.perf_counter()
        alike(f"{HOST}:{sink.port}", 10, ALONE, size)
        return ALONE / (sink.until(1 + ALONE) - start)
    finally:
        sink.stop()


def table(
    measured: Sequence[Measured], names: Sequence[str], connections: Sequence[int], alone: float
) -> str:
    """In Markdown."""
    head = ["", *(f"{name}, messages/s" for name in names), *(f"{name}, accepted/s" for name in names)]
    head += [f"{name}, CPU ms a message" for name in names]
    if names[1:]:
        head.append(f"{names[0]} / {names[1]}")
    lines = [head, ["---", *("---:" for _ in head[1:])]]
    lines.append(["generator and next server alone", f"{alone:,.0f}", *("" for _ in head[2:])])
    for load in LOADS:
        for count in connections:
            mine = [one for one in measured if (one.load, one.connections) == (load.name, count)]
            cells = [f"{load.name}, {count} connection{'s' if count > 1 else ''}"]
            medians = [
                [
                    statistics.median(getattr(one, value) for one in mine if one.server == name)
                    for name in names
                ]
                for value in ("rate", "accepted", "cpu")
            ]
            cells += [f"{rate:,.0f}" for rates in medians[:2] for rate in rates]
            cells += [f"{cpu:.2f}" for cpu in medians[2]]
            if names[1:]:
                cells.append(f"{medians[0][0] / medians[0][1]:.2f}")
            lines.append(cells)
    return markdown(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dir", type=Path, help="where the queues are kept: the disk that is measured")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=5_000, help="octets of a message")
    parser.add_argument("--quick", action="store_true", help="few messages, one round: to try something out")
    add_outputs(parser)
    given = parser.parse_args(arguments)
    if why := missing("smtp-source", "smtp-sink"):
        print(f"relaying is not measured: {why}")
        return 0
    makers: list[Callable[[Path, int], Relay]] = [CorreoRelay]
    if why := Postfix.missing():
        print(f"Postfix is not measured: {why}")
    else:
        makers.append(PostfixRelay)
    amounts, rounds = (QUICK, 1) if given.quick else (AMOUNTS, given.rounds)
    alone = generator_alone(given.size)
    measured: list[Measured] = []
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for make in makers:
            measured += one_round(make, amounts, given.size, given.dir)
    names = list(dict.fromkeys(one.server for one in measured))
    text = (
        f"Messages of {given.size:,} octets, {os.cpu_count()} cores, medians of {rounds} rounds. "
        f"The last column is rate to rate.\n\n{table(measured, names, list(amounts), alone)}\n"
    )
    publish(text, measured, given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
