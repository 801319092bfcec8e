"""Between values and DNS messages (RFC 1035 §4): the only module that knows dnspython.

The upper half is the client's (`write_query`, `Query.matches`, `read_reply`), the lower the server's (`read_request`,
`write_response`). Octets from strangers raise `Malformed` and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.NS
import dns.rdtypes.ANY.PTR
import dns.rdtypes.ANY.SOA
import dns.rdtypes.ANY.TLSA
import dns.rdtypes.ANY.TXT
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.rrset

from correo.dns import MAX_CNAMES, names
from correo.dns.records import Mx, Rdtype, Record, ResourceRecord, Soa, Tlsa

PAYLOAD = 1232  # octets over UDP: fits every path unfragmented (IPv6's 1280 less the headers), as DNS Flag Day 2020 settled
CLASSIC_PAYLOAD = 512  # octets over UDP without EDNS, RFC 1035 §4.2.1
# Of one message, in all its sections: 64 KiB could hold 5000, whose names take the parser the better part of a second; no
# domain in use has a quarter of this.
MAX_RECORDS = 512
UNPREDICTABLE = 34  # octets of chance in a query: two for the id, one bit for the case of each of 253 letters

_HEADER = 12
_IN = dns.rdataclass.IN


class Rcode(IntEnum):
    """The response codes that decide something here (RFC 1035 §4.1.1, RFC 6891 §9)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16


class Malformed(Exception):
    """The octets are no DNS message, or one that cannot be an answer; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Query:
    name: str
    rdtype: Rdtype
    wire: bytes
    end: int  # of the question in `wire`

    def matches(self, data: bytes) -> bool:
        """Whether `data` may answer this query: the same id, the same question but for its case, and a response."""
        if len(data) < _HEADER or data[:2] != self.wire[:2] or data[2] & 0xF8 != 0x80:
            return False
        if data[4:6] == b"\0\0":
            # A server that cannot read a question does not repeat it; such a message can be an error, never an answer.
            return data[3] & 0x0F not in (Rcode.NOERROR, Rcode.NXDOMAIN)
        # Neither length octets nor our types and class are letters, so lower() touches names only.
        return (
            data[4:6] == b"\0\1" and data[_HEADER : self.end].lower() == self.wire[_HEADER : self.end].lower()
        )

    def same_case(self, data: bytes) -> bool:
        """Whether a matching `data` repeats the random case of the question: a guess of it is very unlikely."""
        return data[4:6] == b"\0\0" or data[_HEADER : self.end] == self.wire[_HEADER : self.end]


def write_query(name: str, rdtype: Rdtype, chance: bytes, *, edns: bool) -> Query:
    """A recursive query for a folded `name`; `chance` is UNPREDICTABLE octets that make it hard to forge an answer."""
    bits = int.from_bytes(chance[2:], "big")
    mixed = "".join(letter.upper() if bits >> place & 1 else letter for place, letter in enumerate(name))
    # AD asks for the AD bit without the signatures that DO would bring (RFC 6840 §5.7).
    message = dns.message.QueryMessage(id=int.from_bytes(chance[:2], "big"))
    message.flags = dns.flags.RD | dns.flags.AD
    owner = dns.name.Name(names.labels(mixed))
    message.question.append(dns.rrset.RRset(owner, _IN, dns.rdatatype.from_text(rdtype)))
    if edns:
        message.use_edns(0, payload=PAYLOAD)
    return Query(name, rdtype, message.to_wire(), _HEADER + sum(len(label) + 1 for label in owner.labels) + 4)


def is_truncated(data: bytes) -> bool:
    """The TC bit of a message of which nothing but the header need be well formed."""
    return bool(data[2] & 0x02)


@dataclass(frozen=True, slots=True)
class Reply:
    rcode: int
    tail: str  # the name at the end of the CNAMEs
    records: tuple[Record, ...]
    ttl: int  # seconds: the least of all records used, or what a "no" may be believed (RFC 2308 §5); 0 if unsaid
    authentic: bool
    settled: bool  # whether this is all; otherwise `tail` has yet to be asked for
    lame: bool  # from a server that neither knows nor asks others


def read_reply(query: Query, data: bytes) -> Reply:
    """What a message that matches `query` says. Raises Malformed."""
    message = _parse(data)
    if not isinstance(message, dns.message.QueryMessage):
        raise Malformed("not an answer to a query")
    rcode = int(message.rcode())
    rrsets = {(rrset.name, rrset.rdtype): rrset for rrset in message.answer if rrset.rdclass == _IN}
    owner, ttl, found = _follow(query, rrsets)
    soa = next(
        (rrset for rrset in message.authority if rrset.rdclass == _IN and rrset.rdtype == dns.rdatatype.SOA),
        None,
    )
    tail = names.text(owner.labels)
    records: tuple[Record, ...] = ()
    if found is not None and rcode == Rcode.NOERROR:
        records = tuple(_value(rdata) for rdata in found)
        ttl = min(ttl, found.ttl)
    elif soa is not None:
        ttl = min(ttl, soa.ttl, soa[0].minimum)
    settled = bool(records) or soa is not None or rcode != Rcode.NOERROR or tail == query.name
    return Reply(
        rcode=rcode,
        tail=tail,
        records=records,
        ttl=ttl if records or soa is not None or not settled else 0,
        authentic=bool(message.flags & dns.flags.AD),
        settled=settled,
        lame=not (rcode or rrsets or soa or message.flags & (dns.flags.AA | dns.flags.RA)),
    )


_Index = dict[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.rrset.RRset]


def _follow(query: Query, rrsets: _Index) -> tuple[dns.name.Name, int, dns.rrset.RRset | None]:
    """The end of the CNAMEs, the least of their lifetimes, and the records wanted, if they are there."""
    owner = dns.name.Name(names.labels(query.name))
    wanted = dns.rdatatype.from_text(query.rdtype)
    ttl = 0x7FFFFFFF  # RFC 2181 §8
    for _ in range(MAX_CNAMES + 1):
        if (found := rrsets.get((owner, wanted))) is not None:
            return owner, ttl, found
        if (alias := rrsets.get((owner, dns.rdatatype.CNAME))) is None:
            return owner, ttl, None
        owner, ttl = alias[0].target, min(ttl, alias.ttl)
    raise Malformed("too many CNAMEs")


def _parse(data: bytes) -> dns.message.Message:
    if sum(int.from_bytes(data[place : place + 2], "big") for place in (6, 8, 10)) > MAX_RECORDS:
        raise Malformed("too many records")
    try:
        return dns.message.from_wire(data)
    except Exception as error:
        # Any exception: the octets are hostile, the parser is not ours, and nothing of it survives this line.
        raise Malformed(f"malformed message ({type(error).__name__})") from error


def _value(rdata: Any) -> Record:
    match rdata.rdtype:
        case dns.rdatatype.A | dns.rdatatype.AAAA:
            return str(rdata.address)
        case dns.rdatatype.CNAME | dns.rdatatype.NS | dns.rdatatype.PTR:
            return names.text(rdata.target.labels)
        case dns.rdatatype.MX:
            return Mx(rdata.preference, names.text(rdata.exchange.labels))
        case dns.rdatatype.TXT:
            return b"".join(rdata.strings)
        case dns.rdatatype.TLSA:
            return Tlsa(rdata.usage, rdata.selector, rdata.mtype, rdata.cert)
        case _:
            times = (rdata.serial, rdata.refresh, rdata.retry, rdata.expire, rdata.minimum)
            return Soa(names.text(rdata.mname.labels), names.text(rdata.rname.labels), *times)


@dataclass(frozen=True, slots=True)
class Request:
    name: str
    rdtype: str
    limit: int  # octets of an answer over UDP
    foreign: bool  # of another class than IN
    message: dns.message.Message


def read_request(data: bytes) -> Request:
    """One question. Raises Malformed."""
    message = _parse(data)
    if not isinstance(message, dns.message.QueryMessage) or len(message.question) != 1:
        raise Malformed("not one question")
    if message.flags & dns.flags.QR:
        raise Malformed("not a question")
    question = message.question[0]
    return Request(
        name=names.text(question.name.labels),
        rdtype=dns.rdatatype.to_text(question.rdtype),
        limit=max(CLASSIC_PAYLOAD, min(message.payload, PAYLOAD)) if message.edns >= 0 else CLASSIC_PAYLOAD,
        foreign=question.rdclass != _IN,
        message=message,
    )


def write_response(
    request: Request,
    rcode: Rcode,
    answer: Iterable[ResourceRecord] = (),
    authority: Iterable[ResourceRecord] = (),
    *,
    authentic: bool = False,
    limit: int,
) -> bytes:
    """An authoritative response; over `limit` octets it is empty and says so (RFC 2181 §9)."""
    response = dns.message.make_response(request.message, our_payload=PAYLOAD)
    if request.message.edns > 0:
        rcode, answer, authority = Rcode.BADVERS, (), ()
    response.set_rcode(dns.rcode.Rcode(rcode))
    if rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
        response.flags |= dns.flags.AA
    if authentic and (request.message.flags & dns.flags.AD or request.message.ednsflags & dns.flags.DO):
        response.flags |= dns.flags.AD
    response.answer.extend(map(_rrset, answer))
    response.authority.extend(map(_rrset, authority))
    try:
        return response.to_wire(max_size=limit)
    except dns.exception.TooBig:
        response.answer.clear()
        response.authority.clear()
        response.flags |= dns.flags.TC
        return response.to_wire(max_size=limit)


def write_refusal(data: bytes) -> bytes | None:
    """The header-only answer to what could not be read; None to what may be an answer itself, or nothing."""
    if len(data) < _HEADER or data[2] & 0x80:
        return None
    rcode = Rcode.NOTIMP if data[2] & 0x78 else Rcode.FORMERR
    return data[:2] + bytes((0x80 | data[2] & 0x79, rcode)) + bytes(8)


def _rrset(line: ResourceRecord) -> dns.rrset.RRset:
    # One record each: dnspython would send the records of a larger set in an order of its own.
    rdata = _RDATA[line.rdtype](_IN, dns.rdatatype.from_text(line.rdtype), *_fields(line))
    return dns.rrset.from_rdata(_name(line.owner), line.ttl, rdata)


def _name(folded: str) -> dns.name.Name:
    return dns.name.Name(names.labels(folded))


# dnspython gives these classes no types.
_RDATA: dict[Rdtype, Any] = {
    "A": dns.rdtypes.IN.A.A,
    "AAAA": dns.rdtypes.IN.AAAA.AAAA,
    "CNAME": dns.rdtypes.ANY.CNAME.CNAME,
    "MX": dns.rdtypes.ANY.MX.MX,
    "NS": dns.rdtypes.ANY.NS.NS,
    "PTR": dns.rdtypes.ANY.PTR.PTR,
    "SOA": dns.rdtypes.ANY.SOA.SOA,
    "TLSA": dns.rdtypes.ANY.TLSA.TLSA,
    "TXT": dns.rdtypes.ANY.TXT.TXT,
}


def _fields(line: ResourceRecord) -> tuple[Any, ...]:
    match line.record:
        case Mx(preference, exchange):
            return preference, _name(exchange)
        case Tlsa(usage, selector, matching, data):
            return usage, selector, matching, data
        case Soa() as soa:
            times = (soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum)
            return _name(soa.mname), _name(soa.rname), *times
        case bytes() as octets:
            # A string of TXT has at most 255 octets, and there is at least one (RFC 1035 §3.3.14).
            return ([octets[start : start + 255] for start in range(0, len(octets), 255)] or [b""],)
        case str() as text:
            return (text if line.rdtype in ("A", "AAAA") else _name(text),)
