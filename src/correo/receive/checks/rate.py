"""Who submits may send so much in an hour and in a day, and no more, so that an account that was taken over does little harm.

Looked at when a message begins and at each recipient, that its sender hears it early; what counts is the count in the transaction that
takes the message (`receive.incoming`).
"""

from __future__ import annotations

import structlog

from correo import accounts
from correo.mail.address import Address
from correo.mail.status import Status
from correo.receive.checks.row import ACCEPT, Check, Defer, RecipientFacts, Verdict
from correo.receive.conversation import Conversation
from correo.receive.options import SUBMISSION

log = structlog.get_logger("smtp")

TOO_MUCH = Defer(Status(450, "4.7.1", "You have sent too much for now, try again later"))
TOO_MANY = Defer(Status(450, "4.7.1", "You have sent to too many recipients for now, try again later"))


async def at_mail(talk: Conversation, sender: Address | None) -> Verdict:
    if not await _exceeded(talk, 1):
        return ACCEPT
    log.warning(
        "sends too much", account=talk.account.address if talk.account else "", address=talk.peer.address
    )
    return TOO_MUCH


async def at_rcpt(talk: Conversation, recipient: RecipientFacts) -> Verdict:
    return TOO_MANY if await _exceeded(talk, len(talk.open.recipients) + 1) else ACCEPT


async def _exceeded(talk: Conversation, recipients: int) -> bool:
    limits, services = talk.limits, talk.services
    now = services.clock.now()
    if services.rates.exceeds(talk.answerable, limits.network_sending, 1, recipients, now):
        return True
    if talk.account is None or not limits.sending:
        return False
    sent = await services.db.read(accounts.sent, talk.account.id, now)
    return sent.exceeds(limits.sending, 1, recipients)


MAIL_ROW = Check("rate", SUBMISSION, at_mail)
RCPT_ROW = Check("recipient_rate", SUBMISSION, at_rcpt)
ROWS = (MAIL_ROW, RCPT_ROW)
