"""One Maildir: its files in the order of their UIDs, with what their names and the files beside them say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import BinaryIO, NamedTuple, TypeVar

from correo.mail.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flags
from correo.mailbox import INBOX, MAX_UIDL
from correo.ops.importing import files, keyword_files, uidlists
from correo.ops.importing.exported import OURS
from correo.ops.importing.found import Found, Letter, Problem, keywords, shown, source_of, wire_form
from correo.ops.importing.packed import unpacked
from correo.ops.importing.uidlists import Uidlist, unique_part
from correo.ops.importing.unique_ids import DOVECOT, UidlFormat

T = TypeVar("T")

# https://cr.yp.to/proto/maildir.html; P is what clients call $Forwarded.
_BITS = {"D": DRAFT, "F": FLAGGED, "R": ANSWERED, "S": SEEN, "T": DELETED}
_PASSED = "$Forwarded"
_SIZE = re.compile(rb",S=(\d{1,12})")
_DOVECOT_FORMAT = UidlFormat(DOVECOT)


class _File(NamedTuple):
    """Where a message is: `cur` or `new`, and its name there."""

    folder: bytes
    name: bytes


class Maildir:
    def __init__(
        self,
        top: files.Top,
        path: tuple[bytes, ...],
        name: str,
        special_use: str,
        limit: int,
        template: UidlFormat | None,
    ) -> None:
        """The folder at `path` below `top`, for the mailbox `name`; the rest as in `Maildirs`."""
        self.name = name
        self.special_use = special_use
        self._top = top
        self._path = path
        self._limit = limit
        self._template = template
        self._troubles: list[Problem] = []
        self._letters: dict[str, str] = {}
        self._words: dict[bytes, list[str]] = {}
        self._names: dict[bytes, str] = {}  # of POP3, from Courier
        self._of_dovecot = False
        self._list = self._read_lists()

    @property
    def where(self) -> str:
        return "/".join([str(self._top.path), *map(shown, self._path)])

    @property
    def uidvalidity(self) -> int:
        return self._list.uidvalidity

    @property
    def uidnext(self) -> int:
        return self._list.uidnext

    def listed(self) -> dict[bytes, int]:
        return {self._source(unique): entry.uid for unique, entry in self._list.entries.items()}

    def found(self) -> Iterator[Found | Problem]:
        yield from self._troubles
        there: list[_File] = []
        for folder in (b"new", b"cur"):
            try:
                with self._top.opened((*self._path, folder)) as opened:
                    there += [
                        _File(folder, name) for name in files.names(opened) if not name.startswith(b".")
                    ]
            except FileNotFoundError:
                continue
            except OSError as wrong:
                yield Problem(f"{self.where}/{shown(folder)}", files.reason(wrong))
        # A file that was moved from new to cur while we looked is there twice, and counts where it is now.
        once = {unique_part(file.name): file for file in there}
        for unique in sorted(once, key=self._order):
            yield self._found(unique, once[unique])

    def _source(self, unique: bytes) -> bytes:
        return source_of(b"maildir", *self._path, unique)

    def _order(self, unique: bytes) -> tuple[int, bytes]:
        entry = self._list.entries.get(unique)
        return (entry.uid if entry else 1 << 32), unique

    def _found(self, unique: bytes, file: _File) -> Found:
        entry = self._list.entries.get(unique)
        size = _SIZE.search(unique)
        return Found(
            self._source(unique),
            min(int(size[1]), self._limit) if size else 0,
            entry.uid if entry else None,
            (entry and entry.uidl) or self._uidl(unique),
            lambda: self._read(unique, file),
        )

    def _uidl(self, unique: bytes) -> str | None:
        """As the other server would have said it, of the one folder that POP3 shows."""
        if self.name != INBOX:
            return None
        entry = self._list.entries.get(unique)
        if self._template is None and not self._of_dovecot:
            return self._names.get(unique) or uidlists.courier_name(unique)[:MAX_UIDL]
        if entry is None:
            return None
        template = self._template or _DOVECOT_FORMAT
        return template(unique.decode("ascii", "replace"), entry.uid, self._list.uidvalidity, entry.guid)

    def _read(self, unique: bytes, file: _File) -> Letter | Problem:
        where = f"{self.where}/{shown(file.folder)}/{shown(file.name)}"
        try:
            with self._top.opened((*self._path, file.folder)) as folder:
                opened, status = files.open_plain(file.name, folder)
                with opened:
                    # No more than there is: what a read may give is reserved before, and a message may be large.
                    fits = status.st_size <= self._limit
                    octets = opened.read(status.st_size + 1) if fits else b""
        except FileNotFoundError:
            return Problem(where, "it was moved or removed meanwhile; run this again")
        except OSError as wrong:
            return Problem(where, files.reason(wrong))
        if fits and not octets:
            return Problem(where, "empty")
        ours = OURS.fullmatch(unique)
        if not ours:
            try:
                octets = wire_form(unpacked(octets, self._limit))
            except ValueError as wrong:
                return Problem(where, str(wrong))
        if not fits or len(octets) > self._limit:
            return Problem(where, f"longer than limits.message_size ({self._limit} octets)")
        zone = int(ours[1]) if ours and ours[1] else 0
        return Letter(octets, self._flags(unique, file.name), status.st_mtime_ns // 1000, zone)

    def _flags(self, unique: bytes, name: bytes) -> Flags:
        _, _, info = name.partition(b":2,")
        letters = info.partition(b",")[0].decode("ascii", "replace")
        bits = 0
        for letter in letters:
            bits |= _BITS.get(letter, 0)
        words = [self._letters[letter] for letter in letters if letter in self._letters]
        words += self._words.get(unique, [])
        if "P" in letters:
            words.append(_PASSED)
        return Flags(bits).add(Flags.of(keywords(words)[0]))

    def _read_lists(self) -> Uidlist:
        """What stands beside the messages; troubles with it are noted."""
        found: Uidlist | None = None
        try:
            with self._top.opened(self._path) as folder:
                found = self._lines(folder, b"dovecot-uidlist", uidlists.uidlist)
                self._of_dovecot = found is not None
                found = found or self._lines(folder, b"courierimapuiddb", uidlists.uidlist)
                self._names = self._lines(folder, b"courierpop3dsizelist", uidlists.pop3_sizes) or {}
                self._letters = self._lines(folder, b"dovecot-keywords", keyword_files.letters) or {}
            self._words = self._of_courier()
        except OSError as wrong:
            self._troubles.append(Problem(self.where, files.reason(wrong)))
        found = found or Uidlist()
        if found.broken:
            words = f"{found.broken} lines of the list of UIDs are broken: those messages get new UIDs"
            self._troubles.append(Problem(self.where, words))
        return found

    def _of_courier(self) -> dict[bytes, list[str]]:
        name = b"courierimapkeywords"
        with self._top.opened(self._path) as folder:
            if not files.is_folder(name, folder):
                return {}
        with self._top.opened((*self._path, name)) as folder:
            try:
                return keyword_files.courier(folder)
            except OSError as wrong:
                self._troubles.append(Problem(f"{self.where}/{shown(name)}", files.reason(wrong)))
                return {}

    def _lines(self, folder: int, name: bytes, parsed: Callable[[Iterator[bytes | None]], T]) -> T | None:
        """What a file says; None where there is none."""
        try:
            file: BinaryIO | None = files.open_if_there(name, folder)
        except OSError as wrong:
            self._troubles.append(Problem(f"{self.where}/{shown(name)}", files.reason(wrong)))
            return None
        if file is None:
            return None
        with closing(file):
            return parsed(files.lines(file, uidlists.MAX_LINE))
