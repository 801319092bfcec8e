"""What a row of the table of commands says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from correo.access.imap.responses import Responses
from correo.access.imap.state import State
from correo.access.imap.view import Messages
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.types import SequenceSet

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

A = TypeVar("A")

ANY = frozenset(State)
BEFORE_LOGIN = frozenset({State.NOT_AUTHENTICATED})
LOGGED_IN = frozenset({State.AUTHENTICATED, State.SELECTED})
SELECTED = frozenset({State.SELECTED})


@dataclass(frozen=True, slots=True)
class Always:
    """Words of CAPABILITY that are told in every state."""

    words: tuple[str, ...]

    def __call__(self, session: ImapSession) -> list[str]:
        return list(self.words)


@dataclass(frozen=True, slots=True)
class Command(Generic[A]):
    """One command; "UID FETCH" is one of its own. Nothing else has to be changed when a row is added.

    `uses_seqs`: it takes or answers with message numbers, so none may change before it is complete. `numbered`: it takes message
    numbers, which may change as soon as it has been carried out. `alters`: it is refused in
    a mailbox that is open for reading only. `rev1_only`: IMAP4rev2 has no such command. `capability`: what the row adds to CAPABILITY in the state of this session.
    """

    name: str
    states: frozenset[State]
    parse: Callable[[Arguments], A]
    run: Callable[[ImapSession, A], Responses]
    rfc: int = 3501
    uses_seqs: bool = False
    numbered: bool = False
    alters: bool = False
    rev1_only: bool = False
    carries_message: bool = False  # its literals may be as long as a message
    capability: Callable[[ImapSession], list[str]] = Always(())


def nothing(args: Arguments) -> None:
    """For commands without arguments."""
    args.end()


def always(*words: str) -> Always:
    return Always(words)


def by_number(args: Arguments) -> Messages:
    return _messages(args, uid=False)


def by_uid(args: Arguments) -> Messages:
    return _messages(args, uid=True)


def _messages(args: Arguments, *, uid: bool) -> Messages:
    """`sequence-set`, or `$` (RFC 5182 §4)."""
    if args.sp().take(b"$"):
        return Messages(SequenceSet(), uid, saved=True)
    return Messages(args.sequence_set(), uid)
