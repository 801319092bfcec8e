"""Files as they are after the machine has started: not in memory."""

from __future__ import annotations

import os
from pathlib import Path

DROP = Path("/proc/sys/vm/drop_caches")


def forget(folder: Path) -> str:
    """Let the system forget the pages of the files below `folder`; returns how. What a server keeps of them itself it still has."""
    os.sync()  # only pages that are written can go
    try:
        DROP.write_text("3")
    except OSError:
        for file in folder.rglob("*"):
            if file.is_file():
                _forget(file)
        return "posix_fadvise"
    return "drop_caches"


def _forget(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
