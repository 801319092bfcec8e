"""MOVE and UID MOVE (RFC 6851)."""

from __future__ import annotations

from functools import partial

from correo.access.imap.commands.copy import parser, run
from correo.access.imap.commands.row import SELECTED, Command, always, by_number, by_uid

_run = partial(run, remove=True)

ROWS = (
    Command(
        "MOVE",
        SELECTED,
        parser(by_number),
        _run,
        rfc=6851,
        numbered=True,
        alters=True,
        capability=always("MOVE"),
    ),
    Command("UID MOVE", SELECTED, parser(by_uid), _run, rfc=6851, alters=True),
)
