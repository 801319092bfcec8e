"""LHLO host (RFC 2033 §4.1): LMTP's EHLO."""

from __future__ import annotations

from correo.receive.commands import ehlo
from correo.receive.commands.row import ANY, Command
from correo.receive.options import Profile
from correo.wire.smtp.syntax import parse_host

ROW = Command(
    "LHLO",
    ANY,
    parse_host,
    ehlo.run,
    help="LHLO host: greet, and learn what this server can",
    rfc=2033,
    profiles=frozenset({Profile.LMTP}),
    keywords=ehlo.keywords,
    idle=True,
    last=True,
)
