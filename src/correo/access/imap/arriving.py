"""Messages that a client brings with APPEND or REPLACE: put together, prepared, and then kept in one transaction."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from correo import mailbox
from correo.access.imap import places
from correo.access.imap.flags import settable
from correo.access.imap.items.fetch import sections
from correo.access.imap.items.fetch.row import Found
from correo.access.imap.places import Place
from correo.access.imap.replies import REPLIES
from correo.access.imap.responses import Completion, no
from correo.access.imap.rights import Access, granted
from correo.accounts import Account
from correo.mail.errors import Kind
from correo.mail.flags import Flags
from correo.mail.message import without_nul
from correo.mailbox import Appended, Fetched, Prepared
from correo.storage.db import Tx
from correo.wire.imap.append import AppendMessage, Text, Url
from correo.wire.imap.types import DateTime
from correo.wire.imap.url import MessageUrl, message_url

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

_UNSHOWABLE = re.compile(r"[^!-\\^-~]+")

INLINE = 64 * 1024  # octets: preparing more takes over a millisecond, so it goes to a thread

# RFC 3516 §4.4: there is no way to keep it so that FETCH BODY could tell it.
UNKNOWN_CTE = no("Such binary content cannot be kept", "UNKNOWN-CTE")


class Arrival(NamedTuple):
    """One message ready to be kept."""

    prepared: Prepared
    content_id: int
    flags: Flags
    received: DateTime


def check(message: AppendMessage) -> AppendMessage:
    """Raises SyntaxFault for flags there are not."""
    settable(message.flags)
    return message


async def arrival(session: ImapSession, message: AppendMessage, now: int) -> Arrival | Completion:
    """The message, or why it is not taken."""
    if not session.core.utf8 and any(isinstance(part, Text) and part.utf8 for part in message.parts):
        return no("UTF8 needs ENABLE UTF8=ACCEPT", "CANNOT")  # RFC 6855 §4
    octets = await _octets(session, message)
    if isinstance(octets, Completion):
        return octets
    if not octets:  # RFC 3502 §6.3.11 lets a client call off what it began in this way
        return no("A message of no octets cannot be kept", "CANNOT")
    if len(octets) > session.services.options.append_limit:
        return REPLIES[Kind.TOO_BIG]
    if len(octets) <= INLINE:
        prepared = _prepared(octets, message)
    else:
        prepared = await asyncio.to_thread(_prepared, octets, message)
    if isinstance(prepared, Completion):
        return prepared
    received = message.received or DateTime(now, 0)
    return Arrival(prepared, session.services.chance.id(now), settable(message.flags), received)


async def keep(tx: Tx, place: Place, arrivals: Sequence[Arrival], now: int) -> list[Appended]:
    """All of them or none (RFC 3502 §6.3.11), with the flags that may be set there (RFC 4314 §4)."""
    appended = []
    for prepared, content_id, flags, received in arrivals:
        await mailbox.store(tx, prepared, content_id, now)
        appended.append(
            await mailbox.append(
                tx,
                place.box.id,
                content_id=content_id,
                size=prepared.size,
                flags=mailbox.allowed(flags, place.rights),
                received=received.instant,
                received_zone=received.offset,
                now=now,
                reader=place.reader,
            )
        )
    return appended


def _prepared(octets: bytes, message: AppendMessage) -> Prepared | Completion:
    parts = [part for part in message.parts if isinstance(part, Text)]
    if any(part.binary for part in parts) and b"\0" in octets:
        changed = without_nul(octets)
        if changed is None:
            return UNKNOWN_CTE
        octets = changed
    # RFC 6855 §4 would have 8-bit header fields refused until the client enables UTF8=ACCEPT. They are taken as they are: old mail
    # has them, and a program that brings it here could never do so (docs/decisions/0009-eight-bit-headers.md).
    return mailbox.prepare(octets)


async def _octets(session: ImapSession, message: AppendMessage) -> bytes | Completion:
    """The parts one after the other; no more is read than may be kept."""
    pieces: list[bytes] = []
    room = session.services.options.append_limit
    for part in message.parts:
        if isinstance(part, Url):
            await asyncio.sleep(0)  # there may be hundreds of them
            piece = await _named(session, part.url)
            if piece is None:
                return no("The URL names nothing here", "BADURL " + _shown(part.url))
        else:
            piece = part.octets
        room -= len(piece)
        if room < 0:
            return REPLIES[Kind.TOO_BIG]
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _named(session: ImapSession, text: str) -> bytes | None:
    """What a URL names; None where there is no such thing."""
    url = message_url(text)
    if url is None:
        return None
    selected = session.selected.access if session.selected is not None else None
    row = await session.read(1, _row, session.owner, selected, url)
    if row is None:
        return None
    found = Found(row, session.services.db, session.services.octets)
    again = url.origin > 0 or url.size is not None  # one command can name hundreds of them
    octets = await sections.octets_of(found, url.section, again=again)
    return None if octets is None else url.cut(octets)


async def _row(tx: Tx, account: Account, selected: Access | None, url: MessageUrl) -> Fetched | None:
    """The message; a URL without a mailbox is of the one that is selected."""
    box = None
    if url.mailbox:
        place = await places.find(tx, account, url.mailbox)
        box = place.box if place is not None and "r" in place.rights else None
    elif selected is not None and "r" in await granted(tx, selected):
        box = await mailbox.get(tx, selected.mailbox_id)
    if box is None or url.uidvalidity not in (None, box.uidvalidity):
        return None
    rows = await mailbox.fetch_rows(tx, box.id, [(url.uid, url.uid)], ("parts", "header", "header_size"))
    return rows[0] if rows else None


def _shown(url: str) -> str:
    """As the client wrote it, but for what would end the response code or the line (RFC 4469 §5 `url-resp-text`)."""
    return _UNSHOWABLE.sub(lambda match: quote(match[0], safe=""), url)
