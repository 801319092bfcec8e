"""A maildrop of 1,000 messages by POP3."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

from mailbox_mail import messages
from mailboxes import BATCH
from raw_imap import RawImap
from raw_pop3 import RawPop3
from resting import SETTLED, calm
from row import Figure, Given, Goal, Maker, Row, makers, running
from servers import (
    FAST_LOGIN,
    HOST,
    PASSWORD,
    PEOPLE,
    Correo,
    Dovecot,
    ImapServer,
    correo_config,
    free_port,
    listener,
)
from steps import Step, in_turn
from threads import at_once

MESSAGES, QUICK = 1_000, 50
WINDOW = 32  # commands at once
PASSES = 5  # through the maildrop, so that fetching takes long enough to be measured
SAMPLES = 3  # of what leaves the maildrop as it was, in a round
SESSIONS, QUICK_SESSIONS = 30, 2  # of each person
OWNER = PEOPLE[0]
PROGRAM = Path("/usr/lib/dovecot/pop3")  # which Debian has in a package of its own

LISTENER = """
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
        super().__init__(folder, correo_config(listener("imap"), listener("pop3")))


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
        super().__init__(folder, f"mail_fsync = {fsync}\n{LISTENER.format(port=self.pop3)}{fast}")


class Maildrop:
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


def listing(place: Maildrop) -> int:
    place.session.line("STAT")
    place.session.lines("UIDL")
    place.session.lines("LIST")
    return 1


def fetching(window: int) -> Callable[[Maildrop], int]:
    def work(place: Maildrop) -> int:
        for _ in range(PASSES):
            for first in range(1, place.size + 1, window):
                last = min(first + window, place.size + 1)
                place.session.lines(*(f"RETR {at}" for at in range(first, last)))
        return PASSES * place.size

    return work


def deleting(place: Maildrop) -> int:
    place.enter()
    for at in range(1, place.size + 1):
        place.session.line(f"DELE {at}")
    place.leave()
    return place.size


def looking_for_mail(count: int) -> Callable[[Maildrop], int]:
    def work(place: Maildrop) -> int:
        def one(person: str) -> None:
            for _ in range(count):
                client = RawPop3(HOST, place.server.pop3)
                client.login(person, PASSWORD)
                client.line("STAT")
                client.quit()

        at_once(one, PEOPLE)
        return count * len(PEOPLE)

    return work


def inside(name: str, work: Callable[[Maildrop], int], unit: str = "") -> Step[Maildrop]:
    """What is done between entering and leaving the maildrop, which are not timed."""
    return Step(name, work, unit, Maildrop.enter, Maildrop.leave, again=True)


ONE_BY_ONE, AT_ONCE = "RETR of all, one by one", f"RETR of all, {WINDOW} at once"


def steps(sessions: int) -> Sequence[Step[Maildrop]]:
    return (
        inside("STAT, UIDL, LIST", listing),
        inside(ONE_BY_ONE, fetching(1), "messages"),
        inside(AT_ONCE, fetching(WINDOW), "messages"),
        Step(
            f"connect, USER, PASS, STAT, QUIT: {len(PEOPLE)} at once",
            looking_for_mail(sessions),
            "sessions",
            again=True,
        ),
        Step("DELE of all, one by one, QUIT", deleting, "messages"),
    )


def warm(places: Sequence[Maildrop]) -> None:
    """Ask each for all that is read later, and see that there is as much of it."""
    for place in places:
        place.enter()
        octets = sum(place.session.lines(f"RETR {at}") for at in range(1, place.size + 1))
        expected = sum(len(message) for message in messages(place.size, seed=3))
        if octets < expected:
            raise RuntimeError(f"{place.server.name} has {octets} octets of {expected}")
        place.leave()
        looking_for_mail(1)(place)


def one_round(given: Given, number: int) -> Iterator[Figure]:
    theirs = [(DovecotPop3, lambda folder: DovecotPop3(folder, given.fsync))]
    make: list[Maker[Pop3Server]] = makers(given, CorreoPop3, theirs)
    with running(given, make) as servers:
        places = [Maildrop(server, given.size(MESSAGES, QUICK)) for server in servers]
        for place in places:
            place.fill()
        calm(servers, given.size(SETTLED, 1))
        warm(places)
        yield from in_turn(steps(given.size(SESSIONS, QUICK_SESSIONS)), places, given.size(SAMPLES, 1))


ROW = Row(
    "pop3",
    f"a maildrop of {MESSAGES:,} messages",
    "5 KB on average, fetched one by one and with 32 commands at once, listed, and deleted; and sessions that find nothing new. Both servers "
    "run all the time and take turns while the other rests; both are warm and durable (mail_fsync = always: as it is shipped Dovecot "
    "does not sync what is deleted). Dovecot serves logins and sessions with processes that live on. The client parses nothing.",
    one_round,
    (DovecotPop3,),
    {ONE_BY_ONE: Goal(times=1), AT_ONCE: Goal(times=0.7)},
)
