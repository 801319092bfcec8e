"""SMTP to the mailbox."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from generator import Load, Sent, send
from row import Figure, Given, Goal, Row, makers, named, running
from servers import HOST, PEOPLE, Correo, PostfixDovecot, Server, Watch

WARM_UP = 200  # messages before the first measurement: processes are started, caches filled, code loaded
STAYING = 20  # messages of one connection, where it has more than one
# Connections at once, and messages of each: messages in all, so that each measurement takes some seconds.
CASES = {(1, 1): 300, (10, STAYING): 3_000, (50, STAYING): 5_000, (10, 1): 2_000, (50, 1): 2_500}
QUICK_SHARE = 0.05


class NoFlowControl(PostfixDovecot):
    """Without the second that Postfix lets a client wait when mail comes faster than it is delivered."""

    name = "Postfix + Dovecot, in_flow_delay = 0"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "in_flow_delay = 0\n")


def title(connections: int, each: int) -> str:
    return f"{connections} connection{'s' if connections > 1 else ''}, {each} message{'s' if each > 1 else ''} each"


def one_round(given: Given, number: int) -> Iterator[Figure]:
    both = [(PostfixDovecot, PostfixDovecot), (NoFlowControl, NoFlowControl)]
    for make in makers(given, Correo, both):
        with running(given, [make]) as (server,), named(server, "SMTP"):
            watch = Watch(server)
            already = WARM_UP
            send(_load(server, WARM_UP, 10, STAYING, number))
            watch.until(already)
            for (connections, each), amount in CASES.items():
                amount = round(amount * QUICK_SHARE) if given.quick else amount
                if make is NoFlowControl and each == 1:
                    continue
                yield from _measure(
                    server,
                    watch,
                    _load(server, amount, connections, each, 10 * number + connections + each),
                    already,
                )
                already += amount
            watch.close()


def _load(server: Server, count: int, connections: int, each: int, seed: int) -> Load:
    return Load(f"{HOST}:{server.smtp}", count, connections, each, recipients=PEOPLE, seed=seed)


def _measure(server: Server, watch: Watch, load: Load, already: int) -> Iterator[Figure]:
    before = server.cpu()
    sent = send(load)
    seconds = watch.until(already + load.count) - sent.began
    cpu = (server.cpu() - before) / load.count * 1e3
    what = title(load.connections, load.each)
    yield Figure(what, server.name, load.count / seconds, "messages/s", cpu, server.memory(), sent.client)
    yield Figure(f"{what}: until 250, 99 of 100", server.name, _slow(sent), "ms")


def _slow(sent: Sent) -> float:
    return statistics.quantiles(sent.latencies, n=100)[-1] * 1e3


BEST, WIDE = Goal(times=8, cpu=0.7), Goal(most=100)
ROW = Row(
    "smtp",
    "SMTP to the mailbox",
    "Different messages of 1 to 500 KB, 12.4 KB on average and half of them below 4 KB, for ten people in turn, with the envelope "
    "pipelined, from a client in a process of its own. The rate is that from the first connection until IMAP shows the last of them; each "
    "250 is said after a sync to disk (`durability` looks). The servers take turns, each time as new processes with empty mailboxes. "
    "Postfix is as it is shipped, but for name lookups and a limit of connections that would hinder it. Not measured: TLS, filters, "
    "several recipients.",
    one_round,
    (PostfixDovecot,),
    {
        title(1, 1): Goal(times=2),
        title(10, STAYING): BEST,
        title(50, STAYING): BEST,
        title(10, 1): BEST,
        title(50, 1): BEST,
        f"{title(50, STAYING)}: until 250, 99 of 100": WIDE,
        f"{title(50, 1)}: until 250, 99 of 100": WIDE,
    },
)
