"""What LIST is asked: in the form of RFC 3501 §6.3.8, and in that of RFC 5258 with options before and behind.

list = "LIST" [SP "(" options ")"] SP mailbox SP (list-mailbox / "(" patterns ")") [SP "RETURN" SP "(" options ")"]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.metadata import entries
from correo.wire.imap.status import StatusItem, status_items

MAX_PATTERNS = 50  # clients send two or three


class Select(Enum):
    """Which names are told (RFC 5258 §3.1)."""

    SUBSCRIBED = "SUBSCRIBED"
    REMOTE = "REMOTE"
    RECURSIVEMATCH = "RECURSIVEMATCH"
    SPECIAL_USE = "SPECIAL-USE"  # RFC 6154 §2


# What a name must meet; the others only say how it is looked for.
CRITERIA = (Select.SUBSCRIBED, Select.SPECIAL_USE)


@dataclass(slots=True)
class Returned:
    """What is told of each name (RFC 5258 §3.2)."""

    subscribed: bool = False
    status: tuple[StatusItem, ...] = ()  # RFC 5819 §2
    metadata: tuple[str, ...] = ()  # RFC 9590 §3
    myrights: bool = False  # RFC 8440 §3


@dataclass(frozen=True, slots=True)
class Listing:
    """`extended`: one of the three marks of RFC 5258 §3 is there, and an empty pattern has no meaning of its own."""

    reference: str
    patterns: tuple[str, ...]
    extended: bool = False
    select: frozenset[Select] = frozenset()
    returned: Returned = field(default_factory=Returned)

    @property
    def criteria(self) -> tuple[Select, ...]:
        return tuple(option for option in CRITERIA if option in self.select)


def listing(args: Arguments) -> Listing:
    """The arguments of LIST. Raises SyntaxFault, also for an option nobody knows (RFC 5258 §3)."""
    args.sp()
    marked = args.peek(b"(")
    select = frozenset(args.paren_list(_select, least=0)) if marked else frozenset()
    if marked:
        args.sp()
    reference = args.mailbox()
    args.sp()
    several = args.peek(b"(")
    patterns = args.paren_list(Arguments.list_mailbox) if several else [args.list_mailbox()]
    if len(patterns) > MAX_PATTERNS:
        raise SyntaxFault(f"there are more than {MAX_PATTERNS} patterns", status="NO", code="LIMIT")
    returned = Returned(subscribed=Select.SUBSCRIBED in select)  # RFC 5258 §3.1: implied
    wanted = not args.at_end()
    if wanted:
        _returned(args.sp(), returned)
        args.end()
    asked = Listing(reference, tuple(patterns), marked or several or wanted, select, returned)
    if Select.RECURSIVEMATCH in select and not asked.criteria:
        raise SyntaxFault("RECURSIVEMATCH needs something that is to match")
    return asked


def _select(args: Arguments) -> Select:
    try:
        return Select(args.word())
    except ValueError:
        raise SyntaxFault("there is no such selection option") from None


def _returned(args: Arguments, returned: Returned) -> None:
    if not args.take_word("RETURN"):
        raise SyntaxFault("RETURN is missing")

    def option(args: Arguments) -> None:
        read = RETURNS.get(args.word())
        if read is None:
            raise SyntaxFault("there is no such return option")
        read(args, returned)

    args.sp().paren_list(option, least=0)


def _told_anyway(args: Arguments, returned: Returned) -> None:
    """CHILDREN and SPECIAL-USE cost nothing here, and RFC 5258 §4 and RFC 6154 §2 let them be told unasked."""


def _subscribed(args: Arguments, returned: Returned) -> None:
    returned.subscribed = True


def _status(args: Arguments, returned: Returned) -> None:
    """RFC 5819 §4."""
    returned.status = status_items(args.sp())


def _metadata(args: Arguments, returned: Returned) -> None:
    """RFC 9590 §5: always in parentheses."""
    if not args.sp().peek(b"("):
        raise SyntaxFault("( is missing")
    returned.metadata = entries(args)


def _myrights(args: Arguments, returned: Returned) -> None:
    returned.myrights = True


RETURNS: dict[str, Callable[[Arguments, Returned], None]] = {
    "CHILDREN": _told_anyway,
    "SPECIAL-USE": _told_anyway,
    "SUBSCRIBED": _subscribed,
    "STATUS": _status,
    "METADATA": _metadata,
    "MYRIGHTS": _myrights,
}
