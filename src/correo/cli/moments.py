"""Moments as people name them on the command line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from correo.cli.terminal import usage
from correo.mail.instant import DAY, parse_duration

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAYS = {"today": 0, "yesterday": -1}


def since(text: str, now: int) -> int:
    """The first instant (µs) of what `text` names: of a day, its beginning. Raises Failure."""
    return _read(text, now, 0)


def until(text: str, now: int) -> int:
    """The first instant after what `text` names: of a day, its end. Raises Failure."""
    return _read(text, now, DAY)


def _read(text: str, now: int, of_a_day: int) -> int:
    word = text.strip().lower()
    if word == "now":
        return now
    if word in _DAYS:
        return now - now % DAY + _DAYS[word] * DAY + of_a_day
    try:
        return now - parse_duration(word)
    except ValueError:
        pass
    try:
        if len(word) == len("2026-11-23"):
            day = date.fromisoformat(word)
            return _instant(datetime(day.year, day.month, day.day, tzinfo=UTC)) + of_a_day
        moment = datetime.fromisoformat(text.strip().upper())
        return _instant(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        how = (
            "2026-11-23, 2026-11-23T09:53 (UTC, or with an offset as in +01:00), 2h (ago), today or yesterday"
        )
        raise usage(f"{text!r} is no time; write it as in {how}") from None


def _instant(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
