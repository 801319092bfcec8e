"""Mail for a name that nobody here has is refused at once, rather than taken and sent back to a sender who may be forged."""

from __future__ import annotations

from correo.accounts import NoSuchUser
from correo.mail.errors import Kind
from correo.receive.checks.row import ACCEPT, Check, RecipientFacts, Reject, Verdict
from correo.receive.conversation import Conversation
from correo.receive.options import ALL
from correo.receive.replies import STATUSES

NO_SUCH_USER = Reject(STATUSES[Kind.NOT_FOUND])


async def run(talk: Conversation, recipient: RecipientFacts) -> Verdict:
    return NO_SUCH_USER if isinstance(recipient.resolution, NoSuchUser) else ACCEPT


ROW = Check("unknown_user", ALL, run)
