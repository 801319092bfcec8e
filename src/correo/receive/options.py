"""What a listener is told: its profile, its limits, and what all sessions share."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from correo.accounts import Logins, SendLimits
from correo.clock import Chance, Clock
from correo.delivery import Outlet
from correo.mail.instant import DAY, HOUR
from correo.net.limits import Budget
from correo.net.networks import NOBODY, Networks
from correo.receive.local import LocalSenders
from correo.receive.rates import NetworkRates
from correo.storage.bus import Bus
from correo.storage.db import Database


class Profile(Enum):
    """For whom a listener is. The value is what the ledger calls it."""

    MX = "smtp"  # other servers, port 25: mail for our own accounts
    SUBMISSION = "submission"  # people's mail programs, RFC 6409: after login, mail for anybody
    LMTP = "lmtp"  # a server in front of us, RFC 2033: mail for our own accounts


ALL = frozenset(Profile)
SMTP = frozenset({Profile.MX, Profile.SUBMISSION})
SUBMISSION = frozenset({Profile.SUBMISSION})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may ask. Times are in seconds, sizes in octets."""

    # Announced as SIZE; what most large services take, attachments encoded.
    message_size: int = 50 * 1024 * 1024
    # As much as mail.message looks at; real ones stay below 100 KB.
    header_size: int = 256 * 1024
    # Of one message; RFC 5321 §4.5.3.1.8 asks for at least 100.
    recipients: int = 1000
    # Refusals since the last message taken; nobody who has mail to send makes so many.
    errors: int = 20
    # Since the last message taken, of those that bring no mail nearer: NOOP, RSET, VRFY, ...
    idle_commands: int = 100
    # A mail program tries two or three mechanisms with one password, then asks its user.
    failed_logins: int = 3
    # What one account may submit, and one network (IPv4 address or IPv6 /64), whoever logs in from it.
    sending: SendLimits = field(default_factory=SendLimits)
    network_sending: SendLimits = field(default_factory=SendLimits)
    # Mail for an account that has no room is refused for good, instead of for now.
    reject_over_quota: bool = False
    # Received fields before a message is taken to be in a loop; RFC 5321 §6.3 asks for at least 100.
    received: int = 100
    # Until a command is complete; RFC 5321 §4.5.3.2.7 asks for 5 minutes.
    idle: float = 300.0
    # From 354 to the final dot: who is slower holds memory for nothing.
    message_time: float = 1800.0


@dataclass(frozen=True, slots=True)
class ReceiveOptions:
    hostname: str
    profile: Profile
    starttls: bool = False  # offered: the listener has a certificate
    allow_plaintext: bool = False  # passwords may cross without TLS: for tests on loopback
    expire: int = 5 * DAY  # µs; RFC 5321 §4.5.4.1 asks for 4 to 5 days
    warn_after: int = 4 * HOUR  # µs, 0 = never
    hold_max: int = 30 * DAY  # µs for which a message may be held (RFC 4865), 0 = not at all
    priority_from: Networks = (
        NOBODY  # servers whose MT-PRIORITY counts; that of people who logged in does anyway
    )
    xclient_from: Networks = NOBODY  # servers in front, which may say for whom they speak
    strict: bool = False  # hang up on clients that do what honest ones do not (`conversation.Note`)
    mend_newlines: bool = False  # a CR or LF alone in a message becomes CR LF, instead of a refusal
    local: LocalSenders | None = None  # those who come by a local socket need not log in
    dsn: bool = True  # other servers may ask for notices (RFC 3461), too; mail programs always may
    expn: bool = False  # people who logged in may ask to whom an alias leads
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Services:
    """What sessions share."""

    db: Database
    bus: Bus
    clock: Clock
    chance: Chance
    logins: Logins
    budget: Budget
    rates: NetworkRates = field(default_factory=NetworkRates)
    outlet: Outlet = field(default_factory=Outlet)
