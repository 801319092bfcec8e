"""What a mail program waits for that fetches by POP3: Correo beside Dovecot.

python bench/pop3.py [--dir DIRECTORY] [--rounds 3] [--messages 1000] [--quick] [--fsync always] [--markdown FILE] [--json FILE]

What is measured: a maildrop of 1,000 messages is listed, fetched one by one and with 32 commands at once, and deleted; and
sessions that find nothing new. The client parses nothing. Both servers run all the time and take turns at every row, and nothing
is timed before both are idle. Reading is measured three times a round, deleting once; the table has medians.
Both are warm, and both are durable: Correo commits with a sync before QUIT is answered, and Dovecot runs with mail_fsync = always
(as it is shipped, "optimized", it does not sync what is deleted: --fsync optimized). Dovecot keeps Maildirs, serves logins and
sessions with processes that live on, and knows one password for all.
What is not: TLS, a cold disk, other formats of Dovecot.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from mailbox_mail import messages
from raw_imap import RawImap
from raw_pop3 import RawPop3
from report import Measured, add_outputs, publish, side_by_side
from resting import calm
from servers import CORREO, FAST_LOGIN, HOST, PASSWORD, PEOPLE, Correo, Dovecot, ImapServer, free_port

BATCH = 200  # messages of one MULTIAPPEND: about a megabyte
WINDOW = 32  # commands at once
PASSES = 5  # through the maildrop, so that fetching takes long enough to be measured
SAMPLES = 3  # of what leaves the maildrop as it was, in a round
SESSIONS = 30  # of each person
SETTLED = 25  # windows of rest after the maildrops were filled: what is done with new mail in the background begins seconds later
OWNER = PEOPLE[0]
PROGRAM = Path("/usr/lib/dovecot/pop3")  # which Debian has in a package of its own

LISTENER = '[[listener]]\nprotocol = "pop3"\naddress = "127.0.0.1:0"\n[auth]'
DOVECOT = """
protocols = imap pop3 lmtp
service pop3-login {{
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
"""


class Pop3Server(ImapServer, Protocol):
    pop3: int


class CorreoPop3(Correo):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, CORREO.replace("[auth]", LISTENER))


class DovecotPop3(Dovecot):
    """As quick at logins as in the benchmark of IMAP."""

    @staticmethod
    def missing() -> str:
        return Dovecot.missing() or (
            "" if PROGRAM.exists() else "dovecot-pop3d not installed (make bench-deps)"
        )

    def __init__(self, folder: Path, fsync: str) -> None:
        self.pop3 = free_port()
        fast = FAST_LOGIN.replace("imap", "pop3")
        super().__init__(folder, f"mail_fsync = {fsync}\n{DOVECOT.format(port=self.pop3)}{fast}")


class Place:
    """One of the servers, and whoever has logged in there."""

    def __init__(self, server: Pop3Server, size: int) -> None:
        self.server = server
        self.size = size
        self.client: RawPop3 | None = None

    @property
    def session(self) -> RawPop3:
        assert self.client is not None
        return self.client

    def fill(self) -> None:
        for person in PEOPLE:
            client = RawImap(HOST, self.server.imap)
            client.command(f"LOGIN {person} {PASSWORD}")
            letters = messages(self.size if person == OWNER else 1, seed=3)
            while batch := list(islice(letters, BATCH)):
                client.append("INBOX", batch)
            client.logout()

    def enter(self) -> None:
        self.client = RawPop3(HOST, self.server.pop3)
        self.client.login(OWNER, PASSWORD)

    def leave(self) -> None:
        self.session.quit()
        self.client = None


@dataclass(frozen=True, slots=True)
class Row:
    """Between entering and leaving the maildrop, which is timed only for what is done by QUIT."""

    name: str
    work: Callable[[Place], int]  # what was done, in `unit`s
    unit: str = ""  # "" for all of it, whose milliseconds are shown; else what is counted a second
    inside: bool = True
    again: bool = True  # leaves the maildrop as it was


def listing(place: Place) -> int:
    place.session.line("STAT")
    place.session.lines("UIDL")
    place.session.lines("LIST")
    return 1


def fetching(window: int) -> Callable[[Place], int]:
    def work(place: Place) -> int:
        for _ in range(PASSES):
            for first in range(1, place.size + 1, window):
                last = min(first + window, place.size + 1)
                place.session.lines(*(f"RETR {at}" for at in range(first, last)))
        return PASSES * place.size

    return work


def deleting(place: Place) -> int:
    place.enter()
    for at in range(1, place.size + 1):
        place.session.line(f"DELE {at}")
    place.leave()
    return place.size


def looking_for_mail(place: Place) -> int:
    failed: list[BaseException] = []

    def one(person: str) -> None:
        try:
            for _ in range(SESSIONS):
                client = RawPop3(HOST, place.server.pop3)
                client.login(person, PASSWORD)
                client.line("STAT")
                client.quit()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=one, args=(person,)) for person in PEOPLE]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return SESSIONS * len(PEOPLE)


ROWS = (
    Row("STAT, UIDL, LIST", listing),
    Row("RETR of all, one by one", fetching(1), "messages"),
    Row(f"RETR of all, {WINDOW} at once", fetching(WINDOW), "messages"),
    Row(
        f"connect, USER, PASS, STAT, QUIT: {len(PEOPLE)} at once", looking_for_mail, "sessions", inside=False
    ),
    Row("DELE of all, one by one, QUIT", deleting, "messages", inside=False, again=False),
)


def warm(places: Sequence[Place]) -> None:
    """Ask each for all that is read later, and see that there is as much of it."""
    for place in places:
        place.enter()
        octets = sum(place.session.lines(f"RETR {at}") for at in range(1, place.size + 1))
        expected = sum(len(message) for message in messages(place.size, seed=3))
        if octets < expected:
            raise RuntimeError(f"{place.server.name} has {octets} octets of {expected}")
        place.leave()
        looking_for_mail(place)


def measure(row: Row, place: Place, places: Sequence[Place]) -> Measured:
    if row.inside:
        place.enter()
    calm([place.server for place in places])
    before, start = place.server.cpu(), time.perf_counter()
    done = row.work(place)
    seconds = time.perf_counter() - start
    cpu = place.server.cpu() - before
    if row.inside:
        place.leave()
    return Measured(row.name, place.server.name, seconds / done, cpu / done, row.unit)


def one_round(
    makers: Sequence[Callable[[Path], Pop3Server]], size: int, directory: Path | None
) -> Iterator[Measured]:
    with tempfile.TemporaryDirectory(dir=directory, prefix="correo-bench-") as scratch:
        os.chmod(scratch, 0o755)  # the servers' processes are not root
        servers = [make(Path(scratch) / str(number)) for number, make in enumerate(makers)]
        try:
            places = [Place(server, size) for server in servers]
            for place in places:
                place.server.start()
                place.fill()
            calm(servers, SETTLED)
            warm(places)
            for row in ROWS:
                for _ in range(SAMPLES if row.again else 1):
                    for place in places:
                        try:
                            yield measure(row, place, places)
                        except (OSError, RuntimeError) as error:
                            raise RuntimeError(f"{place.server.name}, {row.name}: {error}") from error
        finally:
            for server in servers:
                server.stop()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--dir", type=Path, help="where the servers keep their data: the disk that is measured"
    )
    parser.add_argument("--rounds", type=int, default=3, help="each with new servers and maildrops")
    parser.add_argument("--messages", type=int, default=1_000)
    parser.add_argument("--quick", action="store_true", help="200 messages, one round: to try something out")
    parser.add_argument(
        "--fsync", default="always", choices=("always", "optimized"), help="Dovecot's mail_fsync"
    )
    add_outputs(parser)
    given = parser.parse_args(arguments)
    size, rounds = (200, 1) if given.quick else (given.messages, given.rounds)
    makers: list[Callable[[Path], Pop3Server]] = [CorreoPop3]
    if why := DovecotPop3.missing():
        print(f"Dovecot is not measured: {why}")
    else:
        makers.append(lambda folder: DovecotPop3(folder, given.fsync))
    measured: list[Measured] = []
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        measured += one_round(makers, size, given.dir)
    names = list(dict.fromkeys(one.server for one in measured))
    text = (
        f"{size:,} messages, {os.cpu_count()} cores, medians of {rounds} rounds; Dovecot with mail_fsync = {given.fsync}. "
        f"The last column is time to time: 1 and more means that Correo is at least as fast.\n\n{side_by_side(measured, names)}\n"
    )
    publish(text, measured, given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
