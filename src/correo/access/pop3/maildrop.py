"""The inbox as one session sees it: numbered at login, marks kept until QUIT."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple

from correo import mailbox
from correo.mail.errors import Kind, Refused
from correo.mailbox import Ranges
from correo.mailbox import ranges as uidset
from correo.mailbox.ranges import Range
from correo.storage.db import Row, Tx

EVERYTHING: Ranges = ((1, mailbox.MAX_UID),)


class Drop(NamedTuple):
    """One message of the maildrop; its size is that of the message as it is kept."""

    number: int
    uid: int
    content_id: int
    size: int


class Maildrop:
    """Message numbers start at 1 and do not change (RFC 1939 §5); deletion is a mark until QUIT.

    Rows are kept as arrays of integers, 24 octets a message: a maildrop may have a hundred thousand, and a server many sessions.
    """

    def __init__(self, mailbox_id: int, uidvalidity: int, rows: list[Row], names: dict[int, str]) -> None:
        """`rows`: uid, content_id and size of each message, in the order of UIDs; `names`: unique-ids from another server, by UID."""
        self.mailbox_id = mailbox_id
        self.uidvalidity = uidvalidity
        self._names = names
        self.deleted: set[int] = set()  # message numbers
        self.fetched: set[int] = set()
        self._uids: array[int] = array("q", [row[0] for row in rows])
        self._contents: array[int] = array("q", [row[1] for row in rows])
        self._sizes: array[int] = array("q", [row[2] for row in rows])

    def __len__(self) -> int:
        """How many messages there were at login."""
        return len(self._uids)

    @property
    def count(self) -> int:
        """How many messages are not marked as deleted."""
        return len(self._uids) - len(self.deleted)

    @property
    def size(self) -> int:
        """Octets of those."""
        return sum(self._sizes) - sum([self._sizes[number - 1] for number in self.deleted])

    def find(self, number: int) -> Drop:
        """Raises Refused(NOT_FOUND) for a number that is out of range or marked as deleted."""
        if not 1 <= number <= len(self._uids) or number in self.deleted:
            raise Refused(Kind.NOT_FOUND)
        return Drop(number, self._uids[number - 1], self._contents[number - 1], self._sizes[number - 1])

    def following(self, number: int, most: int, octets: int) -> list[Drop]:
        """The message `number` and, as far as they are not marked as deleted, those behind it: up to `most`, and to so many octets."""
        found: list[Drop] = []
        for at in range(number, min(number + most, len(self._uids) + 1)):
            octets -= self._sizes[at - 1]
            if octets < 0:
                break
            if at not in self.deleted:
                found.append(Drop(at, self._uids[at - 1], self._contents[at - 1], self._sizes[at - 1]))
        return found

    def sizes(self) -> Iterator[tuple[int, int]]:
        """Number and size of each message that is not marked as deleted."""
        return (pair for pair in enumerate(self._sizes, 1) if pair[0] not in self.deleted)

    def unique_ids(self) -> Iterator[tuple[int, str]]:
        """Number and unique-id of the same."""
        numbered = ((number, uid) for number, uid in enumerate(self._uids, 1) if number not in self.deleted)
        if self._names:
            return ((number, self._unique_id(uid)) for number, uid in numbered)
        prefix = f"{self.uidvalidity:x}."
        return ((number, f"{prefix}{uid:x}") for number, uid in numbered)

    def unique_id(self, drop: Drop) -> str:
        """The name that stays the same for ever."""
        return self._unique_id(drop.uid)

    def _unique_id(self, uid: int) -> str:
        return self._names.get(uid) or mailbox.own_uidl(self.uidvalidity, uid)

    def gone(self) -> list[Range]:
        """The UIDs of what is marked as deleted."""
        return uidset.of(self._uids[number - 1] for number in sorted(self.deleted))

    def seen(self) -> list[Range]:
        """The UIDs of what was fetched and stays."""
        return uidset.of(self._uids[number - 1] for number in sorted(self.fetched - self.deleted))


async def open_maildrop(tx: Tx, account_id: int) -> Maildrop:
    """Reads three columns of each message and no content. Raises Refused(UNAVAILABLE)."""
    inbox = await mailbox.inbox(tx, account_id)
    if inbox is None:
        raise Refused(Kind.UNAVAILABLE, f"account {account_id} has no inbox")
    rows = await mailbox.fetch_columns(tx, inbox.id, EVERYTHING, ("uid", "content_id", "size"))
    return Maildrop(inbox.id, inbox.uidvalidity, rows, await mailbox.uidls(tx, inbox.id))


async def count_messages(tx: Tx, account_id: int) -> int:
    """How many there are to open."""
    inbox = await mailbox.inbox(tx, account_id)
    return inbox.messages if inbox else 0
