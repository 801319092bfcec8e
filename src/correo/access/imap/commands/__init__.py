"""Every IMAP command, one file each, and a row for each form of it. CAPABILITY, the state checks and docs/rfcs.tsv follow
from the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any

from correo.access.imap.commands import (
    append,
    authenticate,
    cancelupdate,
    capability,
    check,
    close,
    compress,
    copy,
    create,
    delete,
    deleteacl,
    enable,
    esearch,
    examine,
    expunge,
    fetch,
    getacl,
    getmetadata,
    getquota,
    getquotaroot,
    id_,
    idle,
    list_,
    listrights,
    login,
    logout,
    lsub,
    move,
    myrights,
    namespace,
    noop,
    notify,
    rename,
    replace,
    search,
    select,
    setacl,
    setmetadata,
    setquota,
    sort,
    starttls,
    status,
    store,
    subscribe,
    thread,
    uidbatches,
    unauthenticate,
    unselect,
    unsubscribe,
    xtrace,
)
from correo.access.imap.commands.row import Always, Command

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

COMMANDS: tuple[Command[Any], ...] = (
    *capability.ROWS,
    *noop.ROWS,
    *logout.ROWS,
    *id_.ROWS,
    *starttls.ROWS,
    *authenticate.ROWS,
    *login.ROWS,
    *unauthenticate.ROWS,
    *enable.ROWS,
    *compress.ROWS,
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
    *getmetadata.ROWS,
    *setmetadata.ROWS,
    *getacl.ROWS,
    *setacl.ROWS,
    *deleteacl.ROWS,
    *listrights.ROWS,
    *myrights.ROWS,
    *getquota.ROWS,
    *getquotaroot.ROWS,
    *setquota.ROWS,
    *append.ROWS,
    *replace.ROWS,
    *idle.ROWS,
    *notify.ROWS,
    *check.ROWS,
    *close.ROWS,
    *unselect.ROWS,
    *expunge.ROWS,
    *search.ROWS,
    *sort.ROWS,
    *thread.ROWS,
    *cancelupdate.ROWS,
    *esearch.ROWS,
    *uidbatches.ROWS,
    *fetch.ROWS,
    *store.ROWS,
    *copy.ROWS,
    *move.ROWS,
    *xtrace.ROWS,
)

BY_NAME = {command.name: command for command in COMMANDS}


def announced(session: ImapSession) -> Iterable[str]:
    """What the rows add to CAPABILITY, in their order."""
    return chain.from_iterable(some if isinstance(some, list) else some(session) for some in _WORDS)


def _gathered() -> list[list[str] | Callable[[ImapSession], list[str]]]:
    """Every session tells its capabilities twice: what does not depend on it is put together once."""
    gathered: list[list[str] | Callable[[ImapSession], list[str]]] = [[]]
    for adds in (command.capability for command in COMMANDS):
        if not isinstance(adds, Always):
            gathered += (adds, [])
        elif isinstance(gathered[-1], list):
            gathered[-1] += adds.words
    return gathered


_WORDS = _gathered()
