"""EXAMINE (RFC 3501 §6.3.2): as SELECT, for reading only."""

from __future__ import annotations

from functools import partial

from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.commands.select import parse, run

ROWS = (Command("EXAMINE", LOGGED_IN, parse, partial(run, read_only=True)),)
