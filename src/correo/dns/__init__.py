"""What the DNS says, as values.

In: a name and a record type. Out: an `Answer`: there are records, the name has none of that type, or there is no such
name. All three are certain, and remain so until `expires`. Whatever is not certain (no answer in time, SERVFAIL,
REFUSED, an answer that makes no sense, CNAMEs that never end) raises `DnsFailure`, which always means "try later" and
never "no".

Promised by every `Resolver`, real or fake, and held by `tests/contracts/test_resolver.py`:
- CNAMEs are followed, so `records` belong to the name at their end while `name` is the one that was asked for;
- names come out in lower case without a final dot; the root, as in a null MX, is `"."`;
- a name that cannot be written in the DNS (an empty label, more than 253 characters) is NO_SUCH_DOMAIN;
- records are in the order of the server, without duplicates;
- the only exception is `DnsFailure`.

`client` asks real servers, `cache` remembers, `mx` chooses where mail for a domain goes, `zone` is the fake and `server`
puts it on a socket. dnspython is imported in `codec` only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from correo.dns.records import Mx, Rdtype, Record, ResourceRecord, Soa, Tlsa
from correo.mail.instant import HOUR

__all__ = [
    "MAX_CNAMES",
    "Answer",
    "DnsFailure",
    "Mx",
    "Rdtype",
    "Record",
    "Resolver",
    "ResourceRecord",
    "Soa",
    "Status",
    "Tlsa",
]

MAX_CNAMES = 10  # real chains have up to five or six; common resolvers give up at eleven, and loops must end

R = TypeVar("R", str, bytes, Mx, Tlsa, Soa)


class Status(Enum):
    OK = "records found"
    NO_DATA = "no records of this type"
    NO_SUCH_DOMAIN = "no such domain"


class DnsFailure(Exception):
    """The DNS gave no certain answer: try later. `reason` is for the log."""

    def __init__(self, name: str, rdtype: str, reason: str) -> None:
        super().__init__(f"{rdtype} {name}: {reason}")
        self.name = name
        self.rdtype = rdtype
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    name: str
    rdtype: Rdtype
    status: Status
    records: tuple[Record, ...]
    authentic: bool  # validated with DNSSEC by a server that we believe (RFC 4035 §3.2.3)
    expires: int  # microseconds since 1970; at that moment the answer is no longer to be used
    canonical: str = ""  # the name at the end of the CNAMEs; "" where there were none

    @classmethod
    def no_such_name(cls, name: str, rdtype: Rdtype, now: int) -> Answer:
        """For a name that the DNS cannot have: no server need be asked, and in an hour it will still be so."""
        return cls(name, rdtype, Status.NO_SUCH_DOMAIN, (), False, now + HOUR)

    def of(self, kind: type[R]) -> tuple[R, ...]:
        """The records as what they are: `str` for addresses and names, `bytes` for TXT, `Mx`, `Tlsa`, `Soa`."""
        return tuple(record for record in self.records if isinstance(record, kind))


class Resolver(Protocol):
    async def lookup(self, name: str, rdtype: Rdtype) -> Answer:
        """Raises DnsFailure."""
        ...
