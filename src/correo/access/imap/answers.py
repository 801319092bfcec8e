"""Long answers, kept as they were made while what they tell stays as it was.

Clients without CONDSTORE ask for the flags of the whole mailbox whenever they open it, each device of a person the same.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

MOST = 16 * 1024 * 1024  # octets in all: the flags of 400,000 messages
LEAST = 200  # messages: fewer are read as quickly as it is found out whether anything has changed


class Name(NamedTuple):
    """What is asked. As UIDs are given once, so many messages between two of them are always the same ones."""

    mailbox_id: int
    form: bytes  # what is told of each message
    first: int  # message number
    low: int  # UID of the first
    high: int  # UID of the last
    messages: int
    recent: bool  # all of them are, to the session, or none


class Answer(NamedTuple):
    modseq: int  # HIGHESTMODSEQ of the mailbox when it was true last
    octets: bytes
    keywords: frozenset[str]  # of the messages, as they are stored: what has to be announced before


NOTHING = Answer(-1, b"", frozenset())


class Answers:
    """Those that were asked for last: `most` octets in all, of at least `least` messages each."""

    def __init__(self, most: int = MOST, least: int = LEAST) -> None:
        self.least = least
        self._most = most
        self._size = 0
        self._held: OrderedDict[Name, Answer] = OrderedDict()

    def get(self, name: Name) -> Answer:
        """It is true as long as nothing of this has changed since its modseq; `NOTHING` where there is none."""
        answer = self._held.get(name)
        if answer is None:
            return NOTHING
        self._held.move_to_end(name)
        return answer

    def keep(self, name: Name, answer: Answer) -> None:
        self._size -= len(self._held.pop(name, NOTHING).octets)
        if len(answer.octets) > self._most:
            return
        self._held[name] = answer
        self._size += len(answer.octets)
        while self._size > self._most:
            _, oldest = self._held.popitem(last=False)
            self._size -= len(oldest.octets)
