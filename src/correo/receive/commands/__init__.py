"""The commands of SMTP and LMTP: one file and one row each. What EHLO and HELP say is made from this table."""

from __future__ import annotations

from typing import Any

from correo.receive.commands import (
    auth,
    bdat,
    data,
    ehlo,
    expn,
    helo,
    help_,
    lhlo,
    mail,
    noop,
    quit_,
    rcpt,
    rset,
    starttls,
    vrfy,
    xclient,
)
from correo.receive.commands.row import Command

# In the order HELP names them and EHLO tells of what they can.
COMMANDS: tuple[Command[Any], ...] = (
    ehlo.ROW,
    helo.ROW,
    lhlo.ROW,
    starttls.ROW,
    auth.ROW,
    mail.ROW,
    rcpt.ROW,
    data.ROW,
    bdat.ROW,
    rset.ROW,
    noop.ROW,
    vrfy.ROW,
    expn.ROW,
    xclient.ROW,
    help_.ROW,
    quit_.ROW,
)
