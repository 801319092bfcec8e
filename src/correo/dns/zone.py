"""The fake DNS: records in memory, written as a small master file (RFC 1035 §5.1).

    example.com.         SOA   ns.example.com. root.example.com. 1 7200 3600 1209600 300
    example.com.    3600 MX    10 mx.example.com.
    mx.example.com.      A     192.0.2.25
    example.com.         TXT   "v=spf1 mx " "-all"      ; strings are joined
    broken.example.com.  FAIL                           ; every lookup fails, as if its servers were down
    slow.example.com.    FAIL  AAAA                     ; only this type

Names are absolute with or without the final dot. A zone with SOA records is responsible for what is under them and refuses
the rest; one without is responsible for everything.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import get_args

from correo.clock import Clock
from correo.dns import (
    MAX_CNAMES,
    Answer,
    DnsFailure,
    Mx,
    Rdtype,
    Record,
    ResourceRecord,
    Soa,
    Status,
    Tlsa,
    names,
)
from correo.mail.instant import SECOND

DEFAULT_TTL = 300  # seconds
MAX_TEXT = (
    60_000  # octets of a TXT record: with its lengths, and all around it, it fits into one message of 64 KiB
)
_DIGESTS = {1: 32, 2: 64}  # octets of SHA-256 and SHA-512, RFC 6698 §2.1.3
_NOWHERE = ResourceRecord(".", DEFAULT_TTL, "SOA", Soa(".", ".", 1, 7200, 3600, 1209600, DEFAULT_TTL))

_WORD = re.compile(r'\s*(?:;.*|"((?:[^"\\]|\\.)*)"|([^\s";]+))')
_ESCAPE = re.compile(rb"\\(\d{3}|.)", re.DOTALL)


class BadZone(ValueError):
    """The text is not a zone; the message says which line and why."""


class Trouble(Enum):
    """Why a zone gives no answer."""

    FAILING = "SERVFAIL"
    OUTSIDE = "REFUSED"


@dataclass(frozen=True, slots=True)
class Found:
    status: Status
    lines: tuple[ResourceRecord, ...]  # the CNAMEs on the way, then the records
    tail: str  # the name at the end of the CNAMEs; outside the zone if `lines` ends with a CNAME and the status is OK
    soa: ResourceRecord | None  # if the answer is a "no"

    @property
    def ttl(self) -> int:
        """Seconds."""
        lives = [line.ttl for line in self.lines]
        if self.soa and isinstance(self.soa.record, Soa):
            lives += [self.soa.ttl, self.soa.record.minimum]
        return min(lives)


class Zone:
    """Records that a test or a demo may change at any time. `authentic` is what the AD bit will say."""

    def __init__(self, text: str = "", *, authentic: bool = False) -> None:
        """Raises BadZone."""
        self.authentic = authentic
        self._lines: dict[str, list[ResourceRecord]] = {}
        self._apexes: dict[str, ResourceRecord] = {}
        self._failing: set[tuple[str, Rdtype | None]] = set()
        for number, line in enumerate(text.splitlines(), 1):
            try:
                self.add(line)
            except BadZone as error:
                raise BadZone(f"line {number}: {error}") from None

    def add(self, line: str) -> None:
        """One line of a zone; an empty one or a comment changes nothing. Raises BadZone."""
        words = _words(line)
        if not words:
            return
        owner = _name(words.pop(0))
        ttl = _number(words.pop(0), 31) if words and words[0].isdigit() else DEFAULT_TTL  # RFC 2181 §8
        kind = words.pop(0).decode("ascii", "replace").upper() if words else ""
        if kind == "FAIL":
            self.fail(owner, _rdtype(words[0].decode("ascii", "replace").upper()) if words else None)
            return
        rdtype = _rdtype(kind)
        try:
            record = _READERS[rdtype](words)
        except BadZone:
            raise
        except (ValueError, IndexError):
            raise BadZone(f"malformed {rdtype} record") from None
        added = ResourceRecord(owner, ttl, rdtype, record)
        known = self._lines.setdefault(owner, [])
        if not any(line.record == record and line.rdtype == rdtype for line in known):
            known.append(added)
        if rdtype == "SOA":
            self._apexes[owner] = added

    def remove(self, name: str, rdtype: Rdtype | None = None) -> None:
        """All records of `name`, or all of one type. Raises BadZone if it cannot be a name."""
        owner = _name(name.encode())
        left = [line for line in self._lines.get(owner, ()) if rdtype is not None and line.rdtype != rdtype]
        self._lines.pop(owner, None)
        if left:
            self._lines[owner] = left
        if rdtype in (None, "SOA"):
            self._apexes.pop(owner, None)

    def fail(self, name: str, rdtype: Rdtype | None = None) -> None:
        """From now on, lookups of `name` (of one type, or of all) fail."""
        self._failing.add((_name(name.encode()), rdtype))

    def heal(self, name: str) -> None:
        """Undoes every `fail` of `name`."""
        owner = _name(name.encode())
        self._failing = {failing for failing in self._failing if failing[0] != owner}

    def find(self, name: str, rdtype: str) -> Found | Trouble:
        """What an authoritative server would say about a folded `name`; `rdtype` may be one that a zone never has."""
        if self._soa(name) is None:
            return Trouble.OUTSIDE
        lines: list[ResourceRecord] = []
        for _ in range(MAX_CNAMES + 1):
            soa = self._soa(name)
            if soa is None:
                return Found(Status.OK, tuple(lines), name, None)
            if (name, None) in self._failing or (name, rdtype) in self._failing:
                return Trouble.FAILING
            here = self._lines.get(name, [])
            if wanted := [line for line in here if line.rdtype == rdtype]:
                return Found(Status.OK, (*lines, *wanted), name, None)
            alias = next((line.record for line in here if line.rdtype == "CNAME"), None)
            if not isinstance(alias, str):
                return Found(self._why_not(name), tuple(lines), name, soa)
            lines += [line for line in here if line.rdtype == "CNAME"][:1]
            name = alias
        return Trouble.FAILING

    def _why_not(self, name: str) -> Status:
        # A name exists if one below it does (RFC 8020 §2).
        exists = name == "." or any(owner == name or owner.endswith("." + name) for owner in self._lines)
        return Status.NO_DATA if exists else Status.NO_SUCH_DOMAIN

    def _soa(self, name: str) -> ResourceRecord | None:
        """Of the innermost zone that `name` is in, if it is in one."""
        if not self._apexes:
            return _NOWHERE
        above = name
        while above not in self._apexes and above != ".":
            above = above.partition(".")[2] or "."
        return self._apexes.get(above)


class ZoneResolver:
    """A `Resolver` that looks straight into a zone."""

    def __init__(self, zone: Zone, clock: Clock) -> None:
        self._zone = zone
        self._clock = clock

    async def lookup(self, name: str, rdtype: Rdtype) -> Answer:
        """Raises DnsFailure."""
        now = self._clock.now()
        folded = names.fold(name)
        if folded is None:
            return Answer.no_such_name(name, rdtype, now)
        found = self._zone.find(folded, rdtype)
        if isinstance(found, Found) and found.status is Status.OK and found.lines[-1].rdtype != rdtype:
            found = Trouble.OUTSIDE
        if isinstance(found, Trouble):
            raise DnsFailure(folded, rdtype, f"the zone answers {found.value}")
        records = tuple(line.record for line in found.lines if line.rdtype == rdtype)
        expires = now + found.ttl * SECOND
        canonical = found.tail if found.tail != folded else ""
        return Answer(folded, rdtype, found.status, records, self._zone.authentic, expires, canonical)


def _words(line: str) -> list[bytes]:
    """Words and quoted strings up to a comment, escapes resolved in strings."""
    words: list[bytes] = []
    place, line = 0, line.rstrip()
    while place < len(line):
        match = _WORD.match(line, place)
        if match is None:
            raise BadZone("a quotation mark is missing")
        place = match.end()
        if match[1] is not None:
            words.append(_ESCAPE.sub(_unescape, match[1].encode()))
        elif match[2] is not None:
            words.append(match[2].encode())
    return words


def _unescape(match: re.Match[bytes]) -> bytes:
    digits = match[1]
    if not digits.isdigit() or len(digits) < 3:
        return digits
    if int(digits) > 255:
        raise BadZone("an octet is at most \\255")
    return bytes((int(digits),))


def _name(word: bytes) -> str:
    shown = word.decode("utf-8", "replace")
    folded = names.fold(shown)
    if folded is None:
        raise BadZone(f"{shown!r} cannot be a name")
    return folded


def _rdtype(word: str) -> Rdtype:
    for known in get_args(Rdtype):
        if word == known:
            return known  # type: ignore[no-any-return]
    raise BadZone(f"{word!r} is not a type that a zone can have")


def _number(word: bytes, bits: int) -> int:
    number = int(word)
    if not 0 <= number < 1 << bits:
        raise BadZone(f"{number} is not between 0 and {(1 << bits) - 1}")
    return number


def _soa(words: list[bytes]) -> Soa:
    mname, rname, *times = words
    serial, refresh, retry, expire, minimum = (_number(time, 32) for time in times)
    return Soa(_name(mname), _name(rname), serial, refresh, retry, expire, minimum)


def _tlsa(words: list[bytes]) -> Tlsa:
    usage, selector, matching = (_number(word, 8) for word in words[:3])
    data = bytes.fromhex(b"".join(words[3:]).decode())
    if len(data) != _DIGESTS.get(matching, len(data)):
        raise BadZone(f"the data of matching type {matching} has {_DIGESTS[matching]} octets")
    return Tlsa(usage, selector, matching, data)


def _txt(words: list[bytes]) -> bytes:
    text = b"".join(words)
    if len(text) > MAX_TEXT:
        raise BadZone(f"a TXT record has at most {MAX_TEXT} octets")
    return text


def _target(words: list[bytes]) -> str:
    return _name(words[0])


_READERS: dict[Rdtype, Callable[[list[bytes]], Record]] = {
    "A": lambda words: str(ipaddress.IPv4Address(words[0].decode())),
    "AAAA": lambda words: str(ipaddress.IPv6Address(words[0].decode())),
    "CNAME": _target,
    "MX": lambda words: Mx(_number(words[0], 16), _name(words[1])),
    "NS": _target,
    "PTR": _target,
    "SOA": _soa,
    "TLSA": _tlsa,
    "TXT": _txt,
}
