"""Mbox files with UNIX line ends, quoted as mboxrd, and the fields that servers and mail programs read flags and UIDs from."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from correo.mail.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from correo.mail.instant import moment
from correo.mailbox import INBOX, SEPARATOR, Mailbox, own_uidl
from correo.ops.exporting.places import create, make_empty, new_folder, write
from correo.ops.exporting.writing import Letter
from correo.ops.importing import exported
from correo.ops.importing.mbox_fields import FIELD
from correo.wire.imap import utf7

INNER = (
    ".sbd"  # the folder for what is below a mailbox, as Thunderbird calls it: its own name is that of a file
)
MAX_PART = 200  # octets of a name; file systems take 255

_STATUS = ((ANSWERED, "A"), (FLAGGED, "F"), (DRAFT, "T"), (DELETED, "D"))
_FROM = re.compile(rb"^(>*From )", re.M)
_UNSAFE = re.compile(r"^\.|[\x00-\x1f/]")
# Of files that are none of a mailbox, to us or to mail programs.
_TAKEN = re.compile(rf".*(?:{re.escape(INNER)}|\.msf)|subscriptions|{re.escape(exported.MAILBOXES)}", re.S)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class MboxWriter:
    def __init__(self, root: Path) -> None:
        """`root`: a new folder, or an empty one. Raises OSError."""
        self._top = make_empty(root)
        self._taken: dict[str, exported.Mailbox] = {}
        self._box: Mailbox | None = None
        self._file: BinaryIO | None = None
        self._empty = True

    def begin(self, box: Mailbox) -> None:
        path = self._free(_path(box.name))
        self._taken[path] = exported.Mailbox(box.name, box.special_use)
        *folders, name = path.split("/")
        with self._top.opened() as top:
            inside = os.dup(top)
        for folder in folders:
            outside, inside = inside, new_folder(folder, inside, known=True)
            os.close(outside)
        self._box, self._file, self._empty = box, create(name, inside), True
        os.close(inside)

    def add(self, letter: Letter) -> None:
        assert self._file is not None
        header, body = _parted(letter.octets.replace(b"\r\n", b"\n"))
        fields = "".join(f"{name}: {value}\n" for name, value in self._fields(letter))
        # Some readers take every such line for a separator, in a header too.
        header, body = _FROM.sub(rb">\1", header), _FROM.sub(rb">\1", body)
        end = b"\n" if body.endswith(b"\n") or not body else b"\n\n"
        self._file.write(
            _separator(letter.message.received)
            + FIELD.sub(b"", header)
            + fields.encode()
            + b"\n"
            + body
            + end
        )
        self._empty = False

    def end(self) -> None:
        assert self._file is not None
        self._file.close()

    def finish(self, subscriptions: Sequence[str]) -> None:
        names = b"".join(utf7.encode(name) + b"\n" for name in subscriptions)
        with self._top.opened() as top:
            write(".subscriptions", names, top)
            write(exported.MAILBOXES, exported.encoded(exported.Exported(self._taken)), top)

    def _fields(self, letter: Letter) -> list[tuple[str, str]]:
        assert self._box is not None
        message = letter.message
        fields = []
        if self._empty:
            fields.append(("X-IMAPbase", f"{self._box.uidvalidity} {self._box.uidnext - 1:010d}"))
        fields.append(("X-UID", str(message.uid)))
        fields.append(("Status", "RO" if message.flags & SEEN else "O"))
        if letters := "".join(word for bit, word in _STATUS if message.flags & bit):
            fields.append(("X-Status", letters))
        if message.keywords:
            fields.append(("X-Keywords", message.keywords))
        if letter.uidl or self._box.name == INBOX:
            fields.append(("X-UIDL", letter.uidl or own_uidl(self._box.uidvalidity, message.uid)))
        return fields

    def _free(self, wanted: str) -> str:
        path, number = wanted, 1
        while path in self._taken:
            number += 1
            path = f"{wanted}_{number}"
        return path


def _path(name: str) -> str:
    parts = [_part(part) for part in name.split(SEPARATOR)]
    return "/".join([*(part + INNER for part in parts[:-1]), parts[-1]])


def _part(part: str) -> str:
    safe = _UNSAFE.sub("_", part).encode()[:MAX_PART].decode("utf-8", "ignore")
    return f"{safe}_" if _TAKEN.fullmatch(safe) else safe


def _parted(octets: bytes) -> tuple[bytes, bytes]:
    """The lines of the header, and what follows the empty line behind them."""
    if octets.startswith(b"\n"):
        return b"", octets[1:]
    header, _, body = octets.partition(b"\n\n")
    return (header if header.endswith(b"\n") else header + b"\n"), body


def _separator(received: int) -> bytes:
    """The date in UTC, and said to be: RFC 4155 means it, and programs take it for local time."""
    when = moment(received)
    date = f"{_DAYS[when.weekday()]} {_MONTHS[when.month - 1]} {when.day:2d} {when:%H:%M:%S} {when.year:04d} +0000"
    return f"From MAILER-DAEMON {date}\n".encode()
