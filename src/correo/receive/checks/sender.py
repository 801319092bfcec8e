"""Who logged in sends under his own names (RFC 6409 §6.1). The null reverse-path is nobody's name: notices have it."""

from __future__ import annotations

from correo import accounts
from correo.mail.address import Address
from correo.mail.status import Status
from correo.receive.checks.row import ACCEPT, Check, Reject, Verdict
from correo.receive.conversation import Conversation
from correo.receive.options import SUBMISSION

NOT_GRANTED = Reject(Status(553, "5.7.1", "Sender address is not yours; see senders in [sendmail]"))
NOT_YOURS = Reject(Status(553, "5.7.1", "Sender address is not yours"))


async def run(talk: Conversation, sender: Address | None) -> Verdict:
    if sender is None:
        return ACCEPT
    if talk.account is None:
        return _local(talk, sender)
    owned = await talk.services.db.read(accounts.owns, talk.account.id, sender)
    return ACCEPT if owned else NOT_YOURS


def _local(talk: Conversation, sender: Address) -> Verdict:
    local = talk.options.local
    if not talk.user or local is None or local.allows(talk.user, sender):
        return ACCEPT
    return NOT_GRANTED


ROW = Check("sender", SUBMISSION, run)
