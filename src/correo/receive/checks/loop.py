"""A message that has passed through very many servers goes in circles (RFC 5321 §6.3)."""

from __future__ import annotations

from correo.mail.status import Status
from correo.receive.checks.row import ACCEPT, Check, MessageFacts, Reject, Verdict
from correo.receive.conversation import Conversation
from correo.receive.options import ALL

LOOP = Reject(Status(554, "5.4.6", "Too many hops: the message goes in circles"))


async def run(talk: Conversation, message: MessageFacts) -> Verdict:
    return LOOP if message.folded.count(b"\nreceived:") > talk.limits.received else ACCEPT


ROW = Check("loop", ALL, run)
