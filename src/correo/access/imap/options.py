"""What a listener is told: its limits, and what all sessions share."""

from __future__ import annotations

from dataclasses import dataclass, field

from correo.access.imap.answers import Answers
from correo.access.imap.octets import Octets
from correo.accounts.login import Logins
from correo.clock import Chance, Clock
from correo.net.limits import Budget
from correo.storage.bus import Bus
from correo.storage.db import Database
from correo.storage.index import Index

MEMORY = 512 * 1024 * 1024  # octets of literals being received at once, where nothing else is said


@dataclass(frozen=True, slots=True)
class ImapOptions:
    hostname: str
    starttls: bool  # STARTTLS is offered: the listener has a certificate
    allow_plaintext: bool
    idle: float  # seconds between commands; RFC 3501 §5.4 wants 30 minutes at least
    login_time: float  # seconds
    append_limit: int  # octets of one message
    message_limit: int = 0  # messages that one command may touch, 0 for any number (RFC 9738)
    save_limit: int = 0  # messages that one COPY or APPEND may bring, 0 for any number
    outbox: str = ""  # the mailbox in which people see what they have sent and still waits; "" for none


@dataclass(frozen=True, slots=True)
class Services:
    """What sessions share."""

    db: Database
    bus: Bus
    clock: Clock
    chance: Chance
    logins: Logins
    options: ImapOptions
    octets: Octets = field(default_factory=Octets)
    budget: Budget = field(default_factory=lambda: Budget(MEMORY))
    index: Index | None = None  # of texts, for SEARCH
    answers: Answers = field(default_factory=Answers)
