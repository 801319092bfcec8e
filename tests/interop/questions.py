"""The transcript of reading commands that Correo and Dovecot are given over the same messages, and where their answers differ."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from random import Random
from typing import Any

from tests.interop.dovecot import Client, Tree, tree

ITEMS = """ENVELOPE;BODYSTRUCTURE;BODY;RFC822.SIZE;INTERNALDATE;BODY[];BODY[HEADER];BODY[TEXT];RFC822.HEADER
BODY[HEADER.FIELDS (FROM CONTENT-TYPE X-AFTER)];BODY[HEADER.FIELDS.NOT (FROM DATE)];BODY[HEADER.FIELDS (SUBJECT)]<3.9>
BODY[]<0.100>;BODY[]<50.1000>;BODY[TEXT]<10.20>;BODY[HEADER]<5.10>;BODY[]<99999999.5>;BODY[1]<2.5>;BODY[1];BODY[1.MIME]
BODY[2];BODY[2.MIME];BODY[2.HEADER];BODY[2.TEXT];BODY[1.1];BODY[1.1.MIME];BODY[1.2];BODY[1.2.MIME];BODY[3];BODY[9]
BODY[1.HEADER];BODY[1.TEXT];BODY[1.HEADER.FIELDS (SUBJECT)];BODY[1.1.1];BODY[2.1];BODY[3.HEADER.FIELDS (SUBJECT)];BODY[3.TEXT]
BODY[3.2];BODY[2.2.HEADER];BODY[1.1.HEADER];BODY[1]<0.1>""".replace("\n", ";").split(";")
WORD_KEYS = (
    *("SUBJECT", "FROM", "TO", "CC", "BCC", "BODY", "TEXT", "HEADER Message-ID", "HEADER References"),
    *(
        "HEADER Content-Type",
        "HEADER Comments",
        "NOT BODY",
        "NOT TEXT",
        "OR SEEN SUBJECT",
        "UNSEEN 5:300 TEXT",
    ),
)
PLAIN_KEYS = """ALL;SEEN;UNSEEN;FLAGGED;KEYWORD $work;ANSWERED;NOT DRAFT;LARGER 1000;SMALLER 300;LARGER 0;SINCE 10-Jan-2024
BEFORE 10-Jan-2024;ON 10-Jan-2024;SENTON 10-Feb-2020;SENTBEFORE 1-Jan-2020;SENTSINCE 10-Feb-2020;SENTSINCE 11-Feb-2020
SENTBEFORE 1-Jan-1990;SENTON 9-Feb-2020;SENTSINCE 1-Jan-2030;HEADER Subject "";HEADER Content-Type "";HEADER X-After "";HEADER Date ""
HEADER Message-ID "";OR SENTON 10-Feb-2020 LARGER 5000;NOT (SEEN SENTSINCE 1-Jan-2020);SUBJECT "";FROM "";TO "";CC "";BODY "";TEXT ""
UID 10:20,30;CHARSET ISO-8859-1 SUBJECT topic;CHARSET US-ASCII TEXT topic""".replace("\n", ";").split(";")
SORT_KEYS = ("ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO")
SORTS = (
    *(key for key in SORT_KEYS),
    *(f"REVERSE {key}" for key in SORT_KEYS),
    *(
        "SUBJECT DATE",
        "SUBJECT REVERSE DATE",
        "FROM SUBJECT SIZE",
        "REVERSE TO REVERSE SIZE",
        "CC REVERSE ARRIVAL",
    ),
)
THREADS = ("REFERENCES", "ORDEREDSUBJECT", "REFS")
FLAGS = ("()", "(\\Seen)", "(\\Flagged $Work)", "(\\Answered \\Draft)", "(\\Seen Junk)")


@dataclass(frozen=True, slots=True)
class Difference:
    """Two answers about one message."""

    question: str
    name: str
    message: bytes
    ours: Any  # a tree of FETCH, whether SEARCH found it, a place in an order
    theirs: Any

    def __str__(self) -> str:
        return f"{self.question} of {self.name}\n  correo  {self.ours!r}\n  dovecot {self.theirs!r}"


class Both:
    """The two connections, and what was put into both inboxes."""

    def __init__(self, ours: Client, theirs: Client) -> None:
        self._ours, self._theirs = ours, theirs
        self.messages: list[tuple[str, bytes]] = []

    def fill(self, corpus: Iterable[tuple[str, bytes]]) -> Iterator[Difference]:
        """Append each message to both. Where Dovecot keeps other octets than it was given, Correo is given those, so that all
        further questions are about the same; what it was given goes to its Trash."""
        for client in self._clients:
            client.say("SELECT INBOX")
        for name, octets in corpus:
            number = len(self.messages) + 1
            append = f'APPEND INBOX {FLAGS[number % 5]} "{number % 28 + 1:02d}-Jan-2024 12:30:00 +0000"'
            assert answered(self._theirs.say(append, octets)) == b"OK", name
            kept = _kept(self._theirs, number)
            if kept == octets.replace(
                b"\0", b"\x80"
            ):  # a literal cannot hold NUL, and both put this in its place
                given = octets
            else:
                given = kept
                yield Difference(
                    "APPEND", name, octets, answered(self._ours.say("APPEND Trash", octets)), kept
                )
            assert answered(self._ours.say(append, given)) == b"OK", name
            assert _kept(self._ours, number) == kept, name
            self.messages.append((name, given))

    def trash(self) -> list[bytes]:
        """What is in Correo's Trash."""
        said = self._ours.say("SELECT Trash")
        count = next(int(one.split()[0]) for one in said if one.endswith(b" EXISTS"))
        found = [_kept(self._ours, number) for number in range(1, count + 1)]
        self._ours.say("SELECT INBOX")
        return found

    def fetches(self) -> Iterator[Difference]:
        question = " ".join(item.replace("BODY[", "BODY.PEEK[") for item in ITEMS)
        for number, (name, octets) in enumerate(self.messages, 1):
            ours, theirs = (items(client.say(f"FETCH {number} ({question})")) for client in self._clients)
            assert len(ours) == len(theirs) == len(ITEMS), (name, ours, theirs)
            for item, our, their in zip(ITEMS, ours, theirs, strict=True):
                if our != their:
                    yield Difference(item, name, octets, our, their)

    def searches(self) -> Iterator[Difference]:
        for key, word in questions([octets for _, octets in self.messages]):
            question = f"SEARCH {key}" if word is None else f"SEARCH CHARSET UTF-8 {key}"
            literal = None if word is None else word.encode()
            said = [client.say(question, literal) for client in self._clients]
            assert [answered(one) for one in said] == [b"OK", b"OK"], (question, word, said)
            ours, theirs = (set(numbers(one, b"SEARCH")) for one in said)
            for number in sorted(ours ^ theirs):
                name, octets = self.messages[number - 1]
                asked = f"{key} {word or ''}".strip()
                yield Difference(asked, name, octets, number in ours, number in theirs)

    def sorts(self, odd: Callable[[str, bytes], object]) -> Iterator[Difference]:
        """Orders in which a message is not where it is in the other, but for those that are `odd` by the criteria."""
        for criteria in SORTS:
            said = (client.say(f"SORT ({criteria}) UTF-8 ALL") for client in self._clients)
            ours, theirs = (numbers(one, b"SORT") for one in said)
            assert sorted(ours) == sorted(theirs) == list(range(1, len(self.messages) + 1)), criteria
            left = {number for number in ours if not odd(criteria, self.messages[number - 1][1])}
            for our, their in zip(
                (n for n in ours if n in left), (n for n in theirs if n in left), strict=True
            ):
                if our != their:
                    yield Difference(f"SORT {criteria}", *self.messages[our - 1], our, their)
                    break

    def threads(self, odd: Callable[[str, bytes], object]) -> Iterator[Difference]:
        """Messages that are elsewhere in a thread, among those that are not `odd`."""
        left = ",".join(
            str(number)
            for number, (_, octets) in enumerate(self.messages, 1)
            if not odd("SUBJECT DATE", octets)
        )
        for algorithm in THREADS:
            ours, theirs = (
                parents(client.say(f"THREAD {algorithm} UTF-8 {left}")) for client in self._clients
            )
            assert ours.keys() == theirs.keys(), algorithm
            for number in sorted(ours):
                if ours[number] != theirs[number]:
                    asked = f"THREAD {algorithm}"
                    yield Difference(asked, *self.messages[number - 1], ours[number], theirs[number])

    @property
    def _clients(self) -> tuple[Client, Client]:
        return self._ours, self._theirs


def questions(corpus: list[bytes]) -> Iterator[tuple[str, str | None]]:
    """Search keys, with a word where they take one: what is in the corpus, some of it in pieces, and what is not."""
    yield from ((key, None) for key in PLAIN_KEYS)
    dice = Random(11)
    for key in WORD_KEYS:
        for _ in range(20):
            yield key, _word(dice, dice.choice(corpus))
        yield key, "absent from all"


def _word(dice: Random, octets: bytes) -> str:
    """A word of the message as people see it, or two that follow each other, or a piece of one."""
    message = email.message_from_bytes(octets, policy=email.policy.compat32)
    part = dice.choice(list(message.walk()))
    payload = part.get_payload(decode=True)
    texts = [payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""]
    texts += [_decoded(value) for value in map(str, part.values())]
    words: list[str] = [
        word for word in re.findall(r"[^\s\x00-\x1f\ufffd]+", dice.choice(texts)) if len(word) > 1
    ]
    if not words:
        return "topic"
    at = dice.randrange(len(words))
    match dice.randrange(3):
        case 0:
            return words[at][:40]
        case 1:
            return " ".join(words[at : at + 2])[:60]
    start = dice.randrange(len(words[at]) - 1)
    return words[at][start : start + 6].upper()


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value


def items(said: list[bytes]) -> list[Tree]:
    """The values of one FETCH response, in the order in which they were asked for."""
    found = _pairs(said)
    names = [name.upper() for name, _ in found]
    values: dict[bytes, list[Tree]] = {}
    for name, (_, value) in zip(names, found, strict=True):
        values.setdefault(name, []).append(value)
    return [values[label(item)].pop(0) if values.get(label(item)) else b"<none>" for item in ITEMS]


def label(item: str) -> bytes:
    """How the answer names an item: in upper case here, and a partial one by its start."""
    return re.sub(r"<(\d+)\.\d+>$", r"<\1>", item).encode()


def numbers(said: list[bytes], name: bytes) -> list[int]:
    return [int(word) for one in said[:-1] if one.startswith(name) for word in one.split()[1:]]


def parents(said: list[bytes]) -> dict[int, int]:
    """Each message with the one it is below of; 0 at the top, and minus the first of its siblings where they have no parent."""
    (answer,) = (one for one in said[:-1] if one.startswith(b"THREAD"))
    above: dict[int, int] = {}

    def walk(node: list[Tree], parent: int) -> None:
        for child in node:
            if isinstance(child, bytes):
                above[int(child)] = parent
                parent = int(child)
            elif isinstance(child, list):
                if parent == 0:
                    first = re.search(rb"\d+", repr(child).encode())
                    walk(child, -int(first[0]) if first else 0)
                else:
                    walk(child, parent)

    for thread in tree(answer.removeprefix(b"THREAD")):
        assert isinstance(thread, list)
        walk(thread, 0)
    return above


def _pairs(said: list[bytes]) -> list[tuple[bytes, Tree]]:
    assert said[-1].startswith(b"OK"), said
    (response,) = (one for one in said[:-1] if b" FETCH (" in one)
    (found,) = tree(response.partition(b" FETCH ")[2])
    assert isinstance(found, list)
    names = found[::2]
    return [(name, value) for name, value in zip(names, found[1::2], strict=True) if isinstance(name, bytes)]


def _kept(client: Client, number: int) -> bytes:
    ((_, kept),) = _pairs(client.say(f"FETCH {number} BODY.PEEK[]"))
    assert isinstance(kept, tuple)
    return kept[0]


def answered(said: list[bytes]) -> bytes:
    return said[-1].split()[0]
