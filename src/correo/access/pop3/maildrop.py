"""The inbox as one session sees it: numbered at login, marks kept until QUIT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from correo import mailbox
from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx


@dataclass(slots=True)
class Drop:
    """One message of the maildrop."""

    uid: int
    content_id: int
    size: int
    deleted: bool = False
    fetched: bool = False


class Maildrop:
    """Message numbers start at 1 and do not change (RFC 1939 §5); deletion is a mark until `deleted` is expunged."""

    def __init__(self, mailbox_id: int, uidvalidity: int, drops: Sequence[Drop]) -> None:
        self.mailbox_id = mailbox_id
        self.uidvalidity = uidvalidity
        self.drops = drops

    def find(self, number: int) -> Drop:
        """Raises Refused(NOT_FOUND) for a number that is out of range or marked as deleted."""
        if not 1 <= number <= len(self.drops) or self.drops[number - 1].deleted:
            raise Refused(Kind.NOT_FOUND)
        return self.drops[number - 1]

    def remaining(self) -> list[tuple[int, Drop]]:
        return [(number, drop) for number, drop in enumerate(self.drops, 1) if not drop.deleted]

    def unique_id(self, drop: Drop) -> str:
        """Stable for ever and never used again: UIDs grow, and UIDVALIDITY tells lives of the mailbox apart."""
        return f"{self.uidvalidity:x}.{drop.uid:x}"

    def reset(self) -> None:
        for drop in self.drops:
            drop.deleted = False


async def open_maildrop(tx: Tx, account_id: int) -> Maildrop:
    inbox = await mailbox.inbox(tx, account_id)
    if inbox is None:
        raise Refused(Kind.UNAVAILABLE, f"account {account_id} has no inbox")
    messages = await mailbox.messages(tx, inbox.id)
    drops = [Drop(message.uid, message.content_id, message.size) for message in messages]
    return Maildrop(inbox.id, inbox.uidvalidity, drops)
