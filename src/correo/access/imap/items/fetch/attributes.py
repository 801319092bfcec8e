"""The FETCH items that are stored as they are sent, or nearly so (RFC 3501 §6.4.5)."""

from __future__ import annotations

from correo.access.imap.flags import flags_item
from correo.access.imap.items.fetch.row import Answer, Found, Item, Literal, plain
from correo.access.imap.objectid import emailid
from correo.access.imap.view import View
from correo.mail import message
from correo.mail.message import Part
from correo.mailbox import Fetched
from correo.wire.imap import encode, fetch


def uid(row: Fetched, view: View) -> bytes:
    return b"UID %d" % row.uid


def flags(row: Fetched, view: View) -> bytes:
    return flags_item(row.flags, row.keywords, view.is_recent(row.uid))


def internaldate(row: Fetched, view: View) -> bytes:
    return b"INTERNALDATE " + encode.internaldate(row.received, row.received_zone)


def size(row: Fetched, view: View) -> bytes:
    return b"RFC822.SIZE %d" % row.size


def modseq(row: Fetched, view: View) -> bytes:
    """RFC 7162 §3.1.4.2."""
    return b"MODSEQ (%d)" % row.modseq


def envelope(row: Fetched, view: View) -> bytes:
    return b"ENVELOPE " + row.envelope


def bodystructure(row: Fetched, view: View) -> bytes:
    return b"BODYSTRUCTURE " + row.bodystructure


def savedate(row: Fetched, view: View) -> bytes:
    return b"SAVEDATE " + encode.internaldate(row.saved)


def email_id(row: Fetched, view: View) -> bytes:
    return b"EMAILID " + emailid(row.content_id).encode("ascii")


def thread_id(row: Fetched, view: View) -> bytes:
    return b"THREADID NIL"  # RFC 8474 §5.2: threads are computed when somebody asks, and have no ids


def lazy_preview(row: Fetched, view: View) -> bytes:
    """NIL: it would have to be computed now (RFC 8970 §4.1)."""
    return b"PREVIEW " + encode.nstring(row.preview)


async def preview(found: Found) -> Literal:
    """Computed when the message arrived, or now for what arrived before that was done."""
    text = found.row.preview
    if text is None:
        raw = await found.raw()
        text = message.preview(raw, message.scan(raw))
    return b"PREVIEW ", encode.quote(text)


async def body(found: Found) -> Literal:
    """BODYSTRUCTURE without its extension data, which is asked for so seldom that it is not kept."""
    root = await found.root()
    octets = await found.raw() if _holds_messages(root) else b""
    return b"BODY ", message.body(octets, root)


def _holds_messages(part: Part) -> bool:
    """Their envelopes are told too, and have to be read."""
    return part.message is not None or any(map(_holds_messages, part.children))


ITEMS = (
    plain("UID", uid),
    plain("FLAGS", flags),
    plain("INTERNALDATE", internaldate),
    plain("RFC822.SIZE", size),
    plain("MODSEQ", modseq),
    plain("ENVELOPE", envelope, "envelope"),
    plain("BODYSTRUCTURE", bodystructure, "bodystructure"),
    plain("SAVEDATE", savedate),
    plain("EMAILID", email_id),
    plain("THREADID", thread_id),
    plain("PREVIEW (LAZY)", lazy_preview, "preview"),
    Item("PREVIEW", Answer(frozenset({"preview"}), read=preview, early=True), parse=fetch.preview),
    Item("BODY", Answer(frozenset({"parts"}), read=body, early=True), parse=fetch.body),
)
