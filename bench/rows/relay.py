"""Submission, queue, next server."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from generator import Load, send
from letters import SENDER
from processes import own_cpu
from row import Figure, Given, Goal, Maker, Row, Running, makers, named, running
from servers import (
    HOST,
    MASTER,
    POSTFIX,
    Correo,
    Postfix,
    correo_config,
    found,
    free_port,
    listener,
    missing,
    until,
)

RECIPIENT = "somebody@elsewhere.test"
SIZE = 5_000  # octets of a message
AMOUNTS = {1: 500, 10: 3_000}  # connections: messages, so that each measurement takes some seconds
QUICK = {1: 50, 10: 200}
EACH = 20  # messages of one connection, where it does not stay open
WARM_UP = 200  # messages before the first measurement
ALONE, QUICK_ALONE = 10_000, 1_000  # messages from the generator to the sink with nothing between
AT_ONCE = 20  # connections to the next server: default_destination_concurrency_limit of Postfix
SECONDS = 120.0  # that one measurement may take

SENDMAIL = f"""
[sendmail]
senders = {{{{ "*" = ["*"] }}}}
[transport]
smarthost = "{HOST}:{{sink}}"
smarthost_tls = "none"
per_destination = {AT_ONCE}
"""
RELAYING = f"""
relayhost = [{HOST}]:{{sink}}
disable_dns_lookups = yes
in_flow_delay = 0
smtp_tls_security_level =
"""


class Relay(Running, Protocol):
    door: Path  # the Unix socket


class CorreoRelay(Correo):
    def __init__(self, folder: Path, sink: int) -> None:
        self.door = folder / "submission"
        super().__init__(
            folder,
            correo_config(listener("submission", f"unix:{self.door}"), more=SENDMAIL.format(sink=sink)),
        )


class PostfixRelay(Postfix):
    def __init__(self, folder: Path, sink: int) -> None:
        self.door = folder / "queue" / "public" / "submission"
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
        until(self._listens, "smtp-sink", Path(os.devnull))

    def until(self, count: int) -> float:
        """Wait until it has so many messages in all; returns when that was (perf_counter)."""
        with self._news:
            if not self._news.wait_for(lambda: self._count >= count, SECONDS):
                raise RuntimeError(
                    f"{self._count} of {count} messages have reached the next server after {SECONDS:.0f} s"
                )
        return time.perf_counter()

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port)):
            return True
        return False

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
class Handed:
    began: float  # perf_counter
    cpu: float  # seconds of processor that the client took


def alike(where: str, connections: int, amount: int, size: int) -> Handed:
    """By smtp-source: `where` is host:port or unix:path."""
    envelope = ["-f", SENDER, "-t", RECIPIENT]
    counts = ["-d", "-s", str(connections), "-m", str(amount), "-l", str(size)]
    before, began = own_cpu(children=True), time.perf_counter()
    done = subprocess.run(
        [found("smtp-source"), *counts, *envelope, where], capture_output=True, timeout=SECONDS
    )
    if done.returncode:
        raise RuntimeError(f"smtp-source: {done.stderr.decode()}")
    return Handed(began, own_cpu(children=True) - before)


def different(where: str, connections: int, amount: int, size: int) -> Handed:
    return _sent(Load(where, amount, connections, 0, size, [RECIPIENT], amount + connections))


def in_twenties(where: str, connections: int, amount: int, size: int) -> Handed:
    return _sent(Load(where, amount, connections, EACH, size, [RECIPIENT], 1 + amount + connections))


def _sent(load: Load) -> Handed:
    sent = send(load)
    return Handed(sent.began, sent.cpu)


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    run: Callable[[str, int, int, int], Handed]  # where to, connections, messages, octets of one


KINDS = (
    Kind("smtp-source", alike),
    Kind("all different", different),
    Kind(f"all different, {EACH} of each connection", in_twenties),
)


def one_round(given: Given, number: int) -> Iterator[Figure]:
    amounts = QUICK if given.quick else AMOUNTS
    if number == 1:
        rate = generator_alone(given.size(ALONE, QUICK_ALONE))
        print(f"relay: generator and next server alone: {rate:,.0f} messages/s", file=sys.stderr)
    sink = Sink()
    theirs = [(Postfix, lambda folder: PostfixRelay(folder, sink.port))]
    make: list[Maker[Relay]] = makers(given, lambda folder: CorreoRelay(folder, sink.port), theirs)
    already = 0
    try:
        for one in make:
            with running(given, [one]) as (server,), named(server, "relaying"):
                where = f"unix:{server.door}"
                alike(where, 10, WARM_UP, SIZE)
                sink.until(already := already + WARM_UP)
                for kind in KINDS:
                    for connections, amount in amounts.items():
                        before = server.cpu()
                        handed = kind.run(where, connections, amount, SIZE)
                        seconds = sink.until(already := already + amount) - handed.began
                        cpu, client = (server.cpu() - before) / amount * 1e3, handed.cpu / seconds
                        rate = amount / seconds
                        yield Figure(
                            title(kind, connections),
                            server.name,
                            rate,
                            "messages/s",
                            cpu,
                            server.memory(),
                            client,
                        )
    finally:
        sink.stop()


def generator_alone(count: int) -> float:
    """Messages a second from smtp-source to smtp-sink."""
    sink = Sink()
    try:
        start = time.perf_counter()
        alike(f"{HOST}:{sink.port}", 10, count, SIZE)
        return count / (sink.until(count) - start)
    finally:
        sink.stop()


def title(kind: Kind, connections: int) -> str:
    return f"{kind.name}, {connections} connection{'s' if connections > 1 else ''}"


ROW = Row(
    "relay",
    "submission, queue, next server",
    "Programs hand in messages of 5 KB over a Unix socket, where both servers trust them; all goes to one next server, Debian's smtp-sink, which "
    "counts, and the rate is that until it has counted all. Both say 250 after a sync. Both may have 20 connections to one next server; all else "
    "is as shipped, but for in_flow_delay = 0 with Postfix. smtp-source sends one body again and again, and Correo keeps equal bodies once; the "
    f"other lines are of messages no two of which are alike, on connections that stay open or have {EACH} messages each. The servers take turns, each "
    "time as new processes with an empty queue. Not measured: TLS, the DNS, several next servers, one that is slow.",
    one_round,
    (Postfix,),
    {title(kind, connections): Goal(times=3) for kind in KINDS for connections in AMOUNTS},
    missing=lambda: missing("smtp-source", "smtp-sink", root=False),
)
