"""NOTIFY (RFC 5465): changes are told as they happen, in all mailboxes the client names and without IDLE."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from correo.access.imap import watching
from correo.access.imap.commands.row import LOGGED_IN, Command, always
from correo.access.imap.happenings import Filter, Sight
from correo.access.imap.items.fetch import PARSERS
from correo.access.imap.own import Own
from correo.access.imap.responses import Responses, no, ok
from correo.access.imap.watching import Watch
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.notify import Notify, notify

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession


def parse(args: Arguments) -> Notify:
    asked = notify(args, PARSERS)
    args.end()
    return asked


async def run(session: ImapSession, asked: Notify) -> Responses:
    """What had gathered in the selected mailbox is told at the end, as after NOOP (RFC 5465 §3.1), and then the wishes hold."""
    wanted = Filter(group for group in asked.groups if not group.of_selected)
    sight = Sight()
    if wanted.all:
        await session.unsent.look(session)
        sight, too_much = await session.services.db.scan(watching.baseline, session.owner, wanted)
        if too_much:
            yield no("There are too many mailboxes to watch", "NOTIFICATIONOVERFLOW")  # RFC 5465 §3.1
            return
    watch = Watch(asked.groups, sight)
    yield b"".join(watch.barred(session))
    if asked.status:
        yield b"".join(watch.standing(session))
    if asked.groups:
        session.watch = None  # until it holds, everything is told
    yield ok(
        "That will be told" if asked.groups else "Nothing will be told", after=partial(_hold, session, watch)
    )


def _hold(session: ImapSession, watch: Watch) -> None:
    session.watch = watch
    session.own = session.own or Own()
    watch.listen(session)
    session.wake()  # something may have happened since the look


ROWS = (Command("NOTIFY", LOGGED_IN, parse, run, rfc=5465, capability=always("NOTIFY")),)
