"""What a client is told once it has shown that it keeps mod-sequences (RFC 7162 §3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo.wire.imap import encode

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

CONDSTORE = "CONDSTORE"  # as the session's set of what is enabled names them
QRESYNC = "QRESYNC"


def enabling(session: ImapSession) -> bytes:
    """To be sent by every CONDSTORE enabling command before its answer: the first tells HIGHESTMODSEQ (RFC 7162 §3.1)."""
    if CONDSTORE in session.enabled:
        return b""
    session.enabled.add(CONDSTORE)
    return b"" if session.selected is None else told(session.selected.view.told)


def enabling_qresync(session: ImapSession) -> bytes:
    """ENABLE QRESYNC is a CONDSTORE enabling command too (RFC 7162 §3.2.3)."""
    session.enabled.add(QRESYNC)
    return enabling(session)


def told(modseq: int) -> bytes:
    return encode.ok(encode.UNTAGGED, "The highest of all", code(modseq))


def code(modseq: int) -> str:
    return f"HIGHESTMODSEQ {modseq}"
