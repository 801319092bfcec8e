"""The annotations of a mailbox as clients see them: what was noted, and what follows from the mailbox itself."""

from __future__ import annotations

from correo import mailbox
from correo.access.imap.places import Place
from correo.mailbox import SERVER
from correo.storage.db import Tx

PRIVATE = "/private"
SPECIAL_USE = "/private/specialuse"  # RFC 6154 §4

USES = {use.lower(): use for use in mailbox.SPECIAL_USES}


async def of_mailbox(tx: Tx, place: Place) -> dict[str, bytes]:
    """What is private is the owner's; a visitor keeps nothing of his own here."""
    box = place.box
    held = await mailbox.noted(tx, box.account_id, box.id)
    if not place.access.own:
        return {entry: value for entry, value in held.items() if not entry.startswith(PRIVATE)}
    if box.special_use:
        held[SPECIAL_USE] = box.special_use.encode("ascii")
    return held


async def of_server(tx: Tx, account_id: int) -> dict[str, bytes]:
    """What this account has noted for itself."""
    return await mailbox.noted(tx, account_id, SERVER)


def use_of(value: bytes | None) -> str | None:
    """The special use that a value of SPECIAL_USE names, "" for none; None where it is none that a mailbox can have."""
    return USES.get(value.decode("latin-1").strip().lower()) if value else ""
