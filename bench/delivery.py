"""How many messages a second reach a local inbox, durably, and what each costs: Correo beside Postfix + Dovecot.

python bench/delivery.py [--dir DIRECTORY] [--rounds 3] [--size 5000] [--json FILE]

What is measured: one client process sends different messages of 5 KB by SMTP, with the envelope pipelined, over 1, 10 and 50
connections that stay open, to ten people in turn. A message counts when the server has said 250, which both sides say only after a
sync to disk, and the rate is that up to the moment when IMAP shows all of them in the inboxes. The processor time is that of all
processes of the server between these moments, out of /proc. The two take turns, each time as new processes with empty mailboxes;
the table has medians. Neither side has TLS, filters, or a database of users beyond a small file.
What is not: reading mail, several recipients, large messages, mail to other servers, a machine with more cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop
from load import Letter, letters, send
from servers import PEOPLE, Correo, PostfixDovecot, Server, Watch

AMOUNTS = {1: 500, 10: 2500, 50: 5000}  # connections: messages, so that each measurement takes some seconds
WARM_UP = 100  # messages before the first measurement: processes are started, caches filled, code loaded


@dataclass(frozen=True, slots=True)
class Measured:
    server: str
    connections: int
    rate: float  # messages a second until the last is visible
    accepted: float  # messages a second until the last 250
    cpu: float  # milliseconds of processor a message, of all processes of the server
    typical: float  # milliseconds from MAIL to 250, median
    slow: float  # the same, 99th percentile
    client: float  # share of one core that the client took


def measure(server: Server, watch: Watch, work: list[Letter], connections: int, already: int) -> Measured:
    before, start = server.cpu(), time.perf_counter()
    sent = uvloop.run(send("127.0.0.1", server.smtp, work, connections))
    seconds = watch.until(already + len(work)) - start
    cpu = server.cpu() - before
    slowest = statistics.quantiles(sent.latencies, n=100)
    return Measured(
        server=server.name,
        connections=connections,
        rate=len(work) / seconds,
        accepted=len(work) / sent.seconds,
        cpu=cpu / len(work) * 1e3,
        typical=statistics.median(sent.latencies) * 1e3,
        slow=slowest[-1] * 1e3,
        client=sent.cpu / sent.seconds,
    )


def one_round(make: Callable[[Path], Server], size: int, seed: int, directory: Path | None) -> list[Measured]:
    with tempfile.TemporaryDirectory(dir=directory, prefix="correo-bench-") as scratch:
        os.chmod(scratch, 0o755)  # Postfix's processes are not root
        server = make(Path(scratch) / "server")
        found = []
        try:
            server.start()
            watch = Watch(server)
            uvloop.run(send("127.0.0.1", server.smtp, letters(WARM_UP, size, PEOPLE, -seed), 10))
            watch.until(already := WARM_UP)
            for connections, amount in AMOUNTS.items():
                work = letters(amount, size, PEOPLE, seed + connections)
                found.append(measure(server, watch, work, connections, already))
                already += amount
            watch.close()
        finally:
            server.stop()
        return found


def median(found: list[Measured], server: str, connections: int, value: str) -> float:
    mine = [one for one in found if (one.server, one.connections) == (server, connections)]
    return float(statistics.median(getattr(one, value) for one in mine))


ROWS = (
    ("messages/s, visible", "rate", True),
    ("messages/s, accepted", "accepted", True),
    ("CPU ms a message", "cpu", False),
    ("ms to 250, median", "typical", False),
    ("ms to 250, 99 of 100", "slow", False),
    ("client, share of a core", "client", None),
)


def table(found: list[Measured], names: list[str]) -> str:
    lines = []
    for connections in AMOUNTS:
        title = f"{connections} connection{'s' if connections > 1 else ''}"
        lines.append(
            f"{title:<26}"
            + "".join(f"{name:>20}" for name in names)
            + (f"{'Correo is':>16}" if names[1:] else "")
        )
        for label, value, more_is_better in ROWS:
            values = [median(found, name, connections, value) for name in names]
            line = f"  {label:<24}" + "".join(f"{number:>20,.2f}" for number in values)
            if len(values) == 2 and more_is_better is not None:
                ratio = values[0] / values[1] if more_is_better else values[1] / values[0]
                line += f"{ratio:>9.1f} times " + ("faster" if value != "cpu" else "cheaper")
            lines.append(line)
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--dir", type=Path, help="where the servers keep their data: the disk that is measured"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=5_000, help="octets of a message")
    parser.add_argument("--json", type=Path, help="write every single measurement there")
    options = parser.parse_args(arguments)
    makers: list[Callable[[Path], Server]] = [Correo]
    if why := PostfixDovecot.missing():
        print(f"Postfix + Dovecot is not measured: {why}")
    else:
        makers.append(PostfixDovecot)
    found: list[Measured] = []
    for number in range(options.rounds):
        for make in makers:
            print(f"round {number + 1} of {options.rounds}: {make.name}", file=sys.stderr)  # type: ignore[attr-defined]
            found += one_round(make, options.size, 1_000 * (number + 1), options.dir)
    print(
        f"\nDelivery of {options.size}-octet messages into inboxes, {os.cpu_count()} cores, medians of {options.rounds} rounds\n"
    )
    print(table(found, [make.name for make in makers]))  # type: ignore[attr-defined]
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in found], indent=1))


if __name__ == "__main__":
    main()
