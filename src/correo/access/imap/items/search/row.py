"""What a row of the table of SEARCH keys says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from correo.access.imap.items.search.facts import Facts
from correo.wire.imap.types import SequenceSet

NOTHING = SequenceSet()

# None: more must be read before anybody can tell.
Test = Callable[[Facts], bool | None]


class More(IntEnum):
    """What must be read besides the row, the cheaper first."""

    HEADER = 1
    MESSAGE = 2


class Compiled(NamedTuple):
    test: Test
    needs: frozenset[More] = frozenset()
    columns: frozenset[str] = frozenset()  # to be read with the row, names of `mailbox.COLUMNS`

    @property
    def cost(self) -> int:
        """Keys of a search are tried in this order, whatever order the client wrote."""
        return max(self.needs, default=0)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What keys may ask of the mailbox as the client sees it."""

    count: int  # messages
    last_uid: int
    now: int = 0  # µs UTC
    saved: SequenceSet = NOTHING  # UIDs that `$` stands for


Compile = Callable[[Any, Mailbox], Compiled]
