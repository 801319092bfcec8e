"""What may be said against taking a message: one file and one row each.

In: a `Conversation` and the facts of the moment (the sender at MAIL, `RecipientFacts` at RCPT, `MessageFacts` after the final
dot). Out: a verdict, ACCEPT, Reject or Defer with the status that is said. A check changes nothing and knows nothing of the
others; the order of the tables decides whose words a client hears.
"""

from __future__ import annotations

from typing import Any

from correo.mail.address import Address
from correo.receive.checks import form, login, loop, over_quota, rate, relay, sender, unknown_user
from correo.receive.checks.row import Check, MessageFacts, RecipientFacts, first_refusal

__all__ = ["AT_END", "AT_MAIL", "AT_RCPT", "CHECKS", "first_refusal"]

AT_MAIL: tuple[Check[Address | None], ...] = (login.ROW, sender.ROW, rate.MAIL_ROW)
AT_RCPT: tuple[Check[RecipientFacts], ...] = (relay.ROW, unknown_user.ROW, over_quota.ROW, rate.RCPT_ROW)
AT_END: tuple[Check[MessageFacts], ...] = (loop.ROW, form.ROW)

CHECKS: tuple[Check[Any], ...] = (*AT_MAIL, *AT_RCPT, *AT_END)
