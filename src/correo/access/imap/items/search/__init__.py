"""What SEARCH can be asked for: a row for each kind of key, which makes a test of messages out of it.

A test says None while it does not know enough: rows are tried first, then headers, then whole messages, and each only for
the messages about which the cheaper keys left a doubt.
"""

from __future__ import annotations

from typing import Any

from correo.access.imap.items.search import fuzzy, logic, rows, texts
from correo.access.imap.items.search.row import Compile, Compiled, Mailbox
from correo.wire.imap.search import Key


def compile_key(key: Key, box: Mailbox) -> Compiled:
    return KEYS[type(key)](key, box)


KEYS: dict[type[Any], Compile] = {
    **logic.rows(compile_key),
    **rows.ROWS,
    **texts.ROWS,
    **fuzzy.rows(compile_key),
}
