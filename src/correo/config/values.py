"""How the values of options are written: durations, sizes, addresses, choices."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any

from correo.mail.address import Address, BadAddress, fold_domain
from correo.mail.instant import parse_duration
from correo.mail.way import Kind, Way

_SIZE = re.compile(r"(\d+)\s*(|B|KiB|MiB|GiB|kB|MB|GB)")
_UNITS = {
    "": 1,
    "B": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
}

Parse = Callable[
    [Any], Any
]  # a TOML value to the option's value; raises ValueError that says what would be right


def option(default: Any, parse: Parse, why: str, shown: str | None = None) -> Any:
    """A field of the options tree. `default` is as it would be written in the file; `shown` is how the docs print it."""
    return field(
        default_factory=lambda: parse(default),
        metadata={"parse": parse, "why": why, "default": default, "shown": shown},
    )


def required(parse: Parse, why: str) -> Any:
    return field(metadata={"parse": parse, "why": why})


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError('must be a string in quotes, as in "example"')
    return value


def mailbox_or_none(value: Any) -> str:
    """A name that a mailbox can have; levels are parted by "/". INBOX is taken."""
    name = text(value)
    if name and (
        not name.isprintable() or not all(name.split("/")) or "*" in name or "%" in name or len(name) > 100
    ):
        raise ValueError('must be the name of a mailbox without * and %, as in "Outbox" or "Mail/Outbox"')
    if name.lower().partition("/")[0] in ("inbox", "other users", "shared"):
        raise ValueError("must not be INBOX nor below it, nor among the mailboxes of others")
    return unicodedata.normalize("NFC", name)


def path(value: Any) -> Path:
    return Path(text(value))


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def count(least: int, most: int) -> Parse:
    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return parse


def count_or_any(least: int, most: int) -> Parse:
    """0 is any number."""
    counted = count(least, most)

    def parse(value: Any) -> int:
        if value == 0 and type(value) is int:
            return 0
        try:
            return int(counted(value))
        except ValueError:
            raise ValueError(f"must be 0 or a whole number from {least} to {most}") from None

    return parse


def duration(value: Any) -> int:
    """Microseconds."""
    return parse_duration(text(value))


def seconds(value: Any) -> float:
    return parse_duration(text(value)) / 1_000_000


def durations(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError('must be a list of durations, as in ["5m", "1h"]')
    parsed = tuple(duration(item) for item in value)
    if any(item <= 0 for item in parsed):
        raise ValueError("every duration must be longer than zero")
    return parsed


def durations_or_usual(value: Any) -> tuple[int, ...]:
    """() for an empty list."""
    return () if value == [] else durations(value)


def duration_or_never(value: Any) -> int:
    """Microseconds; 0 for "" (never)."""
    return duration(value) if text(value) else 0


def size(value: Any) -> int:
    """Octets."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if not match or not int(match[1]):
        raise ValueError('must be a size, as in "50MiB" or a number of octets')
    return int(match[1]) * _UNITS[match[2]]


def choice(*names: str) -> Parse:
    def parse(value: Any) -> str:
        if value not in names:
            raise ValueError("must be one of " + ", ".join(f'"{name}"' for name in names))
        return str(value)

    return parse


def choices(*names: str) -> Parse:
    def parse(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not value or not all(item in names for item in value):
            raise ValueError("must be a list of " + ", ".join(f'"{name}"' for name in names))
        return tuple(value)

    return parse


def host(value: Any) -> str:
    try:
        return fold_domain(text(value))
    except BadAddress as wrong:
        raise ValueError(f'must be a host name, as in "mail.example.com" ({wrong})') from None


def host_or_none(value: Any) -> str:
    return host(value) if text(value) else ""


def grants(value: Any) -> dict[str, tuple[str, ...]]:
    """By user: addresses and `@domain` in comparison form, `*`."""
    if not isinstance(value, dict) or not all(isinstance(names, list) for names in value.values()):
        raise ValueError('must be a table of lists, as in { root = ["*"], www-data = ["shop@example.com"] }')
    return {user: tuple(_granted(name) for name in names) for user, names in value.items()}


def _granted(value: Any) -> str:
    name = text(value)
    try:
        if name.startswith("@"):
            return "@" + fold_domain(name[1:])
        return name if name == "*" else Address.parse(name).folded
    except BadAddress as wrong:
        raise ValueError(f"{name!r} must be an address, @domain or * ({wrong})") from None


def texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ValueError('must be a list of strings, as in ["a", "b"]')
    return tuple(value)


def domains(value: Any) -> tuple[str, ...]:
    """Domains in comparison form, `.example.com` for all below one, `*` for all there are."""
    words = 'must be a list of domains, as in ["example.com", ".example.com"]'
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ValueError(words)
    try:
        return tuple(
            item if item == "*" else item[: item.startswith(".")] + fold_domain(item.removeprefix("."))
            for item in value
        )
    except BadAddress as wrong:
        raise ValueError(f"{words} ({wrong})") from None


def networks(value: Any) -> tuple[str, ...]:
    """Addresses, networks and "unix", which stands for local sockets."""
    listed = texts(value)
    for item in listed:
        try:
            if item != "unix":
                ipaddress.ip_network(item)
        except ValueError:
            raise ValueError(
                f'must be addresses and networks, as in ["192.0.2.7", "2001:db8::/32", "unix"], and {item!r} is none'
            ) from None
    return listed


def address(value: Any) -> str:
    """`host:port`, `[v6]:port` or `unix:/path`."""
    written = text(value)
    if written.startswith("unix:/"):
        return written
    name, colon, port = written.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535 or (":" in name and not name.startswith("[")):
        raise ValueError('must be host:port, as in "127.0.0.1:2525", "[::]:25" or "unix:/run/correo/lmtp"')
    return written


def way(value: Any) -> Way:
    found = Way.parse(text(value))
    if found.kind is Kind.ROUTE:
        raise ValueError("must not lead to another route")
    return found
