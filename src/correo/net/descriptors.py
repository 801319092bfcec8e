"""Descriptors: each connection takes one, and so does all that the server does for those who are connected.

Files, lookups and deliveries must not fail because strangers hold every descriptor there is, so connections get what is left.
"""

from __future__ import annotations

import resource

MOST = 1 << 20  # that are ever asked for: more connections fit no memory
KEPT = 500  # for deliveries (100, and 200 connections that are kept for the next), lookups, and connections to the database
SHARE = 4  # at least three of four are for connections, however few there are


def allow_all() -> None:
    """Let this process, and those it starts, have as many as the system lets it: usual shells and containers begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def for_connections() -> int:
    """How many of this process's are for connections."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST if soft == resource.RLIM_INFINITY else min(soft, MOST)
    return most - min(KEPT, most // SHARE)


class Descriptors:
    """The connections to one process, over all its listeners."""

    __slots__ = ("most", "open")

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.open = 0

    def take(self) -> bool:
        """Whether there is one for another connection; if so it counts until `give`."""
        if self.open >= self.most:
            return False
        self.open += 1
        return True

    def give(self) -> None:
        self.open -= 1
