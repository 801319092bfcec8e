"""RCPT TO:<recipient> (RFC 5321 §4.1.1.3): one more for whom the message is. NOTIFY and ORCPT: RFC 3461 §4.1, §4.2."""

from __future__ import annotations

from dataclasses import dataclass

from correo import accounts
from correo.mail.address import Address
from correo.mail.wishes import NONE, Wishes
from correo.receive import checks
from correo.receive.checks.row import RecipientFacts
from correo.receive.commands.mail import NO_NOTICES
from correo.receive.commands.row import IN_TRANSACTION, Command
from correo.receive.conversation import Conversation
from correo.storage.db import Tx
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.dsn import parse_notify, parse_original
from correo.wire.smtp.syntax import BadSyntax, parse_forward_path

# Deliveries that one message may lead to: names with a tag (list+1, list+2, ...) can each stand for the same thousand people, and all
# of it is one transaction. A message to one alias alone is taken however long that is.
MAX_TARGETS = 2_000

TOO_MANY = reply(452, "4.5.3", "Too many recipients; send the rest in another message")


@dataclass(frozen=True, slots=True)
class Rcpt:
    recipient: Address | None  # None is `<Postmaster>`
    wishes: Wishes = NONE


def parse(argument: str) -> Rcpt:
    recipient, parameters = parse_forward_path(argument)
    if not parameters:
        return Rcpt(recipient)
    for keyword in parameters:
        if keyword not in ("NOTIFY", "ORCPT"):
            raise BadSyntax(555, "5.5.4", f"Parameter {keyword[:32]} is not supported")
    notify = parse_notify(parameters["NOTIFY"]) if "NOTIFY" in parameters else None
    original = parse_original(parameters["ORCPT"]) if "ORCPT" in parameters else ""
    return Rcpt(recipient, Wishes(notify, original))


async def run(talk: Conversation, rcpt: Rcpt) -> Reply:
    transaction, recipient = talk.open, rcpt.recipient
    if rcpt.wishes is not NONE and not talk.may_ask_for_notices:
        return NO_NOTICES
    if len(transaction.recipients) >= talk.limits.recipients:
        return TOO_MANY
    if recipient is None:
        recipient = await talk.services.db.read(postmaster, talk.options.hostname)
    elif not transaction.utf8 and not str(recipient).isascii():
        return reply(553, "5.6.7", "Non-ASCII addresses need SMTPUTF8")  # RFC 6531 §3.5
    resolution = await talk.services.db.read(accounts.resolve, recipient)
    facts = RecipientFacts(recipient, resolution)
    if refusal := await checks.first_refusal(checks.AT_RCPT, talk, facts):
        return Reply.of(refusal)
    targets = len(resolution.recipients) if isinstance(resolution, accounts.Resolved) else 1
    if transaction.recipients and transaction.targets + targets > max(talk.limits.recipients, MAX_TARGETS):
        return TOO_MANY
    transaction.recipients.append(recipient)
    transaction.targets += targets
    transaction.passing &= isinstance(resolution, accounts.NotLocal)
    if rcpt.wishes is not NONE:
        transaction.wishes.setdefault(recipient.folded, rcpt.wishes)
    return reply(250, "2.1.5", "Ok")


async def postmaster(tx: Tx, hostname: str) -> Address:
    """Whom `<Postmaster>` means: of the domain this host is in, or else of the first there is (RFC 5321 §4.5.1)."""
    domains = [domain.name for domain in await accounts.list_domains(tx)]
    own = (name for name in domains if hostname == name or hostname.endswith(f".{name}"))
    domain = max(own, key=len, default=domains[0] if domains else hostname)
    return Address.parse(f"postmaster@{domain}")


ROW = Command(
    "RCPT",
    IN_TRANSACTION,
    parse,
    run,
    help="RCPT TO:<recipient> [NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] [ORCPT=type;address]: add a recipient",
    keywords=lambda talk: [f"LIMITS RCPTMAX={talk.limits.recipients}"],  # RFC 9422
)
