"""The memory that messages may take while they are received, over all connections together."""

from __future__ import annotations


class Budget:
    """Counts octets. What does not fit is refused with 452: the other side keeps its message and tries again."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def take(self, size: int) -> bool:
        """Whether `size` octets more may be held; if so they count until `give`."""
        if self.used + size > self.limit:
            return False
        self.used += size
        return True

    def give(self, size: int) -> None:
        self.used -= size
