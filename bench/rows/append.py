"""APPEND: what programs do that keep what they send, or bring the mail of years."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mailbox_mail import messages
from mailboxes import BIG, Mailbox, beside_dovecot, commands
from resting import SETTLED, calm
from row import Figure, Given, Goal, Row, running
from servers import PEOPLE, Dovecot
from steps import Step, in_turn
from threads import at_once

FULL, QUICK_FULL = 20_000, 400
APPENDED, QUICK = 300, 20  # messages of one connection, one APPEND each
EMPTY_BOX = "one connection, mailbox empty"
FULL_BOX = f"one connection, mailbox of {FULL:,}"
TEN = "ten people at once, inboxes"


def appending(mailbox: str, count: int, seed: int) -> Callable[[Mailbox], int]:
    letters = list(messages(count, seed))

    def work(place: Mailbox) -> int:
        for message in letters:
            place.client.append(mailbox, [message])
        return count

    return work


def by_all(count: int) -> Callable[[Mailbox], int]:
    letters = [list(messages(count, seed=2_000 + number)) for number in range(len(PEOPLE))]

    def work(place: Mailbox) -> int:
        def one(number: int) -> None:
            client = place.log_in(PEOPLE[number])
            for message in letters[number]:
                client.append("INBOX", [message])
            client.logout()

        at_once(one, range(len(PEOPLE)))
        return count * len(PEOPLE)

    return work


def one_round(given: Given, number: int) -> Iterator[Figure]:
    count = given.size(APPENDED, QUICK)
    steps = (
        Step(EMPTY_BOX, appending("empty", count, 1_001), "messages", commands("CREATE empty", "UNSELECT")),
        Step(FULL_BOX, appending(BIG, count, 1_002), "messages"),
        Step(TEN, by_all(given.size(APPENDED // 2, QUICK)), "messages"),
    )
    with running(given, beside_dovecot(given)) as servers:
        places = [Mailbox(server, given.size(FULL, QUICK_FULL)) for server in servers]
        for place in places:
            place.fill(seed=number)
        calm(servers, given.size(SETTLED, 1))
        yield from in_turn(steps, places, 1)
        for place in places:
            place.client.logout()


ROW = Row(
    "append",
    "APPEND of one message after the other",
    "Different messages of 5 KB on average, each synced before OK is said, by one connection into an empty mailbox and into a full one, and "
    "by ten people at once, a connection each. The client does next to nothing.",
    one_round,
    (Dovecot,),
    {EMPTY_BOX: Goal(times=1), FULL_BOX: Goal(times=1), TEN: Goal(times=2)},
)
