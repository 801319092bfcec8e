"""SASL mechanisms (RFC 4422), the server's side, as pure dialogues.

In: the client's messages, already taken out of base64. Out: steps. An exchange asks (`Challenge` for the client, `LookUp` for
the store, `CheckToken` for whoever gave it) and ends (`CheckPassword`, `Finished`, `Vouched`, `Rejected`, `Malformed`); it knows
no accounts, checks no plain password, and takes its nonce as an argument. Whatever a client sends, an exchange ends and raises
nothing.

One row for each mechanism; what a protocol advertises is derived from the rows and the connection by `offered`.
"""

from __future__ import annotations

from collections.abc import Collection

from correo.wire.sasl import cram, external, login, oauth, plain, scram
from correo.wire.sasl.keys import CramKeys, Digest, Keys, ScramKeys, include
from correo.wire.sasl.steps import (
    Ask,
    BadToken,
    Challenge,
    Channel,
    CheckPassword,
    CheckToken,
    End,
    Exchange,
    Finished,
    LookUp,
    Malformed,
    Mechanism,
    Opening,
    Rejected,
    TokenOwner,
    Vouched,
    advance,
)

__all__ = [
    "MECHANISMS",
    "Ask",
    "BadToken",
    "Challenge",
    "Channel",
    "CheckPassword",
    "CheckToken",
    "CramKeys",
    "Digest",
    "End",
    "Exchange",
    "Finished",
    "Keys",
    "LookUp",
    "Malformed",
    "Mechanism",
    "Opening",
    "Rejected",
    "ScramKeys",
    "TokenOwner",
    "Vouched",
    "advance",
    "include",
    "offered",
]

# In the order of preference, which is also the order they are advertised in.
MECHANISMS: dict[str, Mechanism] = {
    row.name: row
    for row in (
        *scram.ROWS,
        external.ROW,
        oauth.OAUTHBEARER,
        oauth.XOAUTH2,
        plain.ROW,
        login.ROW,
        cram.ROW,
    )
}


def offered(channel: Channel, allowed: Collection[str]) -> tuple[str, ...]:
    """The names to advertise over this connection."""
    return tuple(name for name, row in MECHANISMS.items() if name in allowed and row.serves(channel))
