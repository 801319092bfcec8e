"""What the SMTP client core and whoever uses it say to each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from correo.mail.address import Address
from correo.mail.wishes import Wishes
from correo.wire import Need
from correo.wire.smtp.reply import Reply
from correo.wire.smtp.terms import DeliverBy

_LIMIT = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)=([1-9][0-9]{0,5})")  # RFC 9422 §3, and the values of §4


class Stage(Enum):
    """What the server answers next."""

    GREETING = "greeting"
    HELLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    RESET = "RSET"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BODY = "end of DATA"
    QUIT = "QUIT"


@dataclass(frozen=True, slots=True)
class Extensions:
    """What EHLO announced: keywords in capitals, with their parameters."""

    keywords: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, reply: Reply) -> Extensions:
        keywords: dict[str, str] = {}
        for line in reply.lines[1:]:
            # "AUTH=PLAIN" is how drafts of RFC 4954 once spelled it, and some servers still spell it both ways.
            keyword, _, parameters = line.replace("AUTH=", "AUTH ", 1).partition(" ")
            before = keywords.get(keyword.upper(), "")
            keywords[keyword.upper()] = f"{before} {parameters}".strip()
        return cls(keywords)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    @property
    def size(self) -> int:
        """The largest message the server takes, in octets; 0 if it does not say (RFC 1870 §4)."""
        digits = self.keywords.get("SIZE", "")
        return int(digits) if digits.isdecimal() and digits.isascii() and len(digits) <= 20 else 0

    def limit(self, name: str) -> int:
        """RCPTMAX, MAILMAX or RCPTDOMAINMAX as the server has announced it (RFC 9422 §4); 0: it has not."""
        words = (_LIMIT.fullmatch(word) for word in self.keywords.get("LIMITS", "").split())
        return next((int(match[2]) for match in words if match and match[1].upper() == name), 0)

    @property
    def min_by_time(self) -> int:
        """The least time in seconds in which the server promises to deliver (RFC 2852 §2)."""
        word = self.keywords.get("DELIVERBY", "").partition(",")[0]
        return int(word) if word.isdecimal() and word.isascii() and len(word) <= 9 else 0

    @property
    def mechanisms(self) -> frozenset[str]:
        return frozenset(self.keywords.get("AUTH", "").upper().split())


@dataclass(frozen=True, slots=True)
class Transaction:
    """An envelope. `utf8` and `body` become parameters where the server has announced them."""

    sender: Address | None  # None is the null reverse-path
    recipients: Sequence[Address]
    size: int  # octets, or an estimate
    body: str = "7BIT"
    utf8: bool = False
    wishes: Sequence[Wishes] = ()  # one for each recipient, or none at all
    ret: str = ""
    envelope_id: str = ""
    requiretls: bool = False  # RFC 8689 §2
    by: DeliverBy | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """For one recipient: the reply that decided, and what it answered. No reply: the connection was lost before."""

    stage: Stage
    reply: Reply | None


@dataclass(frozen=True, slots=True)
class Greeted:
    reply: Reply

    @property
    def name(self) -> str:
        """What the server calls itself, in lower case; "" if it does not say (RFC 5321 §4.2)."""
        words = self.reply.lines[0].split()
        return words[0].lower() if words else ""


@dataclass(frozen=True, slots=True)
class Hello:
    extensions: Extensions


@dataclass(frozen=True, slots=True)
class TlsReady:
    """Begin the handshake, then call `tls_started` and say hello again."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    pass


@dataclass(frozen=True, slots=True)
class Refused:
    """The greeting, EHLO and HELO, STARTTLS or AUTH was answered with a no; the connection is still there."""

    stage: Stage
    reply: Reply


@dataclass(frozen=True, slots=True)
class BodyWanted:
    """At least one recipient was accepted: `send_body` until all is sent, then `end_body`."""


@dataclass(frozen=True, slots=True)
class Done:
    """The transaction is over; one result for each recipient, in order."""

    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Bye:
    pass


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is of no more use. `reply` is the server's last word on it, if it had one (421)."""

    stage: Stage | None  # what was outstanding
    reason: str
    reply: Reply | None
    results: tuple[Result, ...]  # of the transaction that was going on; empty if there was none


Event: TypeAlias = Greeted | Hello | TlsReady | LoggedIn | Refused | BodyWanted | Done | Bye | Lost | Need
