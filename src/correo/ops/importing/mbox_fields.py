"""What servers and mail programs write into the headers of an mbox, which is no part of the messages: flags, UIDs, unique-ids."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from correo.mail.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flags
from correo.mailbox import is_uidl
from correo.ops.importing.found import Found, Letter, keywords, source_of, wire_form
from correo.ops.importing.mbox import Raw

MAX_HEADER = 1024 * 1024  # octets in which such fields are looked for

NO_FLAGS = Flags()
_END = re.compile(rb"\r?\n\r?\n")
FIELD = re.compile(
    rb"^(Status|X-Status|X-Keywords|X-UID|X-IMAPbase|X-IMAP|X-UIDL|Content-Length)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)\n",
    re.I | re.M,
)
_INTERNAL = re.compile(rb"^Subject:[ \t]*DON'T DELETE THIS MESSAGE", re.I | re.M)
_BITS = {"R": SEEN, "A": ANSWERED, "F": FLAGGED, "T": DRAFT, "D": DELETED}
# Thunderbird's, which leaves them in messages that go elsewhere: they say nothing where a server has written its own.
_MOZILLA = re.compile(rb"^X-Mozilla-Status:[ \t]*([0-9a-f]{4})[ \t]*\r?$", re.I | re.M)
_MOZILLA_KEYS = re.compile(rb"^X-Mozilla-Keys:([^\r\n]*)", re.I | re.M)
_MOZILLA_BITS = (
    (1, SEEN),
    (2, ANSWERED),
    (4, FLAGGED),
    (8, DELETED),
)  # what was deleted stays until it is compacted
_OF_A_SERVER = frozenset({b"status", b"x-status", b"x-uid"})
_BASE = re.compile(r"(\d{1,10})\s+(\d{1,10})(?:\s+(.*))?", re.S)


@dataclass(frozen=True, slots=True)
class Fields:
    """Of one message, and `uidvalidity` and `uidnext` of the folder where it is the first."""

    flags: Flags = NO_FLAGS
    uid: int = 0
    uidl: str | None = None
    uidvalidity: int = 0
    uidnext: int = 0
    internal: bool = (
        False  # no message, if it is the first, but where c-client keeps what it knows of the folder
    )


def fields_of(octets: bytes) -> tuple[Fields, bytes]:
    """What the fields say, and the message without them, in the form of the wire."""
    end = _END.search(octets, 0, MAX_HEADER)
    header = octets[: end.end()] if end else octets[:MAX_HEADER]
    found = Fields()
    bits = 0
    words: list[str] = []
    of_a_server = False
    for match in FIELD.finditer(header):
        name, value = match[1].lower(), match[2].decode("utf-8", "replace").strip()
        of_a_server = of_a_server or name in _OF_A_SERVER
        if name in (b"status", b"x-status"):
            for letter in value:
                bits |= _BITS.get(letter, 0)
        elif name == b"x-keywords":
            words += value.split()
        else:
            found = _with(found, name, value)
    if not of_a_server and (status := _MOZILLA.search(header)):
        bits |= sum(bit for theirs, bit in _MOZILLA_BITS if int(status[1], 16) & theirs)
        keys = _MOZILLA_KEYS.search(header)
        words += keys[1].decode("utf-8", "replace").split() if keys else []
    if found.internal and not _INTERNAL.search(header):
        found = replace(found, internal=False)
    found = replace(found, flags=Flags(bits).add(Flags.of(keywords(words)[0])))
    kept = FIELD.sub(b"", header) if FIELD.search(header) else header
    return found, wire_form(kept + octets[len(header) :])


def _with(found: Fields, name: bytes, value: str) -> Fields:
    if name == b"x-uid" and value.isascii() and value.isdigit() and len(value) <= 10:
        return replace(found, uid=int(value))
    if name == b"x-uidl" and is_uidl(value):
        return replace(found, uidl=value)
    if name in (b"x-imapbase", b"x-imap") and (base := _BASE.fullmatch(value)):
        return replace(found, uidvalidity=int(base[1]), uidnext=int(base[2]) + 1, internal=name == b"x-imap")
    return found


def letter(
    folder: str, raw: Raw, fields: Fields, octets: bytes, uid: int | None, equal: dict[bytes, int]
) -> Found:
    """Mbox gives messages no names: one is known by its content, and by how many with the same came before it, as in `equal`."""
    content = source_of(b"mbox", folder.encode("utf-8", "surrogateescape"), octets)
    number = equal[content] = equal.get(content, 0) + 1
    source = content if number == 1 else source_of(content, b"%d" % number)
    kept = Letter(octets, fields.flags, raw.received)
    return Found(source, len(octets), uid, fields.uidl, lambda: kept)
