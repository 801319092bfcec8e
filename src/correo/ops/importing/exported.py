"""What Correo leaves beside the mail it writes, and in the names of its files, so that all of it comes back as it was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing

import msgspec

from correo.ops.importing import files

MAILBOXES = "correo-mailboxes.json"  # in the topmost folder
MAX_MAILBOXES = 32 * 1024 * 1024  # octets of that file: ten thousand mailboxes with the longest names

# A file we wrote holds the octets as they are to be. UIDVALIDITY and UID make the name unique; Z is the zone of INTERNALDATE.
OURS = re.compile(rb"\d+\.V\d+U\d+M\d+\.correo,S=\d+,W=\d+(?:,Z=(-?\d{1,4}))?")


class Mailbox(msgspec.Struct, frozen=True):
    name: str
    special_use: str = ""


class Exported(msgspec.Struct, frozen=True):
    """Mailboxes by where they are below the topmost folder; "" is that itself."""

    mailboxes: dict[str, Mailbox]

    def at(self, path: Sequence[bytes], name: str) -> Mailbox:
        """The mailbox that is kept there; where we did not write it, `name` is what its path says."""
        return self.mailboxes.get(b"/".join(path).decode("utf-8", "replace")) or Mailbox(name)


def encoded(exported: Exported) -> bytes:
    return msgspec.json.format(msgspec.json.encode(exported)) + b"\n"


def read(top: int) -> Exported:
    """Of an opened folder; nothing where there is no such file."""
    nothing = Exported({})
    try:
        file = files.open_if_there(MAILBOXES.encode(), top)
    except OSError:
        return nothing
    if file is None:
        return nothing
    with closing(file):
        try:
            return msgspec.json.decode(file.read(MAX_MAILBOXES), type=Exported)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return nothing
