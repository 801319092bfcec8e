"""A mailbox as one session has it open."""

from __future__ import annotations

from dataclasses import dataclass

from correo.access.imap.flags import Announced
from correo.access.imap.view import View
from correo.mailbox import Mailbox


@dataclass(slots=True)
class Selected:
    """Known by its id, so that it stays open when it is renamed."""

    mailbox_id: int
    read_only: bool
    view: View
    announced: Announced
    vanished: bool = False  # somebody deleted it

    @classmethod
    def of(cls, box: Mailbox, uids: list[int], *, read_only: bool) -> Selected:
        return cls(box.id, read_only, View(uids, box.modseq), Announced(read_only))
