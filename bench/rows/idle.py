"""Connections that wait for mail."""

from __future__ import annotations

import socket
import ssl
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from people import add_people
from raw_imap import trusting
from resting import calm
from row import Figure, Given, Goal, Maker, Row, makers, named, running
from rows.login import TunedDovecot
from servers import (
    CERTIFIED,
    DOMAIN,
    HOST,
    LOGIN_PROCESSES,
    PASSWORD,
    Correo,
    ImapServer,
    correo_config,
    listener,
)

OURS, THEIRS, QUICK = (
    5_000,
    1_000,
    40,
)  # connections; a process for each is what Dovecot has, and 1,000 of them show what they take
PEOPLE, QUICK_PEOPLE = 500, 8
LISTENING = 1_000  # connections that are open while notices are timed
NOTICES, QUICK_NOTICES = 31, 3
RESTING = 15  # windows before the memory is read
GATHERED = 1.0  # seconds between deliveries: more than any server takes to tell of one
SECONDS = 60.0  # that an answer may take
INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
WATCHED = f"watched@{DOMAIN}"
RECEIVE = 65_536
KIB = 1024  # of a MB as `memory` has it


class Idled(ImapServer, Protocol):
    imaps: int
    lmtp: Path


class IdleCorreo(Correo):
    def __init__(self, folder: Path, people: Sequence[str]) -> None:
        self.lmtp = folder / "lmtp"
        listeners = listener("imap"), listener("imap", tls="implicit"), listener("lmtp", f"unix:{self.lmtp}")
        super().__init__(folder, correo_config(*listeners, more=CERTIFIED))
        self.offline(lambda db: add_people(db, people, PASSWORD))


PROCESSES = f"""{LOGIN_PROCESSES}
mail_max_userip_connections = 10000
service imap {{
  process_limit = 2000
}}
"""
HIBERNATING = f"""{PROCESSES}
imap_hibernate_timeout = 1s
service imap {{
  extra_groups = $default_internal_group
  unix_listener imap-master {{
    user = $default_internal_user
  }}
}}
service imap-hibernate {{
  client_limit = 5000
  unix_listener imap-hibernate {{
    mode = 0666
  }}
}}
"""


class IdleDovecot(TunedDovecot):
    name = "Dovecot"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, PROCESSES)


class HibernatingDovecot(TunedDovecot):
    name = "Dovecot, imap-hibernate"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, HIBERNATING)


class Idler:
    """One connection in IDLE."""

    def __init__(self, port: int, person: str, context: ssl.SSLContext | None) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=SECONDS)
        if context:
            self.socket = context.wrap_socket(self.socket)
        self._rest = b""
        self.until(b"* OK")
        self._say(f"a LOGIN {person} {PASSWORD}", b"a OK")
        self._say("b SELECT INBOX", b"b OK")
        self._say("c IDLE", b"+ ")

    def until(self, text: bytes) -> None:
        while text not in self._rest:
            if not (data := self.socket.recv(RECEIVE)):
                raise RuntimeError(f"the server hung up after {self._rest!r}")
            self._rest += data
            if b" NO " in self._rest or b" BAD " in self._rest:
                raise RuntimeError(f"the server said {self._rest!r}")
        self._rest = b""

    def _say(self, line: str, answer: bytes) -> None:
        self.socket.sendall(f"{line}\r\n".encode())
        self.until(answer)


class Courier:
    """Delivers by LMTP, over one connection that stays open."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(SECONDS)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rb")
        self._answer()
        self._ask("LHLO client.far.example")

    def hand_over(self, number: int) -> None:
        """Up to the end of the message; `settled` reads what is said then."""
        self._ask("MAIL FROM:<sender@far.example>")
        self._ask(f"RCPT TO:<{WATCHED}>")
        self._ask("DATA")
        self._socket.sendall(
            f"From: sender@far.example\r\nSubject: news {number}\r\n\r\nnews\r\n.\r\n".encode()
        )

    def settled(self) -> None:
        self._answer()

    def _ask(self, line: str) -> None:
        self._socket.sendall(f"{line}\r\n".encode())
        self._answer()

    def _answer(self) -> None:
        while (line := self._file.readline())[3:4] == b"-":
            pass
        if line[:1] not in (b"2", b"3"):
            raise RuntimeError(f"the server said {line!r}")


def one_round(given: Given, number: int) -> Iterator[Figure]:
    people = [WATCHED, *(f"idler{at}@{DOMAIN}" for at in range(given.size(PEOPLE, QUICK_PEOPLE)))]
    theirs = [(IdleDovecot, IdleDovecot), (HibernatingDovecot, HibernatingDovecot)]
    make: list[Maker[Idled]] = makers(given, lambda folder: IdleCorreo(folder, people), theirs)
    with many_inotify_instances():
        for one in make:
            for secure in (False, True):
                yield from _measure(given, one, people, secure)


@contextmanager
def many_inotify_instances() -> Iterator[None]:
    """Dovecot takes one for each session and cannot hibernate without; the system allows a user 128. As it was afterwards."""
    before = INSTANCES.read_text()
    try:
        INSTANCES.write_text(str(10 * THEIRS))
    except OSError as error:
        print(
            f"idle: {INSTANCES} stays as it is, so Dovecot hibernates no more than {before.strip()}: {error}",
            file=sys.stderr,
        )
        yield
        return
    try:
        yield
    finally:
        INSTANCES.write_text(before)


def _measure(given: Given, make: Maker[Idled], people: Sequence[str], secure: bool) -> Iterator[Figure]:
    """In a server that has had as many logins before, so that what it keeps of people is not counted as of connections."""
    context = trusting() if secure else None
    words = "TLS" if secure else "plain"
    with running(given, [make]) as (server,), named(server, f"IDLE, {words}"):
        port = server.imaps if secure else server.imap
        open_: list[Idler] = []
        for person in [*people, *people]:
            Idler(port, person, context).socket.close()
        calm([server], RESTING)
        before = server.memory()
        open_.append(Idler(port, WATCHED, context))
        count = given.size(OURS if isinstance(server, Correo) else THEIRS, QUICK)
        for at in range(1, count):
            if at == min(LISTENING, count - 1) and not secure:
                yield from _notices(given, server, open_[0])
            open_.append(Idler(port, people[1 + at % (len(people) - 1)], context))
        calm([server], RESTING)
        memory = server.memory()
        yield Figure(
            f"{words}, memory that each more takes",
            server.name,
            (memory - before) * KIB / count,
            "KiB",
            memory=memory,
        )
        yield Figure(
            f"{words}, all memory / connections", server.name, memory * KIB / count, "KiB", memory=memory
        )
        for one in open_:
            one.socket.close()


def _notices(given: Given, server: Idled, watched: Idler) -> Iterator[Figure]:
    calm([server], RESTING)
    courier = Courier(server.lmtp)
    taken = []
    before = server.cpu()
    count = given.size(NOTICES, QUICK_NOTICES)
    for number in range(count):
        courier.hand_over(number)
        start = time.perf_counter()
        watched.until(b" EXISTS")
        taken.append(time.perf_counter() - start)
        courier.settled()
        time.sleep(GATHERED)
    cpu = (server.cpu() - before) / count * 1e3
    yield Figure(NOTICE, server.name, statistics.median(taken) * 1e3, "ms", cpu)


NOTICE = f"from the end of the message to * EXISTS, {LISTENING:,} idle"
ROW = Row(
    "idle",
    "connections in IDLE",
    f"Memory is that of all processes of the server (what they share counts once), after {OURS:,} connections of {PEOPLE} people were opened "
    f"and rest ({THEIRS:,} with Dovecot, which has a process for each, or with imap-hibernate gives them to one that holds many). The first "
    "figure is what each of them adds to a server that has had as many logins before; the second has the whole server in it. Notices: one "
    f"message by LMTP over a Unix socket to one person, whose one connection is watched, {NOTICES} times; with them is the sync of the delivery.",
    one_round,
    (IdleDovecot,),
    {
        "plain, memory that each more takes": Goal(most=12),
        "TLS, memory that each more takes": Goal(most=30),
        NOTICE: Goal(most=10),
    },
    rounds=1,
)
