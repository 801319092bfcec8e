"""What a row of the table of commands says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from correo.receive.conversation import Conversation, Stage
from correo.receive.options import ALL, Profile
from correo.wire.smtp.answer import Reply

T = TypeVar("T")

ANY = frozenset(Stage)
GREETED = frozenset({Stage.GREETED})
IN_TRANSACTION = frozenset({Stage.SENDER, Stage.RECIPIENTS})


@dataclass(frozen=True, slots=True)
class Command(Generic[T]):
    """One command. `parse` reads the argument or raises BadSyntax; `keywords` are its lines in the answer to EHLO."""

    verb: str
    stages: frozenset[Stage]
    parse: Callable[[str], T]
    run: Callable[[Conversation, T], Awaitable[Reply]]
    help: str
    rfc: int = 5321
    profiles: frozenset[Profile] = ALL
    keywords: Callable[[Conversation], list[str]] = lambda talk: []
    offered: Callable[[Conversation], bool] = lambda talk: True
    idle: bool = False  # brings no mail nearer: counted against Limits.idle_commands
    last: bool = False  # nothing may be sent after it until it is answered (RFC 2920 §3.1)
