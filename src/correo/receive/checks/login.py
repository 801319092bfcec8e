"""Submission is for those who logged in (RFC 6409 §4.3), or whom this machine knows."""

from __future__ import annotations

from correo.mail.address import Address
from correo.mail.status import Status
from correo.receive.checks.row import ACCEPT, Check, Reject, Verdict
from correo.receive.conversation import Conversation
from correo.receive.options import SUBMISSION


async def run(talk: Conversation, sender: Address | None) -> Verdict:
    if talk.known:
        return ACCEPT
    if not talk.may_send_password and talk.may_start_tls:
        return Reject(Status(530, "5.7.0", "Use STARTTLS and log in first"))  # RFC 3207 §4, RFC 4954 §6
    return Reject(Status(530, "5.7.0", "Log in first"))


ROW = Check("login", SUBMISSION, run)
