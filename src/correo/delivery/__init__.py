"""The sorting table: where each recipient's copy goes, decided and done in one transaction.

`route` asks the directory who an address is. `accept` takes a message that arrived (by SMTP, from a bounce, from anywhere) and,
in the transaction it is given, puts it into every local mailbox and into the queue for every other server, and writes the
ledger. Either all of that is durable or none of it; only then may anybody answer 250. `bounce` turns a failure into a message
to its sender and accepts that; so does it with the notices of delay and of success that he asked for (RFC 3461). Mail that its
sender wants to be held waits in the queue for people here as for those elsewhere, and `held` files it when its time has come.
What an account has submitted and still waits is shown in its `outbox`, where it can be taken back.
What leaves at once is given to a worker by an `outlet`. What must follow the commit is returned as `Accepted` and told to the bus by `publish`.
"""

from correo.delivery.accept import accept
from correo.delivery.notify import publish
from correo.delivery.outlet import Outlet
from correo.delivery.sorting import Accepted, Incoming, QueueTimes, Recipient

__all__ = ["Accepted", "Incoming", "Outlet", "QueueTimes", "Recipient", "accept", "publish"]
