"""Going through an account: every mailbox, and its messages in portions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from correo import mailbox
from correo.mailbox import BATCH, Mailbox, Message
from correo.storage.db import Database

SLICE = 1_000  # messages whose rows are read at once
PORTION_OCTETS = 8 * 1024 * 1024  # of messages in memory, unless one is longer

Progress = Callable[[str, int, int], None]  # the mailbox, how many of its messages are done, of how many


class Letter(NamedTuple):
    message: Message
    octets: bytes
    uidl: str | None  # as POP3 says it, where that is not our own name


class Writer(Protocol):
    """One format. `begin` a mailbox, `add` its messages in the order of UIDs, `end` it; `finish` with the subscriptions."""

    def begin(self, box: Mailbox) -> None: ...
    def add(self, letter: Letter) -> None: ...
    def end(self) -> None: ...
    def finish(self, subscriptions: Sequence[str]) -> None: ...


@dataclass(slots=True)
class Exported:
    mailboxes: int = 0
    messages: int = 0
    octets: int = 0
    damaged: list[str] = field(default_factory=list)  # messages that the disk has damaged


async def export(
    db: Database,
    account_id: int,
    writer: Writer,
    writing: Callable[[], AbstractContextManager[None]],
    progress: Progress,
) -> Exported:
    """Whatever `writer` does, it does within `writing`. Raises OSError, Refused."""
    done = Exported()
    for box in await db.read(mailbox.list_mailboxes, account_id):
        with writing():
            writer.begin(box)
        names = await db.read(mailbox.uidls, box.id)
        after = 0
        count = 0
        while rows := await db.read(mailbox.messages_after, box.id, after, SLICE):
            after = rows[-1].uid
            for portion in _portions(rows):
                found = await db.read(mailbox.raw_many, [row.content_id for row in portion])
                letters = [
                    Letter(row, found[row.content_id], names.get(row.uid))
                    for row in portion
                    if row.content_id in found
                ]
                done.damaged += await _damaged(
                    db, box, [row for row in portion if row.content_id not in found]
                )
                with writing():
                    for letter in letters:
                        writer.add(letter)
                count += len(letters)
                done.octets += sum(len(letter.octets) for letter in letters)
                progress(box.name, count, box.messages)
        with writing():
            writer.end()
        done.mailboxes += 1
        done.messages += count
    names_subscribed = await db.read(mailbox.subscriptions, account_id)
    with writing():
        writer.finish(names_subscribed)
    return done


def _portions(rows: Sequence[Message]) -> Iterator[list[Message]]:
    portion: list[Message] = []
    octets = 0
    for row in rows:
        if portion and (len(portion) >= BATCH or octets + row.size > PORTION_OCTETS):
            yield portion
            portion, octets = [], 0
        portion.append(row)
        octets += row.size
    if portion:
        yield portion


async def _damaged(db: Database, box: Mailbox, rows: Sequence[Message]) -> list[str]:
    """Those that are still there and yet cannot be read; the others went meanwhile."""
    if not rows:
        return []
    there = {
        message.uid
        for row in rows
        for message in await db.read(mailbox.messages, box.id, [(row.uid, row.uid)])
    }
    return [f"{box.name} UID {row.uid}" for row in rows if row.uid in there]
