"""Which commands may come: the states of RFC 1939 §3."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """UPDATE is no state here: QUIT enters and leaves it."""

    AUTHORIZATION = "authorization"
    TRANSACTION = "transaction"
