"""SETQUOTA (RFC 9208 §4.1.3): limits are the operator's to set, with `correo account quota`, so QUOTASET is not announced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.replies import REPLIES
from correo.access.imap.responses import Responses
from correo.mail.errors import Kind
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.quota import set_quota

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


def parse(args: Arguments) -> bytes:
    root = set_quota(args)
    args.end()
    return root


async def run(session: ImapSession, _: bytes) -> Responses:
    yield REPLIES[Kind.NO_PERMISSION]


ROWS = (Command("SETQUOTA", LOGGED_IN, parse, run, rfc=9208),)
