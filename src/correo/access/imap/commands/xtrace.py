"""XTRACE: what became of the messages that the owner has sent, and of those sent to him. For `correo trace --as`.

    C: a XTRACE (WHAT "bob@example.net" SUBJECT "lunch" SINCE 1767225600000000 UNTIL 1767312000000000) 20
    S: * XTRACE {n}         n octets of JSON: journeys as `correo.ledger.Journey`, the newest first
    S: a OK ...

An experiment in the sense of RFC 3501 §6.5.1, announced nowhere: only who knows of it uses it. Login is what it is for everything else
in IMAP, with its limits and bans; and what is told depends on the owner's own mail alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from correo import ledger
from correo.access.imap.commands.row import LOGGED_IN, Command
from correo.access.imap.responses import Responses, ok
from correo.accounts import Account
from correo.delivery.own import owner_of
from correo.ledger import Journey, Wanted
from correo.storage.db import Tx
from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments, SyntaxFault

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

MOST = 100  # journeys in one answer
LARGE = 4 * 1024 * 1024  # octets of an answer: where it has so many, older journeys are left out
MAX_TEXT = 1_000  # octets of what is searched for: as much as the ledger keeps of a text

_encoded = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Request:
    wanted: Wanted
    limit: int


def parse(args: Arguments) -> Request:
    filters: dict[str, Any] = dict(args.sp().paren_list(_filter, least=0))
    limit = args.sp().number()
    args.end()
    return Request(Wanted(**filters), min(limit, MOST))


def _filter(args: Arguments) -> tuple[str, str | int]:
    name = args.word().lower()
    args.sp()
    if name in ("since", "until"):
        return name, args.number64()
    if name not in ("what", "subject"):
        raise SyntaxFault("there is no such filter")
    text = args.string()
    if len(text) > MAX_TEXT:
        raise SyntaxFault("the text is too long")
    return name, text.decode("utf-8", "replace")


async def run(session: ImapSession, request: Request) -> Responses:
    # Some of what is the owner's may have to be looked through.
    journeys = await session.services.db.scan(_look, session.owner, request)
    yield encode.untagged(b"XTRACE", encode.literal(_written(journeys)))
    yield ok("That is what is known")


def _written(journeys: list[Journey]) -> bytes:
    texts: list[bytes] = []
    room = LARGE
    for journey in journeys:
        if room > 0:
            texts.append(_encoded(journey))
            room -= len(texts[-1])
    return b"[" + b",".join(texts) + b"]"


async def _look(tx: Tx, account: Account, request: Request) -> list[Journey]:
    wanted = replace(request.wanted, owner=await owner_of(tx, account))
    return (await ledger.search(tx, wanted, request.limit)).journeys


ROWS = (Command("XTRACE", LOGGED_IN, parse, run),)
