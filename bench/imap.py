"""What a person waits for with 20,000 messages in a mailbox: Correo beside Dovecot.

python bench/imap.py [--dir DIRECTORY] [--rounds 3] [--messages 20000] [--quick] [--fsync always] [--markdown FILE] [--json FILE]

What is measured: the time from sending a command to the end of its tagged line, with a client that parses nothing. Both servers
get the same messages by APPEND and run all the time; they take turns at every command, and nothing is timed before both are idle.
Reading is measured three times a round, what changes the mailbox once; the table has medians.
Both are warm: all that is read was asked for before, so that Dovecot's index has what it keeps of the messages, and the answers
were compared then. Both are durable: Correo commits with a sync before it says OK, and Dovecot runs with mail_fsync = always
(as it is shipped, "optimized", it does not sync flags: --fsync optimized). Correo remembers its long answers as far as nothing in
them has changed, so the flags are asked for after a change as well. Dovecot keeps Maildirs, serves logins and sessions
with processes that live on, and knows one password for all; Correo keeps its slow hashes and remembers a login for some minutes.
What is not: many people at once, TLS, a cold disk, other formats of Dovecot, mailboxes that were not asked before.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mailbox_mail import NEEDLE_EVERY, NEEDLE_SENDER, NEEDLE_WORD, SENDERS, messages
from raw_imap import RawImap, client_rate, sessions
from report import Measured, add_outputs, publish, side_by_side
from resting import calm
from servers import FAST_LOGIN, HOST, PASSWORD, PEOPLE, Correo, Dovecot, ImapServer

BATCH = 200  # messages of one MULTIAPPEND: about a megabyte
INBOX = 100  # messages in the inbox of each person, for the sessions
SESSIONS = 30  # of each person
SAMPLES = 3  # of each reading command in a round
APPENDED = 300  # messages, one APPEND each
CHANGED = 7  # the number of a message
NUMBERS = 1_000  # in one sequence set: Dovecot takes lines of 64 KiB
SETTLED = 25  # windows of rest after the loading: what servers do with new mail in the background begins seconds later
CLIENT_RATE = 1.0  # gigabytes a second that the client must manage


@dataclass(frozen=True, slots=True)
class Row:
    """`before` and `after` are not timed."""

    name: str
    work: Callable[[Place], int]  # what was done, in `unit`s
    unit: str = ""  # "" for one command, whose milliseconds are shown; else what is counted a second
    before: Callable[[Place], None] | None = None
    after: Callable[[Place], None] | None = None
    again: bool = False  # may be measured several times: leaves the mailbox as it was


class Place:
    """One of the servers, with the connection to it."""

    def __init__(self, server: ImapServer, size: int) -> None:
        self.server = server
        self.size = size
        self.client = RawImap(HOST, server.imap)
        self.client.command(f"LOGIN {PEOPLE[0]} {PASSWORD}")

    def fill(self) -> None:
        self.client.command("CREATE big")
        letters = messages(self.size, seed=1)
        while batch := list(islice(letters, BATCH)):
            self.client.append("big", batch)
        for number, person in enumerate(PEOPLE):
            other = RawImap(HOST, self.server.imap)
            other.command(f"LOGIN {person} {PASSWORD}")
            other.append("INBOX", list(messages(INBOX, seed=100 + number)))
            other.logout()
        self.client.command("SELECT big")

    def run(self, *commands: str) -> None:
        for command in commands:
            self.client.command(command)


def commands(*texts: str) -> Callable[[Place], None]:
    return lambda place: place.run(*texts)


def command(text: str) -> Callable[[Place], int]:
    def work(place: Place) -> int:
        place.client.command(text)
        return 1

    return work


def appending(mailbox: str) -> Callable[[Place], int]:
    def work(place: Place) -> int:
        for message in messages(APPENDED, seed=2):
            place.client.append(mailbox, [message])
        return APPENDED

    return work


def logging_in(place: Place) -> int:
    return len(sessions(HOST, place.server.imap, PEOPLE, PASSWORD, "INBOX", SESSIONS))


def mark_every_other(place: Place) -> None:
    place.run("SELECT moved")
    odd = iter(range(1, place.size + 1, 2))
    while some := list(islice(odd, NUMBERS)):
        place.run(f"STORE {','.join(map(str, some))} +FLAGS.SILENT (\\Deleted)")


READ = (
    "FETCH 1:* (UID FLAGS)",
    "FETCH 1:* (ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE)",
    "FETCH 1:* BODY.PEEK[]",
    f"UID SEARCH FROM {NEEDLE_SENDER}",
    f"UID SEARCH BODY {NEEDLE_WORD}",
)
UNFLAG = "STORE 1:* -FLAGS.SILENT (\\Flagged)"

ROWS = (
    *(Row(text, command(text), again=True) for text in READ),
    Row(
        f"{READ[0]}, one changed before",
        command(READ[0]),
        before=commands(f"STORE {CHANGED} +FLAGS.SILENT (\\Seen)", f"STORE {CHANGED} -FLAGS.SILENT (\\Seen)"),
        again=True,
    ),
    Row(
        "STORE 1:* +FLAGS (\\Flagged)",
        command("STORE 1:* +FLAGS (\\Flagged)"),
        after=commands(UNFLAG),
        again=True,
    ),
    Row(f"connect, LOGIN, SELECT, LOGOUT: {len(PEOPLE)} at once", logging_in, "sessions", again=True),
    Row("COPY 1:*", command("COPY 1:* copies"), before=commands("CREATE copies")),
    Row("APPEND, mailbox empty", appending("empty"), "messages", commands("CREATE empty", "UNSELECT")),
    Row("APPEND, mailbox full", appending("copies"), "messages", after=commands("SELECT big")),
    Row("MOVE 1:*", command("MOVE 1:* moved"), before=commands("CREATE moved")),
    Row("EXPUNGE of every other", command("EXPUNGE"), before=mark_every_other),
)


def warm(places: Sequence[Place], size: int) -> None:
    """Ask each for all that is read later, and see that it answers fully."""
    found = {
        f"UID SEARCH FROM {NEEDLE_SENDER}": size // SENDERS,
        f"UID SEARCH BODY {NEEDLE_WORD}": size // NEEDLE_EVERY,
    }
    for place in places:
        for text in READ:
            answer = place.client.answer(text)
            searched = text in found
            line = answer.partition(b"\r\n")[0]
            count = len(line.split()) - 2 if searched else answer.count(b" FETCH (")
            if count != found.get(text, size):
                raise RuntimeError(f"{place.server.name} finds {count} messages at {text}")
        place.run("STORE 1:* +FLAGS.SILENT (\\Flagged)", UNFLAG)
        logging_in(place)


def measure(row: Row, place: Place, places: Sequence[Place]) -> Measured:
    if row.before:
        row.before(place)
    calm([place.server for place in places])
    before, start = place.server.cpu(), time.perf_counter()
    done = row.work(place)
    seconds = time.perf_counter() - start
    cpu = place.server.cpu() - before
    if row.after:
        row.after(place)
    return Measured(row.name, place.server.name, seconds / done, cpu / done, row.unit)


def one_round(
    makers: Sequence[Callable[[Path], ImapServer]], size: int, samples: int, directory: Path | None
) -> Iterator[Measured]:
    with tempfile.TemporaryDirectory(dir=directory, prefix="correo-bench-") as scratch:
        os.chmod(scratch, 0o755)  # the servers' processes are not root
        servers = [make(Path(scratch) / str(number)) for number, make in enumerate(makers)]
        try:
            places = []
            for server in servers:
                server.start()
                places.append(Place(server, size))
                places[-1].fill()
            calm(servers, SETTLED)
            warm(places, size)
            for row in ROWS:
                for _ in range(samples if row.again else 1):
                    for place in places:
                        try:
                            yield measure(row, place, places)
                        except (OSError, RuntimeError) as error:
                            raise RuntimeError(f"{place.server.name}, {row.name}: {error}") from error
            for place in places:
                place.client.logout()
        finally:
            for server in servers:
                server.stop()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--dir", type=Path, help="where the servers keep their data: the disk that is measured"
    )
    parser.add_argument("--rounds", type=int, default=3, help="each with new servers and mailboxes")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument(
        "--quick", action="store_true", help="2,000 messages, one round: to try something out"
    )
    parser.add_argument(
        "--fsync", default="always", choices=("always", "optimized"), help="Dovecot's mail_fsync"
    )
    add_outputs(parser)
    options = parser.parse_args(arguments)
    size, rounds = (2_000, 1) if options.quick else (options.messages, options.rounds)
    makers: list[Callable[[Path], ImapServer]] = [Correo]
    if why := Dovecot.missing():
        print(f"Dovecot is not measured: {why}")
    else:
        makers.append(lambda folder: Dovecot(folder, f"mail_fsync = {options.fsync}\n{FAST_LOGIN}"))
    rate = client_rate()
    if rate < CLIENT_RATE:
        print(
            f"the client reads only {rate:.1f} GB/s: large answers measure it, not the servers",
            file=sys.stderr,
        )
    found: list[Measured] = []
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        found += one_round(makers, size, SAMPLES, options.dir)
    names = list(dict.fromkeys(one.server for one in found))
    text = (
        f"{size:,} messages, {os.cpu_count()} cores, medians of {rounds} rounds; Dovecot with mail_fsync = {options.fsync}. "
        f"The last column is time to time: 1 and more means that Correo is at least as fast. The client reads {rate:.1f} GB/s.\n\n"
        f"{side_by_side(found, names)}\n"
    )
    publish(text, found, options)


if __name__ == "__main__":
    main()
