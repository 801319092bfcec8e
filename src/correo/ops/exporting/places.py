"""New files below a new folder, for the eyes of their owner alone.

Root may write where others may rename and link: all is reached from the opened folder alone, and no link is followed.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from correo.ops.importing import files

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def make_empty(folder: Path) -> files.Top:
    """Make it, or take it if there is nothing in it. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    top = files.Top(folder)
    with top.opened() as opened:
        if os.listdir(opened):
            raise OSError(errno.ENOTEMPTY, "there is something in it; name a new folder", str(folder))
    return top


def new_folder(name: str, inside: int, *, known: bool = False) -> int:
    """As a descriptor, which the caller closes; `known`: it may be there already. Raises OSError."""
    with suppress(*([FileExistsError] if known else [])):
        os.mkdir(name, 0o700, dir_fd=inside)
    return os.open(name, _FOLDER, dir_fd=inside)


def create(name: str, inside: int) -> BinaryIO:
    """A file that was not there. Raises OSError."""
    return open(os.open(name, _NEW, 0o600, dir_fd=inside), "wb")


def write(name: str, octets: bytes, inside: int, modified: int | None = None) -> None:
    """The same with all that is in it, as of `modified` (ns). Raises OSError."""
    with create(name, inside) as file:
        file.write(octets)
        if modified is not None:
            file.flush()
            os.utime(file.fileno(), ns=(modified, modified))
