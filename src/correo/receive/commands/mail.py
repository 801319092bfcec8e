"""MAIL FROM:<sender> (RFC 5321 §4.1.1.2): begin a message. SIZE: RFC 1870, BODY: RFC 6152, RFC 3030, SMTPUTF8: RFC 6531, AUTH: RFC 4954 §5.

RET and ENVID: RFC 3461 §4.3, §4.4. HOLDFOR and HOLDUNTIL: RFC 4865, BY: RFC 2852, MT-PRIORITY: RFC 6710,
REQUIRETLS: RFC 8689.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from correo.mail.address import Address
from correo.mail.envelope import BODIES, SEVEN_BIT
from correo.mail.protection import Protection
from correo.receive import checks, terms
from correo.receive.commands.row import GREETED, Command
from correo.receive.conversation import Conversation, Transaction
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.dsn import parse_envelope_id, parse_return
from correo.wire.smtp.syntax import BadSyntax, Parameters, decode_xtext, parse_reverse_path
from correo.wire.smtp.terms import DeliverBy, parse_by, parse_hold_for, parse_hold_until, parse_priority

_OF_TERMS = ("HOLDFOR", "HOLDUNTIL", "BY", "MT-PRIORITY", "REQUIRETLS")
KEYWORDS = frozenset({"SIZE", "BODY", "SMTPUTF8", "AUTH", "RET", "ENVID", *_OF_TERMS})

NO_NOTICES = reply(555, "5.5.4", "Parameters of DSN are not supported here")

_SIZE = re.compile(r"[0-9]{1,20}")  # RFC 1870 §4


@dataclass(frozen=True, slots=True)
class Mail:
    sender: Address | None
    size: int = 0  # octets the client says, 0 = it does not say
    body: str = SEVEN_BIT
    utf8: bool = False
    ret: str = ""  # FULL or HDRS
    envelope_id: str = ""
    hold_for: int | None = None  # seconds
    hold_until: int | None = None  # µs UTC
    by: DeliverBy | None = None
    priority: int = 0
    requiretls: bool = False


def parse(argument: str) -> Mail:
    sender, parameters = parse_reverse_path(argument)
    mail = (
        Mail(
            sender,
            _size(parameters),
            _body(parameters),
            _flag(parameters, "SMTPUTF8"),
            parse_return(parameters["RET"]) if "RET" in parameters else "",
            parse_envelope_id(parameters["ENVID"]) if "ENVID" in parameters else "",
            parse_hold_for(parameters["HOLDFOR"]) if "HOLDFOR" in parameters else None,
            parse_hold_until(parameters["HOLDUNTIL"]) if "HOLDUNTIL" in parameters else None,
            parse_by(parameters["BY"]) if "BY" in parameters else None,
            parse_priority(parameters["MT-PRIORITY"]) if "MT-PRIORITY" in parameters else 0,
            _flag(parameters, "REQUIRETLS"),
        )
        if parameters
        else Mail(sender)
    )
    for keyword, value in parameters.items():
        if keyword not in KEYWORDS:
            raise BadSyntax(555, "5.5.4", f"Parameter {keyword[:32]} is not supported")
        # Who submitted it elsewhere is not believed, only read (RFC 4954 §5).
        if keyword == "AUTH" and (value is None or decode_xtext(value) is None):
            raise BadSyntax(501, "5.5.4", "AUTH must be xtext")
    if not mail.utf8 and sender is not None and not str(sender).isascii():
        raise BadSyntax(550, "5.6.7", "Non-ASCII addresses need SMTPUTF8")  # RFC 6531 §3.5
    return mail


def _size(parameters: Parameters) -> int:
    if "SIZE" not in parameters:
        return 0
    if not (match := _SIZE.fullmatch(parameters["SIZE"] or "")):
        raise BadSyntax(501, "5.5.4", "SIZE must be a number")
    return int(match[0])


def _body(parameters: Parameters) -> str:
    body = (parameters.get("BODY", SEVEN_BIT) or "").upper()
    if body not in BODIES:
        raise BadSyntax(501, "5.5.4", "BODY must be 7BIT, 8BITMIME or BINARYMIME")
    return body


def _flag(parameters: Parameters, keyword: str) -> bool:
    if parameters.get(keyword) is not None:
        raise BadSyntax(501, "5.5.4", f"{keyword} takes no value")
    return keyword in parameters


async def run(talk: Conversation, mail: Mail) -> Reply:
    if (mail.ret or mail.envelope_id) and not talk.may_ask_for_notices:
        return NO_NOTICES
    if mail.size > talk.limits.message_size:
        return reply(552, "5.3.4", "Message too big")  # RFC 1870 §6.1
    if mail.requiretls and talk.tls is None:
        return reply(530, "5.7.10", "REQUIRETLS needs TLS")  # RFC 8689 §2
    if refusal := await checks.first_refusal(checks.AT_MAIL, talk, mail.sender):
        return Reply.of(refusal)
    hold_until = terms.release_time(talk, mail.hold_for, mail.hold_until)
    if isinstance(hold_until, Reply):
        return hold_until
    granted = terms.terms(talk, hold_until, mail.by, mail.priority)
    if mail.requiretls:
        granted = replace(granted, protection=Protection.REQUIRED)
    talk.transaction = Transaction(
        mail.sender, mail.body, mail.utf8, ret=mail.ret, envelope_id=mail.envelope_id, terms=granted
    )
    if granted.priority != mail.priority:  # RFC 6710 §4.1
        return reply(250, "2.3.6", f"{granted.priority} Requested priority was changed")
    return reply(250, "2.1.0", "Ok")


ROW = Command(
    "MAIL",
    GREETED,
    parse,
    run,
    help="MAIL FROM:<sender> [SIZE=n] [BODY=7BIT|8BITMIME|BINARYMIME] [SMTPUTF8] [RET=FULL|HDRS] [ENVID=id] "
    "[HOLDFOR=seconds|HOLDUNTIL=time] [BY=seconds;N|R] [MT-PRIORITY=n] [REQUIRETLS]: begin a message",
    keywords=lambda talk: [
        f"SIZE {talk.limits.message_size}",
        "8BITMIME",
        "SMTPUTF8",
        *(["DSN"] if talk.may_ask_for_notices else []),
        *(["REQUIRETLS"] if talk.tls else []),
        *terms.keywords(talk),
    ],
)
