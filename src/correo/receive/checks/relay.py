"""Mail for others only from those who logged in or whom this machine knows: the one check no configuration removes (RFC 5321 §7.1).

`user%there@here`, `there!user@here`, `"user@there"@here` and source routes are nothing to it: what stands before the last @ is a name of
ours or of nobody (RFC 5321 §2.3.11), and a route is left out where it is read.
"""

from __future__ import annotations

from correo.accounts import NotLocal
from correo.mail.status import Status
from correo.receive.checks.row import ACCEPT, Check, RecipientFacts, Reject, Verdict
from correo.receive.conversation import Conversation
from correo.receive.options import ALL

DENIED = Reject(Status(550, "5.7.1", "Relaying denied"))


async def run(talk: Conversation, recipient: RecipientFacts) -> Verdict:
    if isinstance(recipient.resolution, NotLocal) and not talk.known:
        return DENIED
    return ACCEPT


ROW = Check("relay", ALL, run)
