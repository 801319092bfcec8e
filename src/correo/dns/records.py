"""The records that Correo asks for, as plain values.

An address (A, AAAA) is its text, a name (CNAME, PTR, NS) is folded text, TXT is its strings joined as octets
(RFC 7208 §3.3); what has several fields is a dataclass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Rdtype: TypeAlias = Literal["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "TLSA", "TXT"]


@dataclass(frozen=True, slots=True)
class Mx:
    """RFC 5321 §5.1. `exchange` is any name, not necessarily that of a possible host; `"."` as RFC 7505 says."""

    preference: int
    exchange: str


@dataclass(frozen=True, slots=True)
class Tlsa:
    """RFC 6698 §2.1."""

    usage: int
    selector: int
    matching: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Soa:
    """RFC 1035 §3.3.13; all times in seconds."""

    mname: str
    rname: str
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int  # how long a "no" may be believed, RFC 2308 §4


Record: TypeAlias = str | bytes | Mx | Tlsa | Soa


@dataclass(frozen=True, slots=True)
class ResourceRecord:
    """One line of a zone: a record with its owner and its time to live in seconds."""

    owner: str
    ttl: int
    rdtype: Rdtype
    record: Record
