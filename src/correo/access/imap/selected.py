"""A mailbox as one session has it open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from correo.access.imap.flags import Announced
from correo.access.imap.view import View
from correo.mailbox import Mailbox

if TYPE_CHECKING:
    from correo.access.imap.contexts import Context


@dataclass(slots=True)
class Selected:
    """Known by its id, so that it stays open when it is renamed."""

    mailbox_id: int
    read_only: bool
    view: View
    announced: Announced
    vanished: bool = False  # somebody deleted it
    enabled: set[str] = field(default_factory=set)  # of the session, which enables more while this is open
    contexts: dict[str, Context] = field(default_factory=dict)  # by the tag of the search (RFC 5267 §4.3)
    owes_highest: bool = False  # the client cannot tell from what it heard up to where it knows everything

    @classmethod
    def of(cls, box: Mailbox, uids: list[int], *, read_only: bool, enabled: set[str]) -> Selected:
        return cls(box.id, read_only, View(uids, box.modseq), Announced(read_only), enabled=enabled)

    @property
    def condstore(self) -> bool:
        """FETCH responses nobody asked for tell UID and MODSEQ (RFC 7162 §3.1, §3.2.4)."""
        return "CONDSTORE" in self.enabled

    @property
    def qresync(self) -> bool:
        """VANISHED is said where it was EXPUNGE (RFC 7162 §3.2.10)."""
        return "QRESYNC" in self.enabled
