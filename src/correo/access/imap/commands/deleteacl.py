"""DELETEACL (RFC 4314 §3.2): an entry goes from the list; what others give or take stays."""

from __future__ import annotations

from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.commands.setacl import SetAcl, run
from correo.mailbox import NO_RIGHTS
from correo.wire.imap.acl import identifier
from correo.wire.imap.grammar import Arguments


def parse(args: Arguments) -> SetAcl:
    """An entry without rights is no entry."""
    given = SetAcl(args.sp().mailbox(), identifier(args.sp()), "replace", NO_RIGHTS)
    args.end()
    return given


ROWS = (Command("DELETEACL", LOGGED_IN, parse, run, rfc=4314),)
