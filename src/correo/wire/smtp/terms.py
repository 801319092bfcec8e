"""The parameters of MAIL that say how a message is to be carried: HOLDFOR and HOLDUNTIL (RFC 4865), BY (RFC 2852), MT-PRIORITY (RFC 6710)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from correo.mail.instant import SECOND, moment
from correo.mail.terms import HIGHEST, LOWEST
from correo.wire.smtp.syntax import BadSyntax

_SECONDS = re.compile(r"[1-9][0-9]{0,8}|0")
_DATE_TIME = re.compile(  # RFC 3339 §5.6
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_BY = re.compile(r"([+-]?[0-9]{1,9});([NR])(T?)", re.IGNORECASE)
_PRIORITY = re.compile(r"-?[1-9]|0")


@dataclass(frozen=True, slots=True)
class DeliverBy:
    """`seconds` may be 0 or less where the message is not to be returned: the time has come already."""

    seconds: int
    returns: bool  # mode R
    trace: bool


def parse_hold_for(value: str | None) -> int:
    """`HOLDFOR=`, in seconds. Raises BadSyntax."""
    if not value or not _SECONDS.fullmatch(value):
        raise BadSyntax(501, "5.5.4", "HOLDFOR must be a number of seconds")
    return int(value)


def parse_hold_until(value: str | None) -> int:
    """`HOLDUNTIL=`, in µs UTC. Raises BadSyntax."""
    instant = parse_date_time(value or "")
    if instant is None:
        raise BadSyntax(501, "5.5.4", "HOLDUNTIL must be a date and time as in 2026-11-24T08:00:00Z")
    return instant


def parse_date_time(text: str) -> int | None:
    """RFC 3339 §5.6, in whole seconds; None where it is none."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[number]) for number in range(1, 7))
    try:
        # A leap second is the first of the next minute.
        at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
        at += timedelta(seconds=1 if second == 60 else 0)
    except (ValueError, OverflowError):
        return None
    if second > 60 or int(match[8] or 0) > 23 or int(match[9] or 0) > 59:
        return None
    offset = int(match[8] or 0) * 3600 + int(match[9] or 0) * 60
    return (round(at.timestamp()) + (offset if match[7] == "-" else -offset)) * SECOND


def show_date_time(instant: int) -> str:
    """As RFC 4865 §4 wants it: in UTC."""
    return moment(instant).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_by(value: str | None) -> DeliverBy:
    """`BY=seconds;mode` (RFC 2852 §4). Raises BadSyntax."""
    match = _BY.fullmatch(value or "")
    if match is None:
        raise BadSyntax(501, "5.5.4", "BY must be seconds, a semicolon, and N or R, perhaps with T")
    by = DeliverBy(int(match[1]), match[2] in "Rr", bool(match[3]))
    if by.returns and by.seconds <= 0:
        raise BadSyntax(501, "5.5.4", "BY with R must leave some time")
    return by


def by_words(by: DeliverBy) -> str:
    return f"{by.seconds};{'R' if by.returns else 'N'}{'T' if by.trace else ''}"


def parse_priority(value: str | None) -> int:
    """`MT-PRIORITY=`. Raises BadSyntax."""
    priority = read_priority(value or "")
    if priority is None:
        raise BadSyntax(501, "5.5.2", f"MT-PRIORITY must be a number from {LOWEST} to {HIGHEST}")
    return priority


def read_priority(text: str) -> int | None:
    """The parameter, and the header field of RFC 6758 §3; None where `text` is no priority."""
    return int(text) if _PRIORITY.fullmatch(text) else None
