"""The spool of sendmail: can it be used, and has something been left in it for somebody to look at."""

from __future__ import annotations

import stat
from pathlib import Path

from correo.ops import spool
from correo.ops.checkup import Finding, ok, warning
from correo.ops.owner import owner_of

EVERYBODY = 0o1733  # what programs of all users need, and keeps them apart


def check_spool(folder: Path, user: str) -> list[Finding]:
    """`user`: as whom the server runs, "" where nobody said."""
    make = f"install -d -o {user or 'correo'} -g {user or 'correo'} -m {spool.MODE:o} {folder}"
    try:
        mode = stat.S_IMODE(folder.stat().st_mode)
        owner = owner_of(folder)
    except OSError:
        words = f"{folder} is not there, so nothing can wait while the server is down; make it with: {make}"
        return [warning("spool", words)]
    if mode & EVERYBODY != EVERYBODY or mode & 0o044 or (user and owner != user):
        return [
            warning(
                "spool", f"{folder} has another owner or mode than it must have; put it right with: {make}"
            )
        ]
    try:
        aside = spool.count_aside(folder)
    except OSError:
        return [
            ok("spool", f"{folder} can be used")
        ]  # what is in it, only the server's user and root can see
    if aside:
        letters = f"{aside} letter{'s' if aside > 1 else ''} that could not be handed over"
        words = f"{folder / spool.ASIDE} has {letters}; the log says why: read them, and remove them"
        return [warning("spool", words)]
    return [ok("spool", f"{folder} can be used")]
