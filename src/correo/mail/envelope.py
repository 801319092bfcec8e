"""Who sends a message to whom, as the transaction says it and whatever its header says (RFC 5321 §2.3.1)."""

from __future__ import annotations

from dataclasses import dataclass

from correo.mail.address import Address

SEVEN_BIT = "7BIT"
EIGHT_BIT = "8BITMIME"  # RFC 6152 §2
BODIES = (SEVEN_BIT, EIGHT_BIT)


@dataclass(frozen=True, slots=True)
class Envelope:
    """`sender` None is the null reverse-path of bounces and notices (RFC 5321 §4.5.5)."""

    sender: Address | None
    recipients: tuple[Address, ...]
    body: str = SEVEN_BIT  # one of BODIES
    utf8: bool = False  # the client asked for SMTPUTF8: addresses and header may need it (RFC 6531)
