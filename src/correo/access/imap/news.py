"""What a client is told that it did not ask for: what others did to its mailbox, and what it has said NOTIFY for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from correo import mailbox
from correo.access.imap import contexts, pushing, sync
from correo.access.imap.selected import Selected
from correo.access.imap.wishes import USUAL, Interest
from correo.mail.errors import Refused
from correo.mailbox import What

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

_NUMBERS = frozenset({What.APPEND, What.EXPUNGE})


async def gathered(session: ImapSession, *, expunges: bool) -> list[bytes]:
    """Untagged responses, to be sent at once. What cannot be read now is told another time."""
    told: list[bytes] = []
    try:
        if session.selected is not None:
            await _of_selected(session, session.selected, told, expunges)
        if session.watch is not None:
            told += await session.watch.news(session)
    except Refused as refused:  # what the command did stands
        session.log_refused(refused)
    return told


async def _of_selected(session: ImapSession, selected: Selected, told: list[bytes], expunges: bool) -> None:
    interest = USUAL if session.watch is None else await _interest(session, selected)
    told += await sync.news(session.services.db, selected, expunges=expunges, interest=interest)
    if selected.vanished:
        return  # nothing that waits to be told is his to know any more
    told += await contexts.refresh(session, selected)
    if selected.fresh:
        await pushing.push(session, selected, told)
    if session.watch is not None and session.watch.immediate and selected.view.gone:
        session.wake()  # the command kept them back; after it nothing does (RFC 5465 §6.1.1)


async def _interest(session: ImapSession, selected: Selected) -> Interest:
    """What the client did to the numbers itself is told whatever it said, and with it what others did."""
    assert session.watch is not None, "the caller has looked"
    interest = session.watch.interest
    if interest.messages:
        return interest
    account_id, mailbox_id = selected.access.account_id, selected.mailbox_id
    spans = session.own.of(account_id, selected.view.modseq) if session.own else []
    if not spans:
        return interest
    done = await session.services.db.read(mailbox.kinds, account_id, mailbox_id, spans)
    return interest._replace(messages=not done.isdisjoint(_NUMBERS))
