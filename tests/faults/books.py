"""What everybody but the server knows: what was promised, refused and left without an answer, and what another server was given."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import Random

HERE, THERE = "here.example", "far.example"
PEOPLE = {
    "user": 4,  # whose mail nobody touches
    "imap": 2,  # who read by IMAP, and append, flag, move and expunge
    "pop": 2,  # who read by POP3 and delete
    "far": 4,  # aliases that lead to the other server
}
SIZES = (
    (80, 1_000, 4_000),
    (15, 4_000, 60_000),
    (4, 60_000, 400_000),
    (1, 400_000, 2_000_000),
)  # weight, octets
EXCUSED = 10.0  # seconds after it was handed over in which the end of the sender explains that it comes again
UNDER_WAY = 5.0  # seconds in which the other server has read what the sender had written when it ended


class Broken(Exception):
    """A law does not hold."""


@dataclass(slots=True)
class Letter:
    id: str
    recipients: tuple[str, ...]
    digest: bytes
    size: int


@dataclass(slots=True)
class Books:
    dice: Random
    letters: dict[str, Letter] = field(default_factory=dict)
    promised: list[Letter] = field(default_factory=list)
    refused: set[str] = field(
        default_factory=set
    )  # ids: taken for later by whoever sends, so they may not be there
    removed: Counter[tuple[str, str]] = field(default_factory=Counter)  # account and id
    perhaps_removed: Counter[tuple[str, str]] = field(default_factory=Counter)
    appended: set[tuple[str, str]] = field(default_factory=set)
    elsewhere: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    troubles: list[tuple[float, float]] = field(default_factory=list)  # from when to when
    answers: Counter[str] = field(default_factory=Counter)  # what people did and were told
    wrong: list[str] = field(default_factory=list)
    over: bool = False  # nobody begins anything
    _begun: int = 0

    def write(self, recipients: tuple[str, ...], limit: int, at_least: int = 0) -> tuple[Letter, bytes]:
        """A letter like no other, and its octets, which do not compress below three quarters."""
        self._begun += 1
        id = f"<{self._begun}@client.example>"
        (_, least, most), *_ = self.dice.choices(SIZES, [weight for weight, _, _ in SIZES])
        size = min(max(self.dice.randint(least, most), at_least), limit)
        lines = [self.dice.randbytes(36).hex() for _ in range(size // 74)]
        head = f"Message-ID: {id}\r\nSubject: letter {self._begun}\r\nFrom: <a@client.example>\r\n\r\n"
        octets = (head + "\r\n".join(lines) + "\r\n.. has dots\r\n").encode()
        letter = Letter(id, recipients, digest(octets), len(octets))
        self.letters[id] = letter
        return letter, octets

    def some_recipients(self, kinds: tuple[str, ...]) -> tuple[str, ...]:
        names = [f"{kind}{number}@{HERE}" for kind in kinds for number in range(PEOPLE[kind])]
        return tuple(self.dice.sample(names, self.dice.randint(1, 4)))

    def unchanged(self, id: str, raw: bytes) -> bool:
        """Whether this is what was sent, with nothing but fields in front of it."""
        letter = self.letters[id]
        return digest(raw[-letter.size :]) == letter.digest

    def doubles(self) -> tuple[int, list[str]]:
        """At the other server: how many a death of the sender explains, and those that nothing explains."""
        explained, wrong = 0, []
        for (id, recipient), moments in self.elsewhere.items():
            for moment in moments[:-1]:
                if any(start - EXCUSED <= moment <= end + UNDER_WAY for start, end in self.troubles):
                    explained += 1
                else:
                    wrong.append(f"{id} came to {recipient} {len(moments)} times")
        return explained, wrong

    def trouble(self, seconds: float = 0.0) -> None:
        """From `seconds` ago until now the server could not do what it should."""
        now = time.monotonic()
        self.troubles.append((now - seconds, now))


def digest(octets: bytes) -> bytes:
    return hashlib.blake2b(octets, digest_size=16).digest()


def target_of(recipient: str) -> str:
    """Where a message to an address of the other server, or an alias that leads there, arrives."""
    name = recipient.partition("@")[0]
    return f"{name.replace('far', 'user')}@{THERE}"
