"""Time as Correo keeps it: integer microseconds since 1970-01-01 UTC, and durations in the same unit.

Pure: reading the clock is `correo.clock`'s business.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS = {"us": 1, "ms": 1_000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DURATION = re.compile(r"(\d{1,15})(us|ms|[smhdw])")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(instant: int, offset_minutes: int = 0) -> datetime:
    """The instant as a datetime in the zone `offset_minutes` east of UTC."""
    zone = timezone(timedelta(minutes=offset_minutes)) if offset_minutes else UTC
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone)


def rfc5322_date(instant: int, offset_minutes: int = 0) -> str:
    """`Mon, 23 Nov 2026 09:53:00 +0000` (RFC 5322 §3.3); never depends on the locale."""
    when = moment(instant, offset_minutes)
    sign = "-" if offset_minutes < 0 else "+"
    zone = f"{sign}{abs(offset_minutes) // 60:02d}{abs(offset_minutes) % 60:02d}"
    day, month = _DAYS[when.weekday()], _MONTHS[when.month - 1]
    return f"{day}, {when.day} {month} {when.year:04d} {when.hour:02d}:{when.minute:02d}:{when.second:02d} {zone}"


def iso8601(instant: int) -> str:
    """`2026-11-23T09:53:00.000000Z`, for logs and JSON."""
    return moment(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_duration(text: str) -> int:
    """Microseconds in `"5m"`, `"1h30m"`, `"5d"`. Raises ValueError that says what would be right."""
    if not text or _DURATION.sub("", text):
        raise ValueError(
            f"{text!r} is not a duration; write a number and one of us ms s m h d w, as in 5m or 1h30m"
        )
    return sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(text))
