"""What the world outside knows: what was sent and promised, what people were shown, and what they took away."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.machine import Machine

FAILED = "Could not be delivered"  # how the subject of such a notice begins
NOTICES = (FAILED, "Delayed", "Passed on", "Delivered")

_FINAL = re.compile(rb"^Final-Recipient: [^\r]* (\S+)\r$", re.MULTILINE)


class Broken(Exception):
    """A law does not hold."""

    def __init__(self, law: str, words: str) -> None:
        super().__init__(f"{law}: {words}")
        self.law = law
        self.words = words


@dataclass(frozen=True, slots=True)
class Terms:
    """What was asked for with a letter."""

    notify: str = ""  # as in NOTIFY=, "" where nothing was said
    hold: float = 0.0  # seconds for which nobody is to have it
    within: float = math.inf  # seconds in which it is to be there, or else returned

    @property
    def mail(self) -> str:
        """Parameters of MAIL."""
        hold = f" HOLDFOR={self.hold:.0f}" if self.hold else ""
        return hold + (f" BY={self.within:.0f};R" if self.within < math.inf else "")

    @property
    def rcpt(self) -> str:
        return f" NOTIFY={self.notify}" if self.notify else ""

    def wants(self, kind: str) -> bool:
        """Whether a notice of SUCCESS, FAILURE or DELAY may come of it."""
        return kind in self.notify if self.notify else kind != "SUCCESS"


PLAIN = Terms()


@dataclass(frozen=True, slots=True)
class Letter:
    """Something that was sent, whether or not anybody took it."""

    id: str  # its Message-ID
    sender: str
    recipients: tuple[str, ...]
    home: str  # the domain of the server to which it was brought
    size: int  # octets
    digest: bytes
    terms: Terms = PLAIN

    def ends(self, raw: bytes) -> bool:
        """Whether this is the letter, with nothing but fields in front of it."""
        return _digest(raw[-self.size :]) == self.digest


@dataclass(frozen=True, slots=True)
class Promise:
    """A client read 250 for this letter to these recipients."""

    letter: Letter
    recipients: tuple[str, ...]
    machine: Machine
    at: float  # seconds on the loop's clock


@dataclass(slots=True)
class Memory:
    """What a client keeps of a mailbox while it is away."""

    validity: int
    uidnext: int
    highest: int
    mails: dict[int, Mail] = field(default_factory=dict)  # by UID


@dataclass(slots=True)
class Mail:
    id: str
    flags: frozenset[str]
    modseq: int


@dataclass(slots=True)
class Person:
    """Somebody with an account, and all that his programs know."""

    address: str
    machine: Machine
    qresync: bool
    most: tuple[int, int] | None = None  # messages and octets that he may have
    permitted: set[str] = field(default_factory=set)  # Message-IDs
    boxes: dict[str, Memory] = field(default_factory=dict)
    uidls: dict[str, str] = field(default_factory=dict)  # to Message-IDs
    added: Counter[str] = field(default_factory=Counter)  # by APPEND
    perhaps_added: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    perhaps_removed: Counter[str] = field(default_factory=Counter)
    busy: bool = False
    rests_until: float = 0.0


@dataclass(slots=True)
class Folder:
    """A mailbox that others than its owner may use, by what its owner was told that they may."""

    owner: Person
    name: str
    rights: dict[str, str] = field(default_factory=dict)  # by address
    turns: Counter[str] = field(default_factory=Counter)  # of changes of somebody's rights that were begun
    unsure: set[str] = field(default_factory=set)  # whose rights were changed without an answer
    busy: bool = False  # one at a time removes
    rests_until: float = 0.0

    @property
    def path(self) -> str:
        """What the others call it."""
        return f"Other Users/{self.owner.address}/{self.name}"

    def known(self, address: str) -> tuple[int, str] | None:
        """What somebody may do, and a number that stays for as long as that is so; None where nobody can say."""
        return None if address in self.unsure else (self.turns[address], self.rights.get(address, ""))


@dataclass(frozen=True, slots=True)
class Recalled:
    """Somebody was told that what he had sent goes nowhere any more."""

    id: str
    machine: Machine
    at: float  # seconds on the loop's clock


@dataclass(slots=True)
class Books:
    letters: dict[str, Letter] = field(default_factory=dict)
    promises: list[Promise] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)
    folders: list[Folder] = field(default_factory=list)
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rounds: tuple[str, ...] = ()  # addresses that lead to each other for ever
    sent: dict[str, set[str]] = field(default_factory=dict)  # Message-IDs by sender
    notices: Counter[tuple[str, str]] = field(default_factory=Counter)  # of failures: letter and recipient
    told: dict[str, set[tuple[str, str]]] = field(default_factory=dict)  # the same of all kinds
    deleted: set[str] = field(default_factory=set)  # senders of whom an operator may have deleted something
    cancelled: set[str] = field(default_factory=set)  # letters that their senders tried to take back
    recalled: list[Recalled] = field(default_factory=list)  # those that they were told are taken back
    mail: Counter[str] = field(default_factory=Counter)  # what became of letters at the first door
    events: Counter[str] = field(default_factory=Counter)  # what people did

    def write(
        self,
        sender: str,
        recipients: tuple[str, ...],
        home: str,
        size: int,
        *,
        eight_bit: bool,
        terms: Terms = PLAIN,
    ) -> tuple[Letter, bytes]:
        """A letter like no other, and its octets."""
        number = len(self.letters) + 1
        word = "Grüße über Grüße" if eight_bit else "a line of text"
        filling = f"{word} {number}\r\n" * (size // len(word) + 1)
        octets = (
            f"From: <{sender or 'MAILER-DAEMON@near.example'}>\r\nTo: {', '.join(recipients)}\r\n"
            f"Subject: letter {number}\r\nMessage-ID: <{number}@client.example>\r\n"
            f"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
            f"\r\nThis is letter {number}.\r\n.\r\n.. has dots.\r\n{filling}"
        ).encode()
        id = f"<{number}@client.example>"
        letter = Letter(id, sender, recipients, home, len(octets), _digest(octets), terms)
        self.letters[letter.id] = letter
        self.sent.setdefault(sender, set()).add(letter.id)
        for name in recipients:
            for target in self.aliases.get(name, (name,)):
                if person := self.people.get(target):
                    person.permitted.add(letter.id)
        return letter, octets

    def may_see(self, person: Person, id: str, answered: str) -> bool:
        """`answered`: the In-Reply-To of a notice."""
        return id in person.permitted or answered in self.sent.get(person.address, ())

    def check(self, raw: bytes) -> str:
        """The Message-ID of what somebody has, which must be as it was sent. Raises Broken."""
        id = field_of(raw, "Message-ID")
        letter = self.letters.get(id)
        if letter and not letter.ends(raw):
            raise Broken("unchanged", f"{id} is not what was sent")
        return id

    def learn(self, raw: bytes) -> None:
        """Read a notice that somebody's server made."""
        header = field_of(raw, "Subject")
        kind = next((kind for kind in NOTICES if header.startswith(kind)), "")
        if kind:
            answered = field_of(raw, "In-Reply-To")
            named = {(answered, name.decode()) for name in _FINAL.findall(raw)}
            self.told.setdefault(kind, set()).update(named)
            if kind == FAILED:
                self.notices.update(named)


def _digest(octets: bytes) -> bytes:
    return hashlib.blake2b(octets, digest_size=16).digest()


def field_of(raw: bytes, name: str) -> str:
    """A short field of the header; "" where it is not there."""
    header = raw.partition(b"\r\n\r\n")[0]
    found = re.search(rb"^%s: *([^\r]*)" % name.encode(), header, re.IGNORECASE | re.MULTILINE)
    return found[1].decode("utf-8", "replace") if found else ""
