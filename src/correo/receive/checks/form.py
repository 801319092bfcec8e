"""What a mail program submits must say from whom it is and to whom, so that others can read it (RFC 6409 §6.3, RFC 5322 §3.6)."""

from __future__ import annotations

from correo.mail.status import Status
from correo.receive.address_lists import is_address_list
from correo.receive.checks.row import ACCEPT, Check, MessageFacts, Reject, Verdict
from correo.receive.conversation import Conversation
from correo.receive.options import SUBMISSION

# Each at most once, each a list of addresses (RFC 5322 §3.6.2, §3.6.3).
ADDRESS_FIELDS = ("From", "Sender", "Reply-To", "To", "Cc", "Bcc")
NO_GROUPS = frozenset({"From", "Sender"})  # somebody must have written it
MAY_BE_EMPTY = frozenset({"Bcc"})


async def run(talk: Conversation, message: MessageFacts) -> Verdict:
    if talk.user and talk.account is None:
        return ACCEPT  # programs of this machine are as they are, and have nobody to read a refusal
    if message.fields.first(b"from") is None:
        return _wrong("The message has no From field")
    for name in ADDRESS_FIELDS:
        values = message.fields.every(name.lower().encode())
        if len(values) > 1:
            return _wrong(f"The message has more than one {name} field")
        if not values or (not values[0] and name in MAY_BE_EMPTY):
            continue
        if not is_address_list(values[0], groups=name not in NO_GROUPS):
            return _wrong(f"The {name} field is not a list of addresses")
    return ACCEPT


def _wrong(text: str) -> Reject:
    return Reject(Status(550, "5.6.0", text))


ROW = Check("form", SUBMISSION, run)
