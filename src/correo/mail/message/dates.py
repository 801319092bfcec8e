"""Date fields (RFC 5322 §3.3, obsolete forms of §4.3), and what else passes for a date in mail."""

from __future__ import annotations

import re
from datetime import date

from correo.mail.instant import MINUTE, SECOND
from correo.mail.message.comments import without_comments

MAX_LENGTH = 200  # octets of the field that are looked at

_EPOCH = date(1970, 1, 1).toordinal()
_YEARS = range(
    1900, 9999
)  # §3.3 begins at 1900; in 9999 the zone could push an instant past what datetime holds
_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1
    )
}
_ZONES = {
    b"EST": -300,
    b"EDT": -240,
    b"CST": -360,
    b"CDT": -300,
    b"MST": -420,
    b"MDT": -360,
    b"PST": -480,
    b"PDT": -420,
}

_TIME = rb"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?(?:[.,]\d+)?"
_ZONE = rb"(?:[ \t]*(?:GMT|UTC?)?(?P<zone>[+-]\d{4}|[+-]\d{2}:\d{2}|[A-Za-z]+))?"
_MONTH = rb"(?P<month>[A-Za-z]{3})[A-Za-z]*\.?"
_DATE = re.compile(
    rb"[ \t]*(?:[A-Za-z]+\.?[ \t]*,?[ \t]*)?(?P<day>\d{1,2})[ \t-]+MONTH[ \t,-]*(?P<year>\d{2,4})[ \t,]+".replace(
        b"MONTH", _MONTH
    )
    + _TIME
    + _ZONE
)
_ASCTIME = re.compile(
    rb"[ \t]*[A-Za-z]{3,9},?[ \t]+MONTH[ \t]+(?P<day>\d{1,2})[ \t]+".replace(b"MONTH", _MONTH)
    + _TIME
    + rb"[ \t]+(?:(?P<zone>[+-]\d{4}|[A-Za-z]+)[ \t]+)?(?P<year>\d{4})"
)
_ISO = re.compile(rb"[ \t]*(?P<year>\d{4})-(?P<number>\d{2})-(?P<day>\d{2})[T \t]+" + _TIME + _ZONE)


def parse_date(value: bytes) -> tuple[int, int] | None:
    """The instant in microseconds UTC and the zone in minutes east, or None where the value is no date.

    Zones that say nothing certain, military letters among them (§4.3), count as UTC, and so do those of a day or more.
    """
    value = b" ".join(without_comments(value[:MAX_LENGTH]).split())
    match = _DATE.match(value) or _ASCTIME.match(value) or _ISO.match(value)
    if match is None:
        return None
    found = match.groupdict()
    month = int(found["number"]) if "number" in found else _MONTHS.get(found["month"].lower(), 0)
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    year = _year(found["year"])
    if year not in _YEARS or hour > 23 or minute > 59 or second > 60:
        return None
    try:
        days = date(year, month, int(found["day"])).toordinal() - _EPOCH
    except ValueError:
        return None
    offset = _zone(found["zone"])
    seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
    return seconds * SECOND - offset * MINUTE, offset


def _year(digits: bytes) -> int:
    """Two digits below 50 are of this century; others, and three, count from 1900 (§4.3)."""
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (2000 if len(digits) == 2 and year < 50 else 1900)


def _zone(zone: bytes | None) -> int:
    if zone is None:
        return 0
    if zone[:1] not in b"+-":
        return _ZONES.get(zone.upper(), 0)
    digits = zone[1:].replace(b":", b"")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if minutes >= 24 * 60:
        return 0
    return -minutes if zone.startswith(b"-") else minutes
