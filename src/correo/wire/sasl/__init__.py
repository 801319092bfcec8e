"""SASL mechanisms (RFC 4422), the server's side, as pure dialogues.

In: the client's messages, already taken out of base64. Out: steps. An exchange asks (`Challenge` for the client, `LookUp` for
the store) and ends (`CheckPassword`, `Finished`, `Rejected`, `Malformed`); it knows no accounts, checks no plain password, and
takes its nonce as an argument. Whatever a client sends, an exchange ends and raises nothing.

One file and one row for each mechanism; what a protocol advertises is derived from the rows by `offered`.
"""

from __future__ import annotations

from collections.abc import Collection

from correo.wire.sasl import login, plain, scram
from correo.wire.sasl.keys import ScramKeys
from correo.wire.sasl.steps import (
    Ask,
    Challenge,
    CheckPassword,
    End,
    Exchange,
    Finished,
    LookUp,
    Malformed,
    Mechanism,
    Rejected,
    advance,
)

__all__ = [
    "MECHANISMS",
    "Ask",
    "Challenge",
    "CheckPassword",
    "End",
    "Exchange",
    "Finished",
    "LookUp",
    "Malformed",
    "Mechanism",
    "Rejected",
    "ScramKeys",
    "advance",
    "offered",
]

# In the order of preference, which is also the order they are advertised in.
MECHANISMS: dict[str, Mechanism] = {row.name: row for row in (scram.ROW, plain.ROW, login.ROW)}


def offered(*, encrypted: bool, allowed: Collection[str] | None = None) -> tuple[str, ...]:
    """The names to advertise: without TLS none that shows the password (RFC 4616 §1)."""
    return tuple(
        name
        for name, row in MECHANISMS.items()
        if (encrypted or not row.plaintext) and (allowed is None or name in allowed)
    )
