"""Which commands may come: the states of RFC 3501 §3."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """The logout state is the end of the connection."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
