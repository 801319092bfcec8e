"""Who sends a message to whom, as the transaction says it and whatever its header says (RFC 5321 §2.3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from correo.mail.address import Address
from correo.mail.terms import PLAIN, Terms
from correo.mail.wishes import Wishes

SEVEN_BIT = "7BIT"
EIGHT_BIT = "8BITMIME"  # RFC 6152 §2
BINARY = "BINARYMIME"  # RFC 3030 §3: any octets in any order, in parts that say so
BODIES = (SEVEN_BIT, EIGHT_BIT, BINARY)


@dataclass(frozen=True, slots=True)
class Envelope:
    """`sender` None is the null reverse-path of bounces and notices (RFC 5321 §4.5.5)."""

    sender: Address | None
    recipients: tuple[Address, ...]
    body: str = SEVEN_BIT  # one of BODIES
    utf8: bool = False  # the client asked for SMTPUTF8: addresses and header may need it (RFC 6531)
    ret: str = ""  # FULL or HDRS: how much of the message a notice of failure brings back (RFC 3461 §4.3)
    envelope_id: str = ""  # in xtext, the sender's own name for this envelope (RFC 3461 §4.4)
    wishes: Mapping[str, Wishes] = field(default_factory=dict)  # by folded address
    terms: Terms = PLAIN  # how it is to be carried
