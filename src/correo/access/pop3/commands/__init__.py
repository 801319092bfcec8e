"""Every POP3 command, one file and one row each. CAPA, the state checks and docs/rfcs.tsv follow from the rows."""

from correo.access.pop3.commands import (
    auth,
    capa,
    dele,
    lang,
    list_,
    noop,
    pass_,
    quit_,
    retr,
    rset,
    stat,
    stls,
    top,
    uidl,
    user,
    utf8,
)
from correo.access.pop3.commands.row import Command

COMMANDS: tuple[Command, ...] = (
    user.ROW,
    pass_.ROW,
    auth.ROW,
    stls.ROW,
    capa.ROW,
    utf8.ROW,
    lang.ROW,
    stat.ROW,
    list_.ROW,
    uidl.ROW,
    retr.ROW,
    top.ROW,
    dele.ROW,
    rset.ROW,
    noop.ROW,
    quit_.ROW,
)

BY_VERB = {command.verb: command for command in COMMANDS}
