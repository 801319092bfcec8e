"""What the owner of an account may see of a journey: his own part of it, and nothing that tells of others. Pure.

What he has submitted is his own: he sees what became of each recipient he named, Bcc or not, with the words of their servers.
Where an alias leads, and in which mailbox of somebody else his message lies, is not his business (RFC 3461 §5.2.7.4). Of what
others have sent to him he sees what concerns his own address, and no other recipient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from correo.ledger.entries import Event
from correo.ledger.journeys import Entry, Journey


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose account it is. `apart`: addresses that are his by their tag (bob+shop@...), but an account or an alias of their own."""

    address: str  # comparison form
    since: int = 0  # when it became his (µs): what came before was another's
    apart: frozenset[str] = frozenset()

    def has(self, recipient: str) -> bool:
        """Whether this address (comparison form) is his."""
        if recipient == self.address:
            return True
        user, at, host = recipient.rpartition("@")
        untagged = user.partition("+")[0]
        return untagged != user and f"{untagged}{at}{host}" == self.address and recipient not in self.apart


_FROM_OUTSIDE = ("smtp", "lmtp")  # whose client's address stands in the message for everybody to read


def seen_by(owner: Owner, journey: Journey) -> Journey | None:
    """As the owner may see it; None where it is none of his."""
    if journey.at < owner.since:
        return None
    if journey.account == owner.address:
        return replace(journey, entries=_as_sender(owner, journey.entries))
    entries = _as_recipient(owner, journey.entries)
    if not entries:
        return None
    told = journey.protocol in _FROM_OUTSIDE and not journey.account
    return replace(journey, account="", source=journey.source if told else "", entries=entries)


def _as_sender(owner: Owner, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    named = {entry.recipient for entry in entries if entry.event is Event.ACCEPTED}
    shown = []
    for entry in entries:
        if entry.recipient not in named:
            continue  # an alias led there
        if entry.event is Event.EXPANDED:
            entry = replace(entry, detail="", delta=-1)  # for him it ends here
        elif entry.event is Event.DELIVERED and not owner.has(entry.recipient):
            entry = replace(entry, detail="")
        shown.append(entry)
    return tuple(shown)


def _as_recipient(owner: Owner, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    shown = []
    for entry in entries:
        if owner.has(entry.recipient):
            shown.append(entry)
        elif entry.event is Event.EXPANDED and (his := list(filter(owner.has, entry.detail.split()))):
            shown.append(
                replace(entry, detail=" ".join(his), delta=len(his))
            )  # of all it leads to, this is he
    return tuple(shown) if any(owner.has(entry.recipient) for entry in shown) else ()
