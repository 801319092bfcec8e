"""Which of a sender's terms are granted: who may hold mail, for how long, and whose priorities count (RFC 4865, RFC 2852, RFC 6710)."""

from __future__ import annotations

from correo.mail.instant import SECOND
from correo.mail.message import Header
from correo.mail.terms import Terms
from correo.receive.conversation import Conversation
from correo.receive.options import Profile
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.terms import DeliverBy, read_priority, show_date_time

PRIORITY_FIELD = b"mt-priority"


def grants_hold(talk: Conversation) -> bool:
    """For those who submit mail, not for servers (RFC 4865 §3)."""
    return talk.profile is Profile.SUBMISSION and talk.options.hold_max > 0


def trusts_priority(talk: Conversation) -> bool:
    """Whether the client may say what is urgent (RFC 6710 §4.1)."""
    return talk.account is not None or talk.peer.address in talk.options.priority_from


def keywords(talk: Conversation) -> list[str]:
    words = ["DELIVERBY"]
    if grants_hold(talk):
        longest = talk.options.hold_max
        latest = show_date_time(talk.services.clock.now() + longest)
        words.append(f"FUTURERELEASE {longest // SECOND} {latest}")
    # To clients whose priorities would not count, it is not offered.
    if talk.profile is Profile.SUBMISSION or trusts_priority(talk):
        words.append("MT-PRIORITY")
    return words


def release_time(talk: Conversation, hold_for: int | None, hold_until: int | None) -> int | Reply:
    """When the message may leave, µs UTC; 0 where nothing was asked for."""
    if hold_for is None and hold_until is None:
        return 0
    if not grants_hold(talk):
        return reply(555, "5.5.4", "Messages are not held here")
    if hold_for is not None and hold_until is not None:
        return reply(501, "5.5.4", "Give HOLDFOR or HOLDUNTIL, not both")
    now = talk.services.clock.now()
    at = hold_until if hold_until is not None else now + (hold_for or 0) * SECOND
    if at < now:
        return reply(501, "5.5.4", "HOLDUNTIL is in the past")
    if at > now + talk.options.hold_max:
        return reply(501, "5.5.4", "Messages are not held for so long")
    return at


def terms(talk: Conversation, hold_until: int, by: DeliverBy | None, priority: int) -> Terms:
    """What is granted. The time a message has begins when it is released."""
    granted = priority if trusts_priority(talk) else 0
    if by is None:
        return Terms(hold_until, priority=granted)
    begin = hold_until or talk.services.clock.now()
    return Terms(hold_until, max(1, begin + by.seconds * SECOND), by.returns, by.trace, granted)


def tunnelled(talk: Conversation, header: Header) -> int | None:
    """The priority that the header names, from somebody whose priorities count (RFC 6758 §3.1)."""
    values = header.every(PRIORITY_FIELD)
    if len(values) != 1 or not trusts_priority(talk):
        return None
    return read_priority(values[0].decode("ascii", "replace").strip())
