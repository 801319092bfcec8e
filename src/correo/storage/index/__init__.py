"""Which documents may hold some text: an index that forgets the text itself, and that may be thrown away at any time.

In come documents, each a number that is never given to another and a text; out go the numbers of those that may hold what is
sought. The answer is a filter: whoever asks compares for himself.

Promised, whatever happened to the index before:
- A document that holds all that is sought is never left out. What was not added yet or is too long to be indexed is among
  the answers, and so is everything once damage is noticed; an index that is behind, empty or gone costs time and nothing else.
- Nothing here is the only copy of anything: the index is not in backups, and is made again from what it was made of.
- Texts are compared as they are: whoever adds and whoever asks has folded them in the same way.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from correo.storage.index.wanted import AllOf, AnyOf, Wanted

__all__ = ["AllOf", "AnyOf", "Document", "Index", "Wanted"]


class Document(NamedTuple):
    id: int
    text: str | None  # None: nobody can tell, it is among all answers


class Index(Protocol):
    """None of these raises: what fails is logged, and answered as if nothing were indexed."""

    async def add(self, documents: Sequence[Document]) -> None:
        """Those that are known already stay as they are. Takes about 0.15 s a million characters, beside the event loop."""
        ...

    async def remove(self, ids: Iterable[int]) -> None: ...

    async def known(self, after: int, last: int) -> list[int]:
        """The documents that were added, with after < id <= last, ascending."""
        ...

    async def suspects(self, ids: array[int], wanted: Wanted) -> set[int]:
        """Those of `ids` (an array of type q) that may hold what is wanted."""
        ...

    async def close(self) -> None: ...
