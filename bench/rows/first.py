"""A mailbox that is asked for the first time, and one of which nothing is in memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from cold import forget
from mailboxes import BIG, Mailbox, beside_dovecot, command
from resting import SETTLED, calm
from row import Figure, Given, Goal, Row, running
from rows.imap import LISTED, MESSAGES, QUICK, WHOLE
from servers import Dovecot
from steps import Step, in_turn

NEVER = f"{LISTED}, neither asked before"
COLD = f"{WHOLE}, nothing in memory"


def one_round(given: Given, number: int) -> Iterator[Figure]:
    with running(given, beside_dovecot(given)) as servers:
        places = [Mailbox(server, given.size(MESSAGES, QUICK)) for server in servers]
        for place in places:
            place.fill(seed=number)
        calm(servers, given.size(SETTLED, 1))
        yield from in_turn([Step(NEVER, command(LISTED))], places, 1)
        for place in places:
            place.client.logout()
    yield from _cold(given, number)


def _cold(given: Given, number: int) -> Iterator[Figure]:
    """The servers are started anew, as they would be with the machine, and then everything is forgotten."""
    with running(given, beside_dovecot(given)) as servers:
        for server in servers:
            place = Mailbox(server, given.size(MESSAGES, QUICK))
            place.fill(seed=number)
            place.client.command(WHOLE)
            place.client.logout()
        calm(servers, given.size(SETTLED, 1))
        for server in servers:
            server.stop()
            server.start()
        places = [Mailbox(server, given.size(MESSAGES, QUICK)) for server in servers]
        for place in places:
            place.run(f"SELECT {BIG}")
        how = {forget(server.folder) for server in servers}
        print(f"first: the system forgets by {how.pop()}", file=sys.stderr)
        yield from in_turn(
            [Step(COLD, command(WHOLE), before=lambda place: forget(place.server.folder))], places, 1
        )
        for place in places:
            place.client.logout()


ROW = Row(
    "first",
    "the same mailbox, asked for the first time",
    "Fresh mail that was brought by APPEND, of which neither server has been asked anything. And the whole of it after both servers were "
    "started again, the mailbox was selected, and the system was told to forget all that it has of files (drop_caches as root, else "
    "posix_fadvise; the row says which). Dovecot reads 20,000 small files then and Correo one large one.",
    one_round,
    (Dovecot,),
    {NEVER: Goal(times=10), COLD: Goal(times=2)},
)
