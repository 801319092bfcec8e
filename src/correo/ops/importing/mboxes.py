"""Mbox files: one, or a tree of them with a folder in each file, as Dovecot, UW IMAP, Postfix and mail programs keep them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from correo.mailbox import INBOX, MAX_DEPTH
from correo.ops.importing import exported, files, subscribed
from correo.ops.importing.found import Folder, Found, Problem, folder_name, folder_part, shown
from correo.ops.importing.mbox import MAX_LINE, Quoting, before_the_first, begins_as_mbox, messages
from correo.ops.importing.mbox_fields import Fields, fields_of, letter

_INBOXES = frozenset({"inbox", "mbox"})  # what Dovecot and mailx call the file of the inbox
_INDEX = b".msf"  # of Thunderbird, beside each file
_OF_A_MAILDIR = frozenset({b"cur", b"new", b"tmp"})
MAX_FILES = 20_000


class Mboxes:
    def __init__(self, root: Path, quoting: Quoting, limit: int) -> None:
        """`root`: a file, which is the inbox, or a folder of files. `limit`: octets of the longest message. Raises OSError."""
        self.problems: list[Problem] = []
        self._root = root
        self._quoting = quoting
        self._limit = limit
        self._paths: list[tuple[tuple[bytes, ...], exported.Mailbox]] = [((), exported.Mailbox(INBOX))]
        self._top: files.Top | None = None
        if files.is_named_folder(root):
            self._top = files.Top(root)
            with self._top.opened() as top:
                known = exported.read(top)
            self._paths = [(path, known.at(path, name)) for path, name in self._below(self._top)]
        else:
            files.open_named(root).close()

    def folders(self) -> Iterator[Folder]:
        for path, box in self._paths:
            yield Mbox(self._root, self._top, path, box.name, box.special_use, self._quoting, self._limit)

    def subscriptions(self) -> list[str]:
        """Dovecot's."""
        if self._top is None:
            return []
        there = {box.name for _, box in self._paths}
        with self._top.opened() as top:
            for name in (b".subscriptions", b"subscriptions"):
                try:
                    file = files.open_if_there(name, top)
                except OSError:
                    continue
                if file is not None:
                    with closing(file):
                        return subscribed.dovecot(files.lines(file, subscribed.MAX_LINE), b"/", there)
        return []

    def _below(self, top: files.Top) -> Iterator[tuple[tuple[bytes, ...], str]]:
        waiting: list[tuple[bytes, ...]] = [()]
        seen = 0
        while waiting:
            path = waiting.pop()
            try:
                with top.opened(path) as folder:
                    names = [(*path, name) for name in files.names(folder) if not name.startswith(b".")]
                    if {inner[-1] for inner in names} >= _OF_A_MAILDIR:
                        self._say(path, "a Maildir, and no mbox: correo import maildir")
                        continue
                    seen += len(names)
                    if seen > MAX_FILES:
                        self._say(path, f"with it there are more than {MAX_FILES} files; it was left out")
                        continue
                    waiting += [inner for inner in names if self._is_folder(inner, folder)]
                    boxes = [inner for inner in names if self._is_mbox(inner, folder)]
            except OSError as wrong:
                self._say(path, files.reason(wrong))
                continue
            yield from ((inner, _mailbox(inner)) for inner in boxes)

    def _is_folder(self, path: tuple[bytes, ...], folder: int) -> bool:
        if not files.is_folder(path[-1], folder):
            return False
        if len(path) > MAX_DEPTH:
            self._say(path, f"it lies deeper than {MAX_DEPTH} folders, and was left out")
        return len(path) <= MAX_DEPTH

    def _is_mbox(self, path: tuple[bytes, ...], folder: int) -> bool:
        """Whether it begins like one, or is empty: a folder without messages."""
        name = path[-1]
        if files.is_folder(name, folder) or name.endswith(_INDEX) or name == b"subscriptions":
            return False
        try:
            file, _ = files.open_plain(name, folder)
        except OSError as wrong:
            self._say(path, files.reason(wrong))
            return False
        with file:
            beginning = file.read(5)
        return not beginning or begins_as_mbox(beginning)

    def _say(self, path: tuple[bytes, ...], words: str) -> None:
        self.problems.append(Problem("/".join([str(self._root), *map(shown, path)]), words))


def _mailbox(path: tuple[bytes, ...]) -> str:
    """Thunderbird keeps what is below a folder in another whose name ends in .sbd."""
    parts = [folder_part(part.removesuffix(b".sbd")) for part in path[:-1]] + [folder_part(path[-1])]
    if len(parts) == 1 and parts[0].lower() in _INBOXES:
        return INBOX
    return folder_name(parts)


class Mbox:
    def __init__(
        self,
        root: Path,
        top: files.Top | None,
        path: tuple[bytes, ...],
        name: str,
        special_use: str,
        quoting: Quoting,
        limit: int,
    ) -> None:
        """The file at `path` below `top`, or, where that is None, `root` itself."""
        self.name = name
        self.special_use = special_use
        self._root = root
        self._top = top
        self._path = path
        self._quoting = quoting
        self._limit = limit
        self._first = self._read_first()

    @property
    def where(self) -> str:
        return "/".join([str(self._root), *map(shown, self._path)])

    @property
    def uidvalidity(self) -> int:
        return self._first.uidvalidity

    @property
    def uidnext(self) -> int:
        return self._first.uidnext

    def listed(self) -> dict[bytes, int]:
        return {}

    def found(self) -> Iterator[Found | Problem]:
        equal: dict[bytes, int] = {}  # how many messages with the same content there were
        highest = 0
        first = True
        try:
            with self._opened() as file:
                if trouble := before_the_first(file):
                    yield Problem(self.where, trouble)
                file.seek(0)
                for raw in messages(file, self._limit, self._quoting):
                    if raw.too_long:
                        words = f"longer than limits.message_size ({self._limit} octets)"
                        yield Problem(f"{self.where} at octet {raw.offset}", words)
                        continue
                    fields, octets = fields_of(raw.octets)
                    internal, first = fields.internal and first, False
                    if internal:
                        continue
                    if not octets:
                        yield Problem(f"{self.where} at octet {raw.offset}", "empty")
                        continue
                    # One that was not yet given is no server's, but what somebody has written into his message.
                    given = self.uidvalidity and highest < fields.uid < self.uidnext
                    uid = fields.uid if given else None
                    highest = uid or highest
                    yield letter(self.name, raw, fields, octets, uid, equal)
        except OSError as wrong:
            yield Problem(self.where, files.reason(wrong))

    def _read_first(self) -> Fields:
        """What the first message says of the folder."""
        try:
            with self._opened() as file:
                for raw in messages(file, MAX_LINE, self._quoting):
                    return fields_of(raw.octets)[0]
        except OSError:
            pass  # `found` will say so
        return Fields()

    def _opened(self) -> BinaryIO:
        if self._top is None:
            return files.open_named(self._root)
        with self._top.opened(self._path[:-1]) as folder:
            return files.open_plain(self._path[-1], folder)[0]
