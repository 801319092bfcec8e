"""Numbers as people read them: octets, ages, moments."""

from __future__ import annotations

from correo.mail.instant import DAY, HOUR, MINUTE, SECOND, moment


def octets(count: int) -> str:
    """`512 B`, `1.2 KB`, `34 MB`."""
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def span(duration: int) -> str:
    """`45s`, `12m`, `3h 20m`, `2d 4h`: microseconds, to the two largest units from hours on."""
    duration = max(duration, 0)
    if duration < MINUTE:
        return f"{duration // SECOND}s"
    if duration < HOUR:
        return f"{duration // MINUTE}m"
    large, small, unit, rest = (HOUR, MINUTE, "h", "m") if duration < DAY else (DAY, HOUR, "d", "h")
    first, second = duration // large, duration % large // small
    return f"{first}{unit} {second}{rest}" if second else f"{first}{unit}"


def until(instant: int, now: int) -> str:
    """`in 12m`, or `now` when its time has come."""
    return f"in {span(instant - now)}" if instant > now else "now"


def when(instant: int) -> str:
    """`2026-11-23 09:53:00Z`."""
    return moment(instant).strftime("%Y-%m-%d %H:%M:%SZ")


def plural(count: int, one: str, many: str = "") -> str:
    """`1 message`, `3 messages`, `2 addresses` (with `many` where an s will not do)."""
    return f"{count} {one if count == 1 else many or one + 's'}"
