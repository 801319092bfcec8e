"""Letters of the spool that are not taken go back to whoever wrote them, as mail does that other servers refuse.

Nobody else is told: a name that he may not use as a sender is not his, and what he wrote goes back to his own.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from correo.clock import Chance
from correo.delivery import publish
from correo.delivery.bounce import refused
from correo.mail.address import Address, BadAddress
from correo.mail.dsn import MAX_CONTENT, MAX_HEADER, Affected, Original
from correo.mail.errors import Refused
from correo.mail.message import read_header
from correo.mail.status import Status
from correo.mailbox import prepare
from correo.ops.spool import Found
from correo.receive.local import LocalSenders
from correo.storage.bus import Bus
from correo.storage.db import Database
from correo.wire.smtp.dsn import FULL
from correo.wire.smtp.letter import Letter, Outcome, Verdict
from correo.wire.smtp.syntax import decode_xtext

MAX_AFFECTED = 1000  # recipients that a notice names, as many as a message may have

log = structlog.get_logger("correo")


@dataclass(frozen=True, slots=True)
class Desk:
    """What notices are written and sent with."""

    db: Database
    bus: Bus
    chance: Chance
    hostname: str
    origin: str  # the domain of those who write here
    lifetime: int  # µs that a notice may wait for another server
    senders: LocalSenders


async def send_back(desk: Desk, found: Found, outcome: Outcome, now: int) -> bool:
    """Whether whoever wrote it is told. He is not where he wants no notice, or has no address, or nobody would get what he is told."""
    letter = found.letter
    author = _author(desk, found)
    failures = _failures(letter, outcome)
    if author is None or not failures or (letter.notify and "FAILURE" not in letter.notify.split(",")):
        return False
    original = _original(letter, author, min(max(0, found.written), now))
    try:
        returned = await desk.db.write(
            refused,
            original,
            failures,
            hostname=desk.hostname,
            lifetime=desk.lifetime,
            chance=desk.chance,
            now=now,
        )
    except Refused as error:
        log.error("a letter in the spool cannot be sent back", uid=found.uid, reason=error.detail)
        return False
    publish(desk.bus, returned.accepted)
    return not returned.accepted.discarded


def _author(desk: Desk, found: Found) -> Address | None:
    """The sender, if he may call himself so; None where nobody is to be told (RFC 5321 §6.1)."""
    if not found.letter.sender:
        return None
    user = desk.senders.name(found.uid)
    sender = _parsed(found.letter.sender)
    if sender is not None and desk.senders.allows(user, sender):
        return sender
    return _parsed(f"{user}@{desk.origin}")


def _original(letter: Letter, author: Address, arrived: int) -> Original:
    _, end = read_header(letter.text)
    whole = letter.ret in ("", FULL) and len(letter.text) <= MAX_CONTENT and _is_lines(letter.text)
    header = letter.text[:end]
    summary = prepare(header[:MAX_HEADER]).summary
    return Original(
        author,
        arrived,
        summary.message_id,
        summary.subject,
        header,
        decode_xtext(letter.envelope_id) or "",
        letter.text if whole else b"",
    )


def _is_lines(text: bytes) -> bool:
    """Whether it has no line ends but CR LF: others cannot be sent (RFC 5321 §2.3.8)."""
    ends = text.count(b"\r\n")
    return text.count(b"\r") == ends == text.count(b"\n")


def _failures(letter: Letter, outcome: Outcome) -> list[Affected]:
    """All recipients, for a letter is sent to all or to none; those first on whose account it was."""
    status = outcome.status
    if outcome.verdict is Verdict.REFUSED and status.temporary:  # it would never do, and was not tried again
        status = Status(550, f"5{status.enhanced[1:]}" if status.enhanced else "", status.text)
    why = status
    if outcome.refused:
        because = f"Nothing was sent, because {outcome.refused[0]} was refused: {status}"
        why = Status(550 if status.permanent else 450, f"{status.code // 100}.0.0", because)
    guilty = dict.fromkeys(outcome.refused, status)
    told = [*guilty.items(), *((name, why) for name in letter.recipients if name not in guilty)]
    return [
        Affected(address, "", said, "", 0)
        for name, said in told[:MAX_AFFECTED]
        if (address := _parsed(name)) is not None
    ]


def _parsed(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except BadAddress:
        return None
