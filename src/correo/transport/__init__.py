"""Mail leaves: from the queue to the servers of others.

In: recipients that are due, claimed from `correo.queue`. Out: for each an `Outcome`, settled in one transaction with the
ledger and with the notice to the sender, if there is to be one.

    worker      claims, delivers side by side within limits, settles             Worker
    leases      under which name, and what the dead have left
    settling    what an outcome does to queue and ledger, as one transaction     settle
    remote      delivers one message: finds hosts, tries them in order           RemoteTransport
    routes      which mail goes another way              paths       how each of these ways is gone
    lanes       how much at once, how often, when not    resting     what is put off while a destination is down
    hops        which hosts: MX, address literals        smarthost   which host: the one that takes everything
    connection  one SMTP connection                      pool        connections kept for the next message
    policy/     how the connection must be protected     guard       the part of it that is always there

Promised:
- Every recipient handed to `deliver` gets exactly one outcome, whatever the other server says, does or does not.
  `Delivered` only where it said so itself, after the whole message.
- A crash at any point loses nothing: what was not settled is tried again when its lease ends. Towards other servers that
  is at least once, as RFC 5321 §4.5.4.1 has it; inside Correo exactly once.
- Refusals are outcomes, not exceptions. Without one ends only a delivery that is cancelled, or whose content cannot be read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from correo.mail.address import Address
from correo.mail.instant import SECOND
from correo.mail.outcome import Outcome
from correo.mail.terms import PLAIN, Terms
from correo.mail.wishes import Wishes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be sent. `content` is read when a server wants it, so that waiting for one costs no memory."""

    sender: Address | None  # None is the null reverse-path
    content: Callable[[], Awaitable[bytes]]
    size: int  # octets
    body: str  # "7BIT" or "8BITMIME"
    utf8: bool  # needs SMTPUTF8
    wishes: Mapping[str, Wishes] = field(
        default_factory=dict
    )  # by folded recipient, where something was said
    ret: str = ""
    envelope_id: str = ""
    terms: Terms = PLAIN
    destination: str = ""  # as the queue has it; "" for the domain of the recipients
    now: Callable[[], int] = lambda: 0  # µs UTC, to tell a server how much time is left

    @property
    def seconds_left(self) -> int:
        """Until it is to be there, rounded down; 0 or less where that time has come (RFC 2852 §4.1.3)."""
        return (self.terms.deliver_by - self.now()) // SECOND


class Transport(Protocol):
    def lane(self, destination: str) -> str:
        """What mail to this destination of the queue has in common with other mail: connections, and the limit on their number."""
        ...

    async def deliver(self, message: Outgoing, recipients: Sequence[Address]) -> list[Outcome]:
        """One outcome for each recipient, in order. All of them belong to one lane."""
        ...

    async def close(self) -> None:
        """Say goodbye on connections that are kept open."""
        ...
