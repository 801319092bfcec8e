"""What happened: the messages that were taken and what was refused, for whoever asks or waits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from correo.mail.instant import moment
from correo.testing.message import Message, Query

MAX_MESSAGES = (
    10_000  # remembered; the oldest are forgotten first, as a server that runs for days must not grow
)
MAX_OCTETS = 256 * 1024 * 1024  # of these together
MAX_REFUSED = 1_000
SHOWN = 10  # of each kind, in words for people


class NothingArrived(AssertionError):
    """No message fits; the text says what did arrive, and what became of the rest."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that a client was refused."""

    protocol: str  # smtp, pop3, imap
    command: str  # as it was sent, without passwords; "" at connecting
    reply: str  # "" where the connection was cut
    by_fault: bool  # on purpose
    instant: int  # µs, by the server's clock

    @property
    def time(self) -> datetime:
        return moment(self.instant)

    def __str__(self) -> str:
        why = " (a fault)" if self.by_fault else ""
        return f"{self.protocol} {self.command or 'connecting'}: {self.reply or 'hung up'}{why}"


class Journal:
    """Of one server; its loop's thread alone writes and reads it."""

    def __init__(self) -> None:
        self.messages: deque[Message] = deque()
        self.refused: deque[Refusal] = deque(maxlen=MAX_REFUSED)
        self._octets = 0
        self._came = 0  # messages, those that were forgotten among them
        self._waiting: set[asyncio.Future[None]] = set()

    def add(self, message: Message) -> None:
        self.messages.append(message)
        self._came += 1
        self._octets += len(message.raw)
        while len(self.messages) > 1 and (len(self.messages) > MAX_MESSAGES or self._octets > MAX_OCTETS):
            self._octets -= len(self.messages.popleft().raw)
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def clear(self) -> None:
        self.messages.clear()
        self.refused.clear()
        self._octets = 0

    def find(self, query: Query) -> list[Message]:
        """The oldest first."""
        return [message for message in self.messages if query.fits(message)]

    async def arrival(self, query: Query) -> Message:
        """The oldest that fits; waits for it for as long as it takes."""
        looked_at = 0
        while True:
            fresh = self._came - looked_at
            for message in list(self.messages)[-fresh:] if fresh else ():
                if query.fits(message):
                    return message
            looked_at = self._came
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)


def nothing(
    query: Query,
    timeout: float,
    messages: Sequence[Message],
    refused: Sequence[Refusal],
    waiting: Sequence[object],
) -> str:
    """Why `query` found nothing, as far as it can be known."""
    lines = [f"no message with {query} within {timeout:g} s"]
    for title, items in (("arrived", messages), ("refused", refused), ("waiting in the queue", waiting)):
        lines.append(f"{title}: {len(items) or 'nothing'}")
        lines += [f"  {item}" for item in items[-SHOWN:]]
    return "\n".join(lines)
