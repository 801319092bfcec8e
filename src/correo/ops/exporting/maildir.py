"""Maildir++ as Dovecot keeps it: UIDs and unique-ids in `dovecot-uidlist`, keywords as letters, dates as the times of files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from correo.mail.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from correo.mailbox import INBOX, SEPARATOR, Mailbox, own_uidl
from correo.ops.exporting.places import make_empty, new_folder, write
from correo.ops.exporting.writing import Letter
from correo.ops.importing import exported
from correo.wire.imap import utf7

MAX_FOLDER = 240  # octets of a folder's name; file systems take 255
MAX_LETTERS = 26  # keywords that have one

_LETTERS = ((DRAFT, "D"), (FLAGGED, "F"), (ANSWERED, "R"), (SEEN, "S"), (DELETED, "T"))


class MaildirWriter:
    def __init__(self, root: Path) -> None:
        """`root`: a new folder, or an empty one. Raises OSError."""
        self._top = make_empty(root)
        self._taken: dict[str, exported.Mailbox] = {}
        self._folder = self._cur = -1  # descriptors of where messages go to
        self._box: Mailbox | None = None
        self._entries: list[str] = []
        self._keywords: dict[str, int] = {}  # in the order in which they were met
        self._wordy: list[tuple[str, list[int]]] = []  # what has more keywords than there are letters

    def begin(self, box: Mailbox) -> None:
        name = "" if box.name == INBOX else self._free(_folder(box.name))
        self._taken[name] = exported.Mailbox(box.name, box.special_use)
        self._box = box
        self._entries, self._keywords, self._wordy = [], {}, []
        with self._top.opened() as top:
            self._folder = new_folder(name, top) if name else os.dup(top)
        if name:
            write("maildirfolder", b"", self._folder)  # Maildir++ marks its folders so
        for part in ("new", "tmp"):
            os.close(new_folder(part, self._folder))
        self._cur = new_folder("cur", self._folder)

    def add(self, letter: Letter) -> None:
        assert self._box is not None
        message, octets = letter.message, letter.octets
        vsize = len(octets) + octets.count(b"\n") - octets.count(b"\r\n")
        seconds = max(message.received // 1_000_000, 0)
        unique = f"{seconds}.V{self._box.uidvalidity}U{message.uid}M{self._box.id}.correo"
        unique += f",S={len(octets)},W={vsize}"
        if message.received_zone:
            unique += f",Z={message.received_zone}"
        name = f"{unique}:2,{self._info(unique, message.flags, message.keywords)}"
        write(name, octets, self._cur, message.received * 1000)
        uidl = letter.uidl
        if uidl is None and self._box.name == INBOX:
            uidl = own_uidl(self._box.uidvalidity, message.uid)
        self._entries.append(f"{message.uid} P{uidl} :{unique}" if uidl else f"{message.uid} :{unique}")

    def end(self) -> None:
        assert self._box is not None
        header = f"3 V{self._box.uidvalidity} N{self._box.uidnext}"
        write("dovecot-uidlist", _lines([header, *self._entries]), self._folder)
        words = list(self._keywords)
        if words:
            numbered = [f"{number} {word}" for number, word in enumerate(words[:MAX_LETTERS])]
            write("dovecot-keywords", _lines(numbered), self._folder)
        if self._wordy:
            listed = [f"{unique}:{' '.join(map(str, numbers))}" for unique, numbers in self._wordy]
            inner = new_folder("courierimapkeywords", self._folder)
            write(":list", _lines([*words, "", *listed]), inner)
            os.close(inner)
        os.close(self._cur)
        os.close(self._folder)

    def finish(self, subscriptions: Sequence[str]) -> None:
        names = [
            "\t".join(utf7.encode(part).decode() for part in name.split(SEPARATOR)) for name in subscriptions
        ]
        with self._top.opened() as top:
            write("subscriptions", _lines(["V\t2", "", *names]), top)
            write(exported.MAILBOXES, exported.encoded(exported.Exported(self._taken)), top)

    def _info(self, unique: str, bits: int, keywords: str) -> str:
        letters = "".join(letter for bit, letter in _LETTERS if bits & bit)
        numbers = [self._keywords.setdefault(word, len(self._keywords)) for word in keywords.split()]
        if any(number >= MAX_LETTERS for number in numbers):
            self._wordy.append((unique, numbers))
        return letters + "".join(sorted(chr(ord("a") + number) for number in numbers if number < MAX_LETTERS))

    def _free(self, wanted: str) -> str:
        """Names with a dot in a part may look like others; what they are, the list of mailboxes says."""
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        return name


def _folder(name: str) -> str:
    """`.Sent.2024`, in modified UTF-7 (RFC 3501 §5.1.3)."""
    parts = (utf7.encode(part).decode().replace(".", "_") for part in name.split(SEPARATOR))
    return ("." + ".".join(parts))[:MAX_FOLDER]


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
