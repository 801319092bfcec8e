"""What the world outside knows: what was sent and promised, what people were shown, and what they took away."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.machine import Machine

FAILED = "Could not be delivered"  # how the subject of such a notice begins


_FINAL = re.compile(rb"^Final-Recipient: [^\r]* (\S+)\r$", re.MULTILINE)


class Broken(Exception):
    """A law does not hold."""

    def __init__(self, law: str, words: str) -> None:
        super().__init__(f"{law}: {words}")
        self.law = law
        self.words = words


@dataclass(frozen=True, slots=True)
class Letter:
    """Something that was sent, whether or not anybody took it."""

    id: str  # its Message-ID
    sender: str
    recipients: tuple[str, ...]
    home: str  # the domain of the server to which it was brought
    size: int  # octets
    digest: bytes

    def ends(self, raw: bytes) -> bool:
        """Whether this is the letter, with nothing but fields in front of it."""
        return _digest(raw[-self.size :]) == self.digest


@dataclass(frozen=True, slots=True)
class Promise:
    """A client read 250 for this letter to these recipients."""

    letter: Letter
    recipients: tuple[str, ...]
    machine: Machine
    unwanted: bool  # NOTIFY=NEVER: its sender hears of no failure


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
class Books:
    letters: dict[str, Letter] = field(default_factory=dict)
    promises: list[Promise] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sent: dict[str, set[str]] = field(default_factory=dict)  # Message-IDs by sender
    notices: Counter[tuple[str, str]] = field(
        default_factory=Counter
    )  # letter and recipient of failures told
    mail: Counter[str] = field(default_factory=Counter)  # what became of letters at the first door
    events: Counter[str] = field(default_factory=Counter)  # what people did

    def write(
        self, sender: str, recipients: tuple[str, ...], home: str, size: int, *, eight_bit: bool
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
        letter = Letter(f"<{number}@client.example>", sender, recipients, home, len(octets), _digest(octets))
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

    def learn(self, raw: bytes) -> None:
        """Read a notice that somebody's server made."""
        header = field_of(raw, "Subject")
        if header.startswith(FAILED):
            answered = field_of(raw, "In-Reply-To")
            self.notices.update((answered, name.decode()) for name in _FINAL.findall(raw))


def _digest(octets: bytes) -> bytes:
    return hashlib.blake2b(octets, digest_size=16).digest()


def field_of(raw: bytes, name: str) -> str:
    """A short field of the header; "" where it is not there."""
    header = raw.partition(b"\r\n\r\n")[0]
    found = re.search(rb"^%s: *([^\r]*)" % name.encode(), header, re.IGNORECASE | re.MULTILINE)
    return found[1].decode("utf-8", "replace") if found else ""
