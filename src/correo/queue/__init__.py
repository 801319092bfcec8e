"""What is on its way to other servers, and how far it got. Knows tables and states, no protocol and no ledger.

In: messages with the recipients that are elsewhere (`enqueue`), in the transaction that accepts the message.
Out: recipients that are due, each to one owner at a time (`claim`), until they are settled (`defer`, `take_out`).

    states    the table of states: every function below is one of its rows     TABLE, as_markdown
    entry     what a row holds                                                 QueuedMessage, QueuedRecipient, NewRecipient
    enqueue   the way in                                                       enqueue
    claim     leases: claim, renew, give_back, recover, due
    settle    what an attempt led to: defer, park, take_out
    resting   what waits for a destination that is down: postpone, postpone_waiting
    control   what the operator wants: hold, release, retry, reroute, withdraw          Selection
    listing   what the operator sees: list_recipients, count, newest, census
    standing  what one account sees of its own: standing, waiting, is_under_way
    schedule  when to try again (pure)                                         Schedule, next_try

Promised:
- A recipient is in exactly one state, and leaves by `take_out` or `withdraw` alone. The caller writes the ledger row
  that the table of states names in the same transaction.
- Two owners never hold one recipient. Whoever lost a lease can settle nothing any more.
- Claiming costs what it claims, however long the queue is.
"""

from correo.queue.claim import claim, due, give_back, owners, recover, renew
from correo.queue.control import Selection, hold, release, reroute, retry, withdraw
from correo.queue.enqueue import enqueue
from correo.queue.entry import Lease, NewRecipient, QueuedMessage, QueuedRecipient
from correo.queue.listing import Census, census, count, list_recipients, newest
from correo.queue.settle import Taken, defer, park, take_out
from correo.queue.standing import Standing, is_under_way, standing, waiting
from correo.queue.states import TABLE, Event, State, as_markdown

__all__ = [
    "TABLE",
    "Census",
    "Event",
    "Lease",
    "NewRecipient",
    "QueuedMessage",
    "QueuedRecipient",
    "Selection",
    "Standing",
    "State",
    "Taken",
    "as_markdown",
    "census",
    "claim",
    "count",
    "defer",
    "due",
    "enqueue",
    "give_back",
    "hold",
    "is_under_way",
    "list_recipients",
    "newest",
    "owners",
    "park",
    "recover",
    "release",
    "renew",
    "reroute",
    "retry",
    "standing",
    "take_out",
    "waiting",
    "withdraw",
]
