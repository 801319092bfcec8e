"""A mailbox as one session has it open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from correo.access.imap.batches import Asked
from correo.access.imap.flags import Announced
from correo.access.imap.recency import Recency
from correo.access.imap.revisions import REV2, UIDONLY
from correo.access.imap.rights import Access
from correo.access.imap.view import View
from correo.access.imap.wishes import Fresh
from correo.mailbox import ALL_RIGHTS, Mailbox, Rights
from correo.wire.imap import encode

if TYPE_CHECKING:
    from correo.access.imap.contexts import Context


@dataclass(slots=True)
class Selected:
    """Known by its id, so that it stays open when it is renamed."""

    access: Access
    rights: Rights  # as they were when they were looked at last
    read_only: bool
    view: View
    announced: Announced
    vanished: bool = False  # somebody deleted it, or took away the right to read it
    enabled: set[str] = field(default_factory=set)  # of the session, which enables more while this is open
    contexts: dict[str, Context] = field(default_factory=dict)  # by the tag of the search (RFC 5267 §4.3)
    owes_highest: bool = False  # the client cannot tell from what it heard up to where it knows everything
    arrived: list[int] = field(default_factory=list)  # UIDs of which EXISTS was told last
    fresh: Fresh = field(default_factory=dict)  # of which more is to be told (RFC 5465 §5.2)
    batches: Asked = field(default_factory=dict)  # what UIDBATCHES has answered (RFC 10022 §3.1.1)
    recency: Recency = field(default_factory=Recency)

    @classmethod
    def of(
        cls,
        access: Access,
        box: Mailbox,
        uids: list[int],
        *,
        read_only: bool,
        enabled: set[str],
        rights: Rights = ALL_RIGHTS,
    ) -> Selected:
        announced = Announced(read_only, rights)
        return cls(access, rights, read_only, View(uids, box.modseq), announced, enabled=enabled)

    @property
    def mailbox_id(self) -> int:
        return self.access.mailbox_id

    @property
    def reader(self) -> int:
        """Whose \\Seen is shown and set (`mailbox.seen`)."""
        return self.access.reader

    @property
    def visits(self) -> bool:
        """Nothing is recent to a visitor: it is for the owner's sessions to be told of it first (RFC 3501 §2.3.2)."""
        return not self.access.own and not self.access.shared

    @property
    def condstore(self) -> bool:
        """FETCH responses nobody asked for tell UID and MODSEQ (RFC 7162 §3.1, §3.2.4)."""
        return "CONDSTORE" in self.enabled

    @property
    def vanishes(self) -> bool:
        """VANISHED is said where it was EXPUNGE (RFC 7162 §3.2.10, RFC 9586 §3.4, §3.6)."""
        return "QRESYNC" in self.enabled or self.uid_only

    @property
    def rev2(self) -> bool:
        """There is no \\Recent, and SEARCH is answered by ESEARCH (RFC 9051 appendix E)."""
        return REV2 in self.enabled

    @property
    def uid_only(self) -> bool:
        """No response tells a message number (RFC 9586 §3)."""
        return UIDONLY in self.enabled

    def fetch_response(self, uid: int, attributes: Iterable[bytes]) -> bytes:
        """FETCH, or UIDFETCH, which needs no attribute UID; `attributes` already spelled."""
        if self.uid_only:
            return encode.uidfetch_response(uid, attributes)
        return encode.fetch_response(self.view.number(uid), attributes)
