"""Where Maildirs keep the UIDs of their files: `dovecot-uidlist` (versions 1 and 3), `courierimapuiddb`, `courierpop3dsizelist`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from correo.mailbox import MAX_UID, is_uidl

MAX_LINE = 4096  # octets: a file's name has 255, and there are few fields beside it

_VERSION_3 = re.compile(rb"3(?: .*)?")
_VERSION_1 = re.compile(rb"1 (\d{1,10}) (\d{1,10})")
_ENTRY_1 = re.compile(rb"(\d{1,10}) +(.+)")
_FIELDS = re.compile(rb"(\d{1,10})((?: +[A-Z][^ ]*)*)")
_SIZES = re.compile(rb"/\d+ \d+ \d+")
_SIZE = re.compile(rb"([^ ]+) \d+(?: (\d{1,10})(?::(\d{1,10}))?)?")
_UNSAFE = re.compile(rb"[^!-~]|['\"+]")


class Entry(NamedTuple):
    uid: int
    uidl: str | None  # what POP3 called it, where that was kept
    guid: str  # or ""


_Parsed = Callable[
    [bytes], tuple[bytes, Entry] | None
]  # of one line: the file's name, and what is said of it


@dataclass(slots=True)
class Uidlist:
    """`entries` by the unique part of the file's name. Broken lines are counted and passed over."""

    uidvalidity: int = 0  # 0: not known
    uidnext: int = 0
    entries: dict[bytes, Entry] = field(default_factory=dict)
    broken: int = 0


def unique_part(name: bytes) -> bytes:
    """What of a file's name stays the same when flags change."""
    return name.partition(b":")[0]


def uidlist(lines: Iterable[bytes | None]) -> Uidlist:
    """Of Dovecot or Courier. Where the header cannot be read the rest means nothing, and one line is counted as broken."""
    rows = iter(lines)
    found = Uidlist()
    header = next(rows, None) or b""
    if old := _VERSION_1.fullmatch(header):
        found.uidvalidity, found.uidnext = int(old[1]), int(old[2])
        _fill(found, rows, _entry_1)
    elif _VERSION_3.fullmatch(header):
        values = {word[:1]: word[1:] for word in header.split()[1:]}
        found.uidvalidity, found.uidnext = _number(values.get(b"V", b"")), _number(values.get(b"N", b""))
        _fill(found, rows, _entry_3)
    else:
        found.broken = 1
    return found


def _fill(found: Uidlist, rows: Iterator[bytes | None], parsed: _Parsed) -> None:
    highest = 0
    for line in rows:
        entry = parsed(line) if line else None
        if entry is None or not highest < entry[1].uid < MAX_UID:
            found.broken += 1
            continue
        name, known = entry
        highest = known.uid
        found.entries[unique_part(name)] = known
    found.uidnext = max(found.uidnext, highest + 1)


def _entry_1(line: bytes) -> tuple[bytes, Entry] | None:
    match = _ENTRY_1.fullmatch(line)
    return (match[2], Entry(int(match[1]), None, "")) if match and b"/" not in match[2] else None


def _entry_3(line: bytes) -> tuple[bytes, Entry] | None:
    head, _, name = line.partition(b" :")
    match = _FIELDS.fullmatch(head)
    if not match or not name or b"/" in name:
        return None
    fields = {word[:1]: word[1:].decode("ascii", "replace") for word in match[2].split()}
    uidl = fields.get(b"P", "")
    return name, Entry(int(match[1]), uidl if is_uidl(uidl) else None, fields.get(b"G", ""))


def pop3_sizes(lines: Iterable[bytes | None]) -> dict[bytes, str]:
    """What Courier's POP3 server called each message of `courierpop3dsizelist`, by the unique part of its name."""
    found: dict[bytes, str] = {}
    for line in lines:
        if line is None or _SIZES.fullmatch(line) or not (match := _SIZE.fullmatch(line)):
            continue
        name, uid, uidvalidity = unique_part(match[1]), int(match[2] or 0), int(match[3] or 0)
        found[name] = (
            f"UID{uid}-{uidvalidity}" if uid and uidvalidity else f"UID{uid}" if uid else courier_name(name)
        )
    return found


def courier_name(name: bytes) -> str:
    """A file's name as Courier says it in UIDL."""
    return _UNSAFE.sub(lambda match: b"+%02X" % match[0][0], name).decode("ascii")


def _number(digits: bytes) -> int:
    return int(digits) if digits.isdigit() and len(digits) <= 10 else 0
