"""Who says how a host may be dialled. `policy.guard.Policies` knows what domains publish; here is what there is without it."""

from __future__ import annotations

from typing import Protocol

from correo.mail.protection import Protection
from correo.mail.status import Status
from correo.net.tls import opportunistic_context
from correo.transport.connection import Trouble
from correo.transport.hops import Hop, Security
from correo.transport.policy import Failure

CLEAR = Security(None)


class Guard(Protocol):
    async def ways(
        self, domain: str, hop: Hop, wanted: Protection, *, notice: bool
    ) -> tuple[Security, ...] | Trouble:
        """How `hop` may be dialled with mail for a folded `domain`: the best first, never empty; or why it may not.

        The next one is for when the protection of the one before did not come about. `notice`: with the null reverse-path.
        """
        ...

    def note(self, domain: str, hop: Hop, way: Security, result: Failure | None) -> None:
        """A connection came to the point where it is protected (None) or not, by the first of its ways."""
        ...

    async def renew(self) -> None:
        """Look after what is kept, once in a while."""
        ...

    async def close(self) -> None: ...


class Opportunistic:
    """TLS where it is offered (RFC 7435), or never."""

    def __init__(self, *, tls: bool = True) -> None:
        self._ways = (Security(opportunistic_context()), CLEAR) if tls else (CLEAR,)

    async def ways(
        self, domain: str, hop: Hop, wanted: Protection, *, notice: bool
    ) -> tuple[Security, ...] | Trouble:
        if wanted is Protection.REQUIRED and not notice:
            words = "this server proves no other server, which REQUIRETLS needs"
            return Trouble(Status(550, "5.7.10", words), unprotected=True)
        return self._ways

    def note(self, domain: str, hop: Hop, way: Security, result: Failure | None) -> None:
        """Nothing is counted."""

    async def renew(self) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing is open."""
