"""THREAD and UID THREAD (RFC 5256 §3)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from correo.access.imap import condstore
from correo.access.imap.commands.row import SELECTED, Command, always
from correo.access.imap.filters import with_filters
from correo.access.imap.items.search.facts import Facts
from correo.access.imap.items.sort import sent
from correo.access.imap.message_limit import too_many_to_order
from correo.access.imap.responses import Responses, ok
from correo.access.imap.searching import find
from correo.access.imap.view import View
from correo.mail.message.ancestry import ancestry, message_ids
from correo.mail.message.casemap import casemap
from correo.mail.message.subjects import base_subject
from correo.mail.threads import ALGORITHMS, Threaded
from correo.wire.imap.grammar import Arguments
from correo.wire.imap.search import Key, ModSeq, Numbers, mentions, search_criteria
from correo.wire.imap.threads import algorithm, thread_response

if TYPE_CHECKING:
    from correo.access.imap.session import ImapSession

INLINE = 200  # messages: to thread more takes over a millisecond, so it goes to a thread

_SUBJECT = frozenset({"subject", "sent"})
_COLUMNS = {"ORDEREDSUBJECT": _SUBJECT}
_ALL = _SUBJECT | {"message_id", "header"}


class Thread(NamedTuple):
    algorithm: str
    key: Key


def parse(args: Arguments) -> Thread:
    thread = Thread(algorithm(args.sp()), search_criteria(args))
    args.end()
    return thread


async def run(session: ImapSession, thread: Thread, *, uid: bool) -> Responses:
    selected = session.mailbox
    if mentions(thread.key, ModSeq):
        yield condstore.enabling(session)
    if refusal := too_many_to_order(session, selected.view, thread.key):
        yield refusal
        return
    columns = _COLUMNS.get(thread.algorithm, _ALL)
    found = await find(session, selected, thread.key, threaded, columns)
    messages = list(found.values())
    make = partial(_response, thread.algorithm, messages, selected.view, uid)
    yield make() if len(messages) <= INLINE else await session.progress.through(asyncio.to_thread(make))
    yield replace(ok("Threaded"), numbers_stay=mentions(thread.key, Numbers))


def threaded(facts: Facts) -> Threaded:
    row = facts.row
    subject = base_subject(row.subject)
    message_id, parents = "", list[str]()
    if row.header is not None:
        message_id = next(iter(message_ids(row.message_id)), "")
        parents = ancestry(row.header)
    return Threaded(facts.number, sent(row), casemap(subject.text), subject.reply, message_id, parents)


def _response(algorithm: str, messages: list[Threaded], view: View, uid: bool) -> bytes:
    """The numbers of the view do not change while a command runs."""
    uids = view.uids
    return thread_response(
        ALGORITHMS[algorithm](messages), (lambda number: uids[number - 1]) if uid else (lambda number: number)
    )


ROWS = (
    Command(
        "THREAD",
        SELECTED,
        parse,
        with_filters(partial(run, uid=False)),
        rfc=5256,
        uses_seqs=True,
        capability=always(*(f"THREAD={name}" for name in ALGORITHMS)),
    ),
    Command("UID THREAD", SELECTED, parse, with_filters(partial(run, uid=True)), rfc=5256),
)
