"""A dialogue as somebody else may see it who looks on: in lines, without passwords, and with messages as a size.

In come the events that a core gave to its session, and the octets of the answers; out go `Shown` lines, of printable characters only.
One object follows one connection: `smtp`, `pop3` and `imap` for those who come to us, `outgoing` for where we go.

Promised: nothing that proves who somebody is appears, in whatever pieces it comes. What the client says is taken from the core, which knows
what is a command and what an answer in an exchange of AUTH; of commands only those are shown that are known, since what is none may be
a password that came at the wrong time. Whatever is not known when looking on begins is hidden.
"""

from __future__ import annotations

from typing import Any, Protocol

from correo.wire.watched.lines import CLIENT, HIDDEN, NOTE, SERVER, Shown

__all__ = ["CLIENT", "HIDDEN", "NOTE", "SERVER", "Shown", "Watched"]


class Watched(Protocol):
    def heard(self, event: Any) -> list[Shown]:
        """What the client has said, as the core has given it to the session."""
        ...

    def said(self, octets: bytes) -> list[Shown]:
        """The next octets of the answers."""
        ...

    def settled(self) -> list[Shown]:
        """Everything that was asked is answered."""
        ...
