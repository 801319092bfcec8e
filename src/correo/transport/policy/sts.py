"""What a domain publishes by MTA-STS, read: the record in the DNS and the policy on its web server (RFC 8461 §3). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from correo.mail.address import BadAddress, fold_domain

MAX_POLICY = 64 * 1024  # octets, RFC 8461 §3.3
MAX_AGE = 31_557_600  # seconds, RFC 8461 §3.2: a year
MAX_PATTERNS = 200  # mail hosts of one policy; those of the largest domains have about ten

_VERSION = re.compile(rb"v=STSv1[ \t]*;")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_AGE = re.compile(r"[0-9]{1,10}")


class BadPolicy(ValueError):
    """What was fetched is no policy; the message says why."""


class Mode(Enum):
    ENFORCE = "enforce"
    TESTING = "testing"  # what fails is counted, and delivered all the same
    NONE = "none"  # the domain has given it up


@dataclass(frozen=True, slots=True)
class StsPolicy:
    mode: Mode
    mx: tuple[str, ...]  # folded names, some with "*." in front
    max_age: int  # seconds

    def allows(self, host: str) -> bool:
        """Whether a folded name is one of the mail hosts: a star stands for exactly one label (RFC 8461 §4.1)."""
        _, _, above = host.partition(".")
        return host in self.mx or f"*.{above}" in self.mx


def record_id(records: Iterable[bytes]) -> str | None:
    """The id in the TXT records of `_mta-sts`; None unless exactly one of them is such a record (RFC 8461 §3.1)."""
    found = [record for record in records if _VERSION.match(record)]
    if len(found) != 1:
        return None
    for part in found[0].decode("utf-8", "replace").split(";")[1:]:
        name, equals, value = part.strip(" \t").partition("=")
        if equals and name == "id":
            return value if _ID.fullmatch(value) else None
    return None


def parse(octets: bytes) -> StsPolicy:
    """The policy file (RFC 8461 §3.2). Raises BadPolicy."""
    if len(octets) > MAX_POLICY:
        raise BadPolicy(f"it is longer than {MAX_POLICY} octets")
    try:
        pairs = list(_pairs(octets.decode("utf-8")))
    except UnicodeDecodeError:
        raise BadPolicy("it is not text") from None
    first: dict[str, str] = {}
    for name, value in pairs:
        first.setdefault(name, value)  # of all but mx, what comes first counts
    if first.get("version") != "STSv1":
        raise BadPolicy("it has no version that is known")
    try:
        mode = Mode(first.get("mode"))
    except ValueError:
        raise BadPolicy("its mode is not known") from None
    age = first.get("max_age", "")
    if not _AGE.fullmatch(age):
        raise BadPolicy("max_age is no number")
    mx = [_pattern(value) for name, value in pairs if name == "mx"]
    if len(mx) > MAX_PATTERNS:
        raise BadPolicy("it names too many hosts")
    if not mx and mode is not Mode.NONE:
        raise BadPolicy("it names no host")
    return StsPolicy(mode, tuple(mx), min(int(age), MAX_AGE))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip(" \t\r"), value.strip(" \t\r")
        elif line.strip(" \t\r"):
            raise BadPolicy("a line has no colon")


def _pattern(value: str) -> str:
    star = "*." if value.startswith("*.") else ""
    try:
        return star + fold_domain(value.removeprefix("*."))
    except BadAddress:
        raise BadPolicy("mx is no name of a host") from None
