"""Every message is accounted for: its journey, and the balance that proves none was lost.

In come events, written in the same transaction that moves the mail: a recipient is accepted, perhaps expanded to those an
alias leads to, deferred and warned about any number of times, and ends exactly once as delivered, relayed, bounced or
discarded by a named rule. Out go journeys (`search`, `trace`), what is new of them (`Following`), and sums (`balance`). The owner of
an account sees of a journey what is his (`seen_by`).

Promised: the sum of all deltas is the number of recipients in our care, which is what lies in the queue; `balance` counts
both. Nothing here is ever changed, only added; what ended long ago may be forgotten (`forget`), and the sums stay. `history` has
the last that ended. Ids are shown to people in base 32 (`show_id`, `read_id`).
"""

from correo.ledger.balance import Balance, balance
from correo.ledger.entries import Event, open_message, record
from correo.ledger.follow import Following, Step
from correo.ledger.forget import forget
from correo.ledger.history import ENDS, MAX_HISTORY, Ended, history
from correo.ledger.ids import read_id, show_id
from correo.ledger.journeys import Entry, Journey
from correo.ledger.owner import Owner, seen_by
from correo.ledger.trace import EVER, MAX_JOURNEYS, Found, Wanted, search, trace

__all__ = [
    "ENDS",
    "EVER",
    "MAX_HISTORY",
    "MAX_JOURNEYS",
    "Balance",
    "Ended",
    "Entry",
    "Event",
    "Following",
    "Found",
    "Journey",
    "Owner",
    "Step",
    "Wanted",
    "balance",
    "forget",
    "history",
    "open_message",
    "read_id",
    "record",
    "search",
    "seen_by",
    "show_id",
    "trace",
]
