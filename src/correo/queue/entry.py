"""What the two tables hold, as values; the columns are named here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from correo.mail.address import Address
from correo.mail.protection import Protection
from correo.mail.status import Status
from correo.mail.terms import PLAIN, Terms
from correo.mail.wishes import NONE, Notify, Wishes
from correo.queue.states import State
from correo.storage.db import Row, Tx

UNSAID = -1  # in the column `notify`: the sender asked for nothing in particular
LOOKUP = 64  # ids in one statement; the last lot is padded, so that few different statements are prepared


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    id: int
    sender: str  # "" is the null reverse-path
    content_id: int
    skip: int  # octets at the front of the content that stay here
    size: int  # octets that are sent
    body: str  # "7BIT" or "8BITMIME"
    utf8: bool
    account_id: int  # 0: came from elsewhere
    created: int
    expires: int  # when it is given up
    warn_at: int  # when the sender is told that it still waits; 0: never
    ret: str = ""  # FULL, HDRS or "" (RFC 3461 §4.3)
    envelope_id: str = ""  # in xtext (RFC 3461 §4.4)
    terms: Terms = PLAIN  # what is claimed does not know any more until when it was held

    @property
    def gives_up(self) -> int:
        """When it is returned at the latest: it has expired, or its sender wants it back (RFC 2852 §4)."""
        return min(self.expires, self.terms.deliver_by) if self.terms.by_return else self.expires


@dataclass(frozen=True, slots=True)
class NewRecipient:
    id: int
    address: str  # as it will be written in RCPT TO
    original: str  # what the sender wrote, from which an alias may have led here
    destination: str  # comparison form of the domain
    wishes: Wishes = NONE
    local: bool = False  # `address` is an account here, for which the message is held


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's word that it begins at once with what is queued for `destinations`."""

    owner: str
    until: int
    destinations: frozenset[str]


@dataclass(frozen=True, slots=True)
class QueuedRecipient:
    id: int
    message: QueuedMessage
    address: str
    folded: str
    original: str
    destination: str
    state: State
    attempts: int
    next_try: int
    lease: str
    lease_until: int
    warned: bool
    status: Status | None  # the last answer
    host: str
    created: int
    wishes: Wishes = NONE
    local: bool = False

    @property
    def parsed(self) -> Address:
        return Address.parse(self.address)

    @property
    def warn_at(self) -> int:
        """When the sender is to be told that it still waits; 0: has been told, or never."""
        return 0 if self.warned or not self.wishes.wants(Notify.DELAY) else self.message.warn_at


MESSAGE = "id, sender, content_id, skip, size, body, utf8, account_id, created, expires, warn_at, ret, envid, deliver_by, by_mode, priority, tls"
RECIPIENT = (
    "id, message_id, address, folded, original, destination, state, attempts, next_try, lease, lease_until, "
    "warned, code, enhanced, reply, host, created, notify, orcpt, local"
)


def message_of(row: Row) -> QueuedMessage:
    id, sender, content_id, skip, size, body, utf8, account_id, created, expires, warn_at = row[:11]
    ret, envelope_id, deliver_by, by_mode, priority, tls = row[11:]
    return QueuedMessage(
        id,
        sender,
        content_id,
        skip,
        size,
        body,
        bool(utf8),
        account_id,
        created,
        expires,
        warn_at,
        ret,
        envelope_id,
        Terms(0, deliver_by, "R" in by_mode, "T" in by_mode, priority, Protection(tls)),
    )


def recipient_of(row: Row, message: QueuedMessage) -> QueuedRecipient:
    id, _, address, folded, original, destination, state, attempts, next_try, lease, lease_until = row[:11]
    warned, code, enhanced, reply, host, created, notify, orcpt, local = row[11:]
    return QueuedRecipient(
        id,
        message,
        address,
        folded,
        original,
        destination,
        State(state),
        attempts,
        next_try,
        lease,
        lease_until,
        bool(warned),
        Status(code, enhanced, reply) if code else None,
        host,
        created,
        wishes_of(notify, orcpt),
        bool(local),
    )


def wishes_of(notify: int, original: str) -> Wishes:
    """Out of the two columns."""
    if notify == UNSAID and not original:
        return NONE
    return Wishes(None if notify == UNSAID else Notify(notify), original)


async def with_messages(tx: Tx, rows: Sequence[Row]) -> list[QueuedRecipient]:
    """Rows of RECIPIENT columns together with their messages, in the order of the rows."""
    wanted = sorted({row[1] for row in rows})
    messages: dict[int, QueuedMessage] = {}
    places = ", ".join(f"${number}" for number in range(1, LOOKUP + 1))
    for start in range(0, len(wanted), LOOKUP):
        lot = wanted[start : start + LOOKUP]
        if len(lot) == 1:
            found = await tx.all(f"SELECT {MESSAGE} FROM queue_message WHERE id = $1", lot[0])
        else:
            lot += [lot[-1]] * (LOOKUP - len(lot))
            found = await tx.all(f"SELECT {MESSAGE} FROM queue_message WHERE id IN ({places})", *lot)
        messages.update((row[0], message_of(row)) for row in found)
    return [recipient_of(row, messages[row[1]]) for row in rows]
