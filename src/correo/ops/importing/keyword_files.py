"""Keywords of Maildirs: the letters of Dovecot (`dovecot-keywords`) and the lists of Courier (`courierimapkeywords/`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import closing

from correo.ops.importing import files

MAX_LINE = 8192  # octets: a file's name and the numbers of its keywords
MAX_NAMES = 10_000  # keywords of one folder; Dovecot's letters are 26
LIST = b":list"

_LETTER = re.compile(rb"(\d{1,2}) (.+)")
_UPDATE = re.compile(rb"\.(\d{1,18})\.(.+)", re.S)


def letters(lines: Iterable[bytes | None]) -> dict[str, str]:
    """What each of the letters a to z stands for in the names of files."""
    found = {}
    for line in lines:
        match = _LETTER.fullmatch(line or b"")
        if match and int(match[1]) < 26:
            found[chr(ord("a") + int(match[1]))] = match[2].decode("utf-8", "replace")
    return found


def courier(folder: int) -> dict[bytes, list[str]]:
    """Of the folder `courierimapkeywords`: keywords by the unique part of the file's name. Raises OSError."""
    found = _listed(folder)
    updates: dict[bytes, tuple[int, bytes]] = {}
    for name in files.names(folder):
        if name == LIST:
            continue
        match = _UPDATE.fullmatch(name)
        # A file with the message's own name is newer than all that are numbered.
        number, message = (int(match[1]), match[2]) if match else (10**18, name)
        if message not in updates or number >= updates[message][0]:
            updates[message] = number, name
    for message, (_, name) in updates.items():
        file = files.open_if_there(name, folder)
        if file is None:
            continue
        with closing(file):
            found[message] = [word.decode("utf-8", "replace") for word in files.lines(file, MAX_LINE) if word]
    return found


def _listed(folder: int) -> dict[bytes, list[str]]:
    """The names of keywords, an empty line, and for each message the numbers of those it has."""
    found: dict[bytes, list[str]] = {}
    file = files.open_if_there(LIST, folder)
    if file is None:
        return found
    with closing(file):
        rows = files.lines(file, MAX_LINE)
        words: list[str] = []
        for line in rows:
            if not line or len(words) >= MAX_NAMES:
                break
            words.append(line.decode("utf-8", "replace"))
        for line in rows:
            name, _, numbers = (line or b"").rpartition(b":")
            which = [int(number) for number in numbers.split() if number.isdigit() and len(number) < 6]
            if name:
                found[name] = [words[number] for number in which if number < len(words)]
    return found
