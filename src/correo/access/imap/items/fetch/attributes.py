"""The FETCH items that are stored as they are sent, or nearly so (RFC 3501 §6.4.5)."""

from __future__ import annotations

from collections.abc import Iterable

from correo.access.imap.flags import flags_items
from correo.access.imap.items.fetch.row import Answer, Columns, Found, Item, Literal, Plain, plain
from correo.access.imap.objectid import emailid, threadid
from correo.access.imap.view import View
from correo.mail import message
from correo.mail.message import Part
from correo.wire.imap import encode, fetch


def column(form: bytes, name: str) -> Plain:
    return Plain(form, (name,), lambda columns, view: columns[name])


def _flags(columns: Columns, view: View) -> Iterable[bytes]:
    return flags_items(columns["flags"], columns["keywords"], view.recent_among(columns["uid"]))


def _dates(columns: Columns, view: View) -> Iterable[bytes]:
    return map(encode.internaldate, columns["received"], columns["received_zone"])


uid = column(b"UID %d", "uid")
flags = Plain(b"%b", ("uid", "flags", "keywords"), _flags)
modseq = column(b"MODSEQ (%d)", "modseq")  # RFC 7162 §3.1.4.2
savedate = Plain(b"SAVEDATE %b", ("saved",), lambda columns, view: map(encode.internaldate, columns["saved"]))
email_id = Plain(
    b"EMAILID %b",
    ("content_id",),
    lambda columns, view: [emailid(id).encode("ascii") for id in columns["content_id"]],
)
# NIL: it would have to be computed now (RFC 8970 §4.1).
lazy_preview = Plain(
    b"PREVIEW %b", ("preview",), lambda columns, view: map(encode.nstring, columns["preview"])
)


async def preview(found: Found) -> Literal:
    """Computed when the message arrived, or now for what arrived before that was done."""
    text = found.row.preview
    if text is None:
        raw = await found.raw()
        text = message.preview(raw, message.scan(raw))
    return b"PREVIEW ", encode.quote(text)


async def thread_id(found: Found) -> Literal:
    row = found.row
    return b"THREADID ", b"(%b)" % threadid(row.header, row.message_id, row.content_id).encode("ascii")


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
    plain("INTERNALDATE", Plain(b"INTERNALDATE %b", ("received", "received_zone"), _dates)),
    plain("RFC822.SIZE", column(b"RFC822.SIZE %d", "size")),
    plain("MODSEQ", modseq),
    plain("ENVELOPE", column(b"ENVELOPE %b", "envelope")),
    plain("BODYSTRUCTURE", column(b"BODYSTRUCTURE %b", "bodystructure")),
    plain("SAVEDATE", savedate),
    plain("EMAILID", email_id),
    Item("THREADID", Answer(frozenset({"header", "message_id"}), read=thread_id, early=True)),
    plain("PREVIEW (LAZY)", lazy_preview),
    Item("PREVIEW", Answer(frozenset({"preview"}), read=preview, early=True), parse=fetch.preview),
    Item("BODY", Answer(frozenset({"parts"}), read=body, early=True), parse=fetch.body),
)
