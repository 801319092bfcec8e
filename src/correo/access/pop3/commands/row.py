"""What a row of the table of commands says."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from correo.access.pop3.state import State
from correo.mail.errors import Kind, Refused
from correo.wire.pop3.reply import Reply

if TYPE_CHECKING:
    from correo.access.pop3.session import Pop3Session

ANY = frozenset(State)
BEFORE_LOGIN = frozenset({State.AUTHORIZATION})
LOGGED_IN = frozenset({State.TRANSACTION})

_NUMBER = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `capability` gives the lines it adds to CAPA in the state of this session (RFC 2449 §5)."""

    verb: str
    states: frozenset[State]
    run: Callable[[Pop3Session, str], Awaitable[Reply]]
    rfc: int = 1939
    capability: Callable[[Pop3Session], list[str]] = lambda session: []


def number(text: str) -> int:
    """A message number. Raises Refused(NOT_FOUND), as for a number that nobody has."""
    if not _NUMBER.fullmatch(text):
        raise Refused(Kind.NOT_FOUND)
    return int(text)
