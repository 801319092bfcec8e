"""A mailbox of 20,000 messages by IMAP, warm."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import islice

from mailbox_mail import NEEDLE_EVERY, NEEDLE_SENDER, NEEDLE_WORD, SENDERS
from mailboxes import Mailbox, beside_dovecot, command, commands
from raw_imap import client_rate
from resting import SETTLED, calm
from row import Figure, Given, Goal, Row, running
from servers import Dovecot
from steps import Step, in_turn

MESSAGES, QUICK = 20_000, 400
SAMPLES = 3  # of each reading command in a round
CHANGED = 7  # the number of a message
NUMBERS = 1_000  # in one sequence set: Dovecot takes lines of 64 KiB
CLIENT_RATE = 1.0  # gigabytes a second that the client must manage

FLAGS = "FETCH 1:* (UID FLAGS)"
LISTED = "FETCH 1:* (ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE)"
WHOLE = "FETCH 1:* BODY.PEEK[]"
FROM = f"UID SEARCH FROM {NEEDLE_SENDER}"
BODY = f"UID SEARCH BODY {NEEDLE_WORD}"
STORE = "STORE 1:* +FLAGS (\\Flagged)"
UNFLAG = "STORE 1:* -FLAGS.SILENT (\\Flagged)"


def mark_every_other(place: Mailbox) -> None:
    place.run("SELECT moved")
    odd = iter(range(1, place.size + 1, 2))
    while some := list(islice(odd, NUMBERS)):
        place.run(f"STORE {','.join(map(str, some))} +FLAGS.SILENT (\\Deleted)")


STEPS = (
    *(Step(text, command(text), again=True) for text in (FLAGS, LISTED, WHOLE, FROM, BODY)),
    Step(
        f"{FLAGS}, one changed before",
        command(FLAGS),
        before=commands(f"STORE {CHANGED} +FLAGS.SILENT (\\Seen)", f"STORE {CHANGED} -FLAGS.SILENT (\\Seen)"),
        again=True,
    ),
    Step(STORE, command(STORE), after=commands(UNFLAG), again=True),
    Step("COPY 1:*", command("COPY 1:* copies"), before=commands("CREATE copies")),
    Step("MOVE 1:*", command("MOVE 1:* moved"), before=commands("CREATE moved")),
    Step("EXPUNGE of every other", command("EXPUNGE"), before=mark_every_other),
)


def warm(places: Sequence[Mailbox]) -> None:
    """Ask each for all that is read later, and see that it answers fully."""
    for place in places:
        found = {FROM: place.size // SENDERS, BODY: (place.size + NEEDLE_EVERY // 2) // NEEDLE_EVERY}
        for text in (FLAGS, LISTED, WHOLE, FROM, BODY):
            answer = place.client.answer(text)
            line = answer.partition(b"\r\n")[0]
            count = len(line.split()) - 2 if text in found else answer.count(b" FETCH (")
            if count != found.get(text, place.size):
                raise RuntimeError(f"{place.server.name} finds {count} messages at {text}")
        place.run(f"{STORE.replace('FLAGS', 'FLAGS.SILENT')}", UNFLAG)


def one_round(given: Given, number: int) -> Iterator[Figure]:
    if (rate := client_rate(given.size(2 * 1024**3, 256 * 1024**2))) < CLIENT_RATE:
        print(
            f"the client reads only {rate:.1f} GB/s: large answers measure it, not the servers",
            file=sys.stderr,
        )
    with running(given, beside_dovecot(given)) as servers:
        places = [Mailbox(server, given.size(MESSAGES, QUICK)) for server in servers]
        for place in places:
            place.fill(seed=number)
        calm(servers, given.size(SETTLED, 1))
        warm(places)
        yield from in_turn(STEPS, places, given.size(SAMPLES, 1))
        for place in places:
            place.client.logout()


ROW = Row(
    "imap",
    f"a mailbox of {MESSAGES:,} messages, warm",
    "The time from sending a command to the end of its tagged line, with a client that parses nothing and reads more than a gigabyte a "
    "second. Both servers get the same messages by APPEND, run all the time, and take turns at every command while the other rests. Warm: "
    "all that is read was asked for before, and the answers were compared then. Durable: Correo commits with a sync before it says OK, "
    "Dovecot (Maildirs) has mail_fsync = always. Correo remembers its long answers as far as nothing in them has changed, so the flags are "
    "asked for after a change as well. Not measured: TLS, other formats of Dovecot; `first` is without the warmth.",
    one_round,
    (Dovecot,),
    {
        FLAGS: Goal(times=1),
        f"{FLAGS}, one changed before": Goal(times=1),
        LISTED: Goal(times=3),
        WHOLE: Goal(times=1),
        FROM: Goal(times=2),
        BODY: Goal(times=20),
        STORE: Goal(times=3),
        "COPY 1:*": Goal(times=4),
        "MOVE 1:*": Goal(times=4),
    },
)
