"""Maildirs: Maildir++ as Dovecot and Courier keep it, and Dovecot's LAYOUT=fs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from enum import Enum
from pathlib import Path
from typing import TypeVar

from correo.mailbox import INBOX, MAX_DEPTH
from correo.ops.importing import exported, files, subscribed
from correo.ops.importing.found import Folder, Problem, folder_name, folder_part, shown
from correo.ops.importing.maildir import Maildir
from correo.ops.importing.unique_ids import UidlFormat

T = TypeVar("T")

CUR = b"cur"
DBOX = b"mailboxes"  # what Dovecot's sdbox and mdbox keep folders in
_LINK = "a link, which is not followed"
_OF_A_MAILDIR = frozenset({b"cur", b"new", b"tmp"})
MAX_FOLDERS = 20_000  # that are looked at in one tree: a tree without end is none


class Layout(Enum):
    """How a folder's path is written."""

    AUTO = "auto"  # Maildir++, unless there is nothing of it
    MAILDIR_PLUS_PLUS = "maildir++"  # all side by side: .Sent.2024
    FS = "fs"  # one in the other: Sent/2024


class Maildirs:
    def __init__(self, root: Path, layout: Layout, limit: int, template: UidlFormat | None = None) -> None:
        """`limit`: octets of the longest message; `template` makes UIDLs where none are kept."""
        self.problems: list[Problem] = []
        self._top = files.Top(root)
        self._limit = limit
        self._template = template
        with self._top.opened() as top:
            known = exported.read(top)
            self._paths = [(path, known.at(path, name)) for path, name in self._found_paths(top, layout)]
            if not self._paths and files.is_folder(DBOX, top):
                self._say(
                    (),
                    "Dovecot's dbox, and no Maildir: doveadm backup -u USER maildir:DIRECTORY makes one of it",
                )

    def folders(self) -> Iterator[Folder]:
        """INBOX first."""
        for path, box in self._paths:
            yield Maildir(self._top, path, box.name, box.special_use, self._limit, self._template)

    def subscriptions(self) -> list[str]:
        """Those of Dovecot, or else of Courier."""
        there = {box.name for _, box in self._paths}
        separator = b"." if self._plus_plus else b"/"
        with self._top.opened() as top:
            found = self._lines(
                top, b"subscriptions", lambda rows: subscribed.dovecot(rows, separator, there)
            )
            if found is None:
                found = self._lines(
                    top, b"courierimapsubscribed", lambda rows: subscribed.courier(rows, there)
                )
        return found or []

    def _found_paths(self, top: int, layout: Layout) -> Iterator[tuple[tuple[bytes, ...], str]]:
        """Where each folder is, and its mailbox."""
        names = files.names(top)
        side_by_side = [name for name in names if name.startswith(b".") and self._is_maildir(top, name)]
        self._plus_plus = layout is Layout.MAILDIR_PLUS_PLUS or (layout is Layout.AUTO and bool(side_by_side))
        if files.is_folder(CUR, top):
            yield (), INBOX
        self._say_what_is_kept_otherwise(top, names, side_by_side)
        if self._plus_plus:
            for name in side_by_side[:MAX_FOLDERS]:
                yield (name,), folder_name(map(folder_part, name[1:].split(b".")))
            if len(side_by_side) > MAX_FOLDERS:
                self._say((), f"it has more than {MAX_FOLDERS} folders; the others were left out")
        else:
            yield from ((path, folder_name(map(folder_part, path))) for path in self._below(top, ()))

    def _below(self, top: int, path: tuple[bytes, ...]) -> Iterator[tuple[bytes, ...]]:
        """Folders in folders, each before those within it."""
        looked_at = 0
        waiting = [path]
        while waiting:
            path = waiting.pop()
            looked_at += 1
            if looked_at > MAX_FOLDERS:
                self._say((), f"it has more than {MAX_FOLDERS} folders; the others were left out")
                return
            try:
                with self._top.opened(path) as folder:
                    if path and files.is_folder(CUR, folder):
                        yield path
                    inner = [name for name in files.names(folder) if self._may_be_folder(path, name, folder)]
            except OSError as wrong:
                self._say(path, files.reason(wrong))
                continue
            if len(path) < MAX_DEPTH:
                waiting += [(*path, name) for name in reversed(inner)]
            elif inner:
                self._say(path, f"what is below lies deeper than {MAX_DEPTH} folders, and was left out")

    def _may_be_folder(self, path: tuple[bytes, ...], name: bytes, folder: int) -> bool:
        if name in _OF_A_MAILDIR or name.startswith(b".") or name == b"courierimapkeywords":
            return False
        if files.is_linked_folder(name, folder):
            self._say((*path, name), _LINK)
        return files.is_folder(name, folder)

    def _is_maildir(self, top: int, name: bytes) -> bool:
        if files.is_linked_folder(name, top):
            self._say((name,), _LINK)
        if not files.is_folder(name, top):
            return False
        try:
            with self._top.opened((name,)) as folder:
                return files.is_folder(CUR, folder)
        except OSError as wrong:
            self._say((name,), files.reason(wrong))
            return False

    def _say_what_is_kept_otherwise(
        self, top: int, names: Sequence[bytes], side_by_side: Sequence[bytes]
    ) -> None:
        """Folders of the other layout, which would be left out without a word."""
        if not self._plus_plus:
            for name in side_by_side:
                self._say((name,), "a folder of --layout maildir++, which was left out")
            return
        for name in names:
            if not name.startswith(b".") and name not in _OF_A_MAILDIR and self._is_maildir(top, name):
                self._say((name,), "a folder of --layout fs, which was left out")

    def _say(self, path: Sequence[bytes], words: str) -> None:
        self.problems.append(Problem(self._where(path), words))

    def _lines(
        self, folder: int, name: bytes, parsed: Callable[[Iterator[bytes | None]], Sequence[str]]
    ) -> list[str] | None:
        """What a list of the topmost folder says; None where there is none."""
        try:
            file = files.open_if_there(name, folder)
        except OSError as wrong:
            self._say((name,), files.reason(wrong))
            return None
        if file is None:
            return None
        with closing(file):
            return list(parsed(files.lines(file, subscribed.MAX_LINE)))

    def _where(self, path: Sequence[bytes]) -> str:
        return "/".join([str(self._top.path), *map(shown, path)])
