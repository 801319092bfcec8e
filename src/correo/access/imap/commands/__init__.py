"""Every IMAP command, one file each, and a row for each form of it. CAPABILITY, the state checks and docs/rfcs.tsv follow
from the rows."""

from __future__ import annotations

from typing import Any

from correo.access.imap.commands import (
    append,
    authenticate,
    capability,
    check,
    close,
    copy,
    create,
    delete,
    enable,
    examine,
    expunge,
    fetch,
    id_,
    idle,
    list_,
    login,
    logout,
    lsub,
    move,
    namespace,
    noop,
    rename,
    search,
    select,
    starttls,
    status,
    store,
    subscribe,
    unselect,
    unsubscribe,
)
from correo.access.imap.commands.row import Command

COMMANDS: tuple[Command[Any], ...] = (
    *capability.ROWS,
    *noop.ROWS,
    *logout.ROWS,
    *id_.ROWS,
    *starttls.ROWS,
    *authenticate.ROWS,
    *login.ROWS,
    *enable.ROWS,
    *select.ROWS,
    *examine.ROWS,
    *create.ROWS,
    *delete.ROWS,
    *rename.ROWS,
    *subscribe.ROWS,
    *unsubscribe.ROWS,
    *list_.ROWS,
    *lsub.ROWS,
    *namespace.ROWS,
    *status.ROWS,
    *append.ROWS,
    *idle.ROWS,
    *check.ROWS,
    *close.ROWS,
    *unselect.ROWS,
    *expunge.ROWS,
    *search.ROWS,
    *fetch.ROWS,
    *store.ROWS,
    *copy.ROWS,
    *move.ROWS,
)

BY_NAME = {command.name: command for command in COMMANDS}
