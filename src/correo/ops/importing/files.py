"""Files and folders that somebody else may have made: no link is followed, and nothing but plain files is read.

What is imported is often read by root, and written by whoever owned the mail: a link to somebody else's mail, or to any file
that root can read, is not mail. Nor is a whole Maildir mail that somebody has put a link to in the place of his own.
"""

from __future__ import annotations

import errno
import os
import stat
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

MAX_LIST = 256 * 1024 * 1024  # octets of a file beside the messages: the UIDs of two million of them
MAX_LINKS = 40  # on the way to a place, as Linux has it

_PASSING = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class NotPlain(OSError):
    """A link, a pipe, a device."""

    def __init__(self) -> None:
        super().__init__(errno.EINVAL, "not a plain file")


class Foreign(OSError):
    """A second name for a file of somebody else's, which not every system forbids to give."""

    def __init__(self) -> None:
        super().__init__(errno.EPERM, "a second name (hard link) of somebody else's file")


class NotRoots(OSError):
    """A link that root does not follow."""

    def __init__(self) -> None:
        super().__init__(
            errno.ELOOP, "it is a link that somebody else than root has made; name the place it leads to"
        )


class Top:
    """A folder that was named, and is kept open: what is below it is reached from it alone, whatever becomes of its path."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self.path = path
        with _holder(path) as (folder, name):
            self._descriptor = os.open(name, _DIRECTORY, dir_fd=folder)
        weakref.finalize(self, os.close, self._descriptor)

    @contextmanager
    def opened(self, path: Sequence[bytes] = ()) -> Iterator[int]:
        """The folder at `path` below it, as a descriptor. Raises OSError."""
        current = os.open(".", _DIRECTORY, dir_fd=self._descriptor)
        try:
            for part in path:
                inner = os.open(part, _DIRECTORY, dir_fd=current)
                os.close(current)
                current = inner
            yield current
        finally:
            os.close(current)


def open_named(path: Path) -> BinaryIO:
    """A plain file that was named. Raises OSError, NotPlain."""
    with _holder(path) as (folder, name):
        return open_plain(name, folder)[0]


def is_named_folder(path: Path) -> bool:
    """Whether what was named is a folder. Raises OSError where there is nothing."""
    with _holder(path) as (folder, name):
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


@contextmanager
def _holder(path: Path) -> Iterator[tuple[int, bytes]]:
    """The folder that holds what was named, and its name there, which is no link. For root, links on the way must be root's."""
    parts = deque(os.fsencode(path).split(b"/"))
    current = os.open("/" if path.is_absolute() else ".", _PASSING)
    links = 0
    try:
        while True:
            part = parts.popleft() or b"."
            if (target := _target(part, current)) is not None:
                links += 1
                if links > MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                parts.extendleft(reversed(target.split(b"/")))
                part = b"/" if target.startswith(b"/") else b"."
            elif not any(parts):
                break
            inner = os.open(part, _PASSING, dir_fd=current)
            os.close(current)
            current = inner
        yield current, part
    except OSError as wrong:
        wrong.filename = str(path)  # and not the part of it at which the way ended
        raise
    finally:
        os.close(current)


def _target(name: bytes, folder: int) -> bytes | None:
    """Where a link leads; None for what is none."""
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        return None
    if os.geteuid() == 0 and status.st_uid != 0:
        raise NotRoots
    return os.readlink(name, dir_fd=folder)


def names(folder: int) -> list[bytes]:
    """What is in it, in order. Raises OSError."""
    return sorted(os.fsencode(name) for name in os.listdir(folder))


def is_folder(name: bytes, folder: int) -> bool:
    """Whether there is one; a link is none."""
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def is_linked_folder(name: bytes, folder: int) -> bool:
    """Whether it is a link that leads to one."""
    try:
        link = stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        return link and stat.S_ISDIR(os.stat(name, dir_fd=folder).st_mode)
    except OSError:
        return False


def open_plain(name: bytes, folder: int) -> tuple[BinaryIO, os.stat_result]:
    """A plain file, to be read. Raises OSError, NotPlain, Foreign."""
    # A device may do things when it is opened, so it is looked at before, too.
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise NotPlain
    descriptor = os.open(name, _FILE, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotPlain
        if os.geteuid() == 0 and status.st_nlink > 1 and status.st_uid != os.fstat(folder).st_uid:
            raise Foreign
        return os.fdopen(descriptor, "rb"), status
    except BaseException:
        os.close(descriptor)
        raise


def open_if_there(name: bytes, folder: int) -> BinaryIO | None:
    """A list beside the messages. Raises OSError, unless there is none."""
    try:
        file, status = open_plain(name, folder)
    except FileNotFoundError:
        return None
    if status.st_size > MAX_LIST:
        file.close()
        raise OSError(errno.EFBIG, f"longer than {MAX_LIST} octets")
    return file


def lines(file: BinaryIO, limit: int) -> Iterator[bytes | None]:
    """Each line without its end; None for one longer than `limit`."""
    while line := file.readline(limit):
        if line.endswith(b"\n") or len(line) < limit:
            yield line.rstrip(b"\r\n")
            continue
        while (rest := file.readline(limit)) and not rest.endswith(b"\n"):
            pass
        yield None


def reason(wrong: OSError) -> str:
    """Why a file cannot be read, in words."""
    if wrong.errno == errno.ELOOP or isinstance(wrong, NotPlain):
        return "not a plain file (links are not followed)"
    return wrong.strerror or str(wrong)
