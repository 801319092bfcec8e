"""Where letters wait while the server is down: a folder into which everybody may put files, and which only the server can list.

    put         by the program that hands over a letter: written aside, synced, then given its name
    waiting     by the server: the names of what is whole
    take        one of them, and whose it is: the owner of the file, which nobody can feign
    remove, set_aside

A letter has no other name than its random one, so that nobody finds that of somebody else. Files are of the folder's group where it
hands that down (the set-group-ID bit), and for that group's eyes alone; elsewhere the server could not read them, and they are
hidden by their names only.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from correo.mail.instant import DAY, SECOND
from correo.wire.smtp.letter import Letter

MODE = 0o3733  # everybody may put, nobody may list or remove what is not his; files get the folder's group
MODE_WITHOUT_GROUP = 0o1733  # where the service manager forbids set-group-ID bits
ASIDE = "aside"  # letters that cannot be handed over, for somebody to look at
BEGUN = ".new-"  # in front of names: not whole yet
ABANDONED = DAY  # after which nobody writes any more
MAX_WAITING = 100_000  # letters of one look, some ten megabytes of names: the next look finds the others
MAX_ENVELOPE = 1024 * 1024  # octets; a thousand recipients take a quarter of it

_OPENING = b"correo letter 1\n"
_NAME = re.compile(r"[0-9a-z]{8,64}")


class BadLetter(Exception):
    """The file is no letter, or no file; the text says why."""


class Envelope(msgspec.Struct, frozen=True):
    """The second line of the file; what follows is the text."""

    sender: str
    recipients: tuple[str, ...]
    notify: str = ""
    ret: str = ""
    envelope_id: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    letter: Letter
    uid: int
    written: int  # µs UTC, by its owner's word


def prepare(folder: Path) -> None:
    """Make what is missing of it, as its owner. Raises OSError."""
    if not folder.is_dir():
        folder.mkdir()
        try:
            folder.chmod(MODE)
        except PermissionError:
            folder.chmod(MODE_WITHOUT_GROUP)
    aside = folder / ASIDE
    with suppress(FileExistsError):
        aside.mkdir(mode=0o700)
    # Everybody may make something of that name, too, and would have what others wrote.
    status = aside.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (os.geteuid(), folder.stat().st_uid):
        raise NotADirectoryError(errno.ENOTDIR, "is not the server's folder", str(aside))


def put(folder: Path, letter: Letter, name: str) -> None:
    """Keep `letter` under `name` until the server comes, whatever happens to the machine. Raises OSError."""
    envelope = Envelope(letter.sender, letter.recipients, letter.notify, letter.ret, letter.envelope_id)
    begun = folder / (BEGUN + name)
    descriptor = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(_OPENING + msgspec.json.encode(envelope) + b"\n")
            file.write(letter.text)
        shared = os.fstat(descriptor).st_gid == folder.stat().st_gid
        os.fchmod(descriptor, 0o640 if shared else 0o644)
        os.fsync(descriptor)
        os.rename(begun, folder / name)
        # The folder itself cannot be opened by whoever may only put. To sync the file again brings its new name to the disk on the
        # file systems that keep a journal.
        os.fsync(descriptor)
    except OSError:
        begun.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def waiting(folder: Path) -> list[str]:
    """The names of letters that are whole, the oldest first, at most MAX_WAITING. Raises OSError."""
    found: list[tuple[int, str]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            # Whatever else somebody has put there is nobody's letter.
            if (
                len(found) < MAX_WAITING
                and _NAME.fullmatch(entry.name)
                and entry.is_file(follow_symlinks=False)
            ):
                found.append((_written(entry), entry.name))
    return [name for _, name in sorted(found)]


def _written(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_mtime_ns
    except FileNotFoundError:
        return 0  # its owner took it back


def take(folder: Path, name: str, max_size: int) -> Found:
    """Raises BadLetter, OSError."""
    with _opened(folder / name) as descriptor:
        status = os.fstat(descriptor)
        # A second name would make somebody else's file a letter of his; all but files could keep us waiting.
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise BadLetter("it is not a file, or has two names")
        if status.st_size > max_size + MAX_ENVELOPE:
            raise BadLetter(f"it is longer than {max_size} octets")
        with open(descriptor, "rb", closefd=False) as file:
            octets = file.read(status.st_size)
    head, _, rest = octets.partition(b"\n")
    line, _, text = rest.partition(b"\n")
    if head + b"\n" != _OPENING or len(line) > MAX_ENVELOPE:
        raise BadLetter("it does not begin as a letter does")
    try:
        envelope = msgspec.json.decode(line, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise BadLetter(f"its envelope cannot be read: {wrong}") from None
    letter = Letter(
        envelope.sender, envelope.recipients, text, envelope.notify, envelope.ret, envelope.envelope_id
    )
    if not letter.safe or not letter.recipients:
        raise BadLetter("its envelope has characters that no address has, or no recipient")
    return Found(letter, status.st_uid, status.st_mtime_ns // 1_000)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def remove(folder: Path, name: str) -> None:
    """Raises OSError."""
    os.unlink(folder / name)


def set_aside(folder: Path, name: str) -> None:
    """Raises OSError."""
    os.rename(folder / name, folder / ASIDE / name)


def count_aside(folder: Path) -> int:
    """How many letters somebody should look at. Raises OSError."""
    return len(os.listdir(folder / ASIDE))


def clean(folder: Path, now: int) -> None:
    """Remove what was begun and never finished, as far as it can be; `now` in µs UTC. Raises OSError."""
    oldest = (now - ABANDONED) // SECOND
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # its owner may have taken it away, or it is a folder
                if entry.name.startswith(BEGUN) and entry.stat(follow_symlinks=False).st_mtime < oldest:
                    os.unlink(entry.path)
