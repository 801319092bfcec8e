"""What a client changes that enables IMAP4rev2 (RFC 9051 appendices A and E) or UIDONLY (RFC 9586 §3).

Both revisions are spoken by the same commands. What RFC 9051 added, every client may use; what it took away (CHECK and LSUB; NEW,
OLD and RECENT of SEARCH; RECENT of STATUS; RFC822, RFC822.HEADER and RFC822.TEXT of FETCH; RECENT and \\Recent in answers) is there
until IMAP4rev2 is enabled, and from then on as unknown as any other word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

REV2 = "IMAP4rev2"  # as the session's set of what is enabled names them
UIDONLY = "UIDONLY"


def enabling_rev2(session: ImapSession) -> None:
    """Mailbox names are UTF-8 from the next command on, as with UTF8=ACCEPT (RFC 9051 §5.1)."""
    session.enabled.add(REV2)
    session.core.utf8 = session.core.rev2 = True
    if session.selected is not None:
        session.selected.view.forget_recent()


def enabling_uid_only(session: ImapSession) -> None:
    session.enabled.add(UIDONLY)
    session.core.uid_only = True
    if session.selected is not None:
        for context in session.selected.contexts.values():
            context.uid = True


def forget(session: ImapSession) -> None:
    """Nothing is enabled any more (RFC 8437 §3)."""
    session.enabled = set()
    session.core.utf8 = session.core.rev2 = session.core.uid_only = False
