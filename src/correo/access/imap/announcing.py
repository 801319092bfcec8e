"""LIST where nobody asked for it: IMAP4rev2 tells a mailbox that is opened, and what became of a name that was spelled otherwise
(RFC 9051 §6.3.2, §6.3.9.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap import places
from correo.access.imap.folders import tree
from correo.access.imap.namespaces import canonical
from correo.access.imap.revisions import REV2
from correo.wire.imap import encode

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


async def opened(session: ImapSession, name: str, spelled: str) -> bytes:
    """LIST of the mailbox `name`, which the client called `spelled`; nothing for a client of IMAP4rev1."""
    if REV2 not in session.enabled:
        return b""
    known = await session.services.db.read(places.listed, session.owner)
    attributes = next((folder.attributes for folder in tree(known) if folder.name == name), ())
    return _response(session, attributes, name, spelled)


async def respelled(session: ImapSession, spelled: str, *, old: str = "") -> bytes:
    """LIST with OLDNAME where the mailbox that now has it is kept under another spelling than the client's; else nothing.

    `old`: the name it had before, of a mailbox that was renamed.
    """
    name = canonical(spelled)
    if REV2 not in session.enabled or (name == spelled and canonical(old) == old):
        return b""
    return await opened(session, name, old or spelled)


def deleted(session: ImapSession, spelled: str) -> bytes:
    name = canonical(spelled)
    if REV2 not in session.enabled or name == spelled:
        return b""
    return _response(session, ("\\NonExistent",), name, spelled)


def _response(session: ImapSession, attributes: tuple[str, ...], name: str, spelled: str) -> bytes:
    oldname = encode.quote("OLDNAME") + b" " + encode.parens([encode.mailbox(spelled, utf8=True)])
    extended = () if name == spelled else (oldname,)
    return encode.list_response(
        "LIST", attributes, mailbox.SEPARATOR, name, extended=extended, utf8=session.core.utf8
    )
