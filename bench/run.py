"""Correo beside Postfix and Dovecot: `make bench`, or `python bench/run.py [ROW...]`. What each row measures is in `bench/rows/`.

Prints one table, and writes it as Markdown and as a picture, and every single figure as JSON.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import resource
import sys
import time
import traceback
from pathlib import Path

from picture import svg
from report import Line, document, lines, table, write_json
from row import Figure, Given, Row

ROWS = (
    "smtp",
    "relay",
    "login",
    "imap",
    "first",
    "append",
    "pop3",
    "idle",
    "growth",
    "overload",
    "durability",
)
PARTS = (
    "queue_growth",
    "long_queue",
    "mailbox_ops",
    "message_scan",
)  # of the server, alone: only when they are named


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "rows",
        nargs="*",
        metavar="ROW",
        help=f"of {', '.join(ROWS)}; and of single parts: {', '.join(PARTS)}",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="as little as shows that each row works: its figures mean nothing",
    )
    parser.add_argument("--rounds", type=int, help="instead of what each row has; medians are taken")
    parser.add_argument("--alone", action="store_true", help="Correo without the others")
    parser.add_argument(
        "--dir", type=Path, help="where the servers keep their data: the disk that is measured"
    )
    parser.add_argument(
        "--fsync", default="always", choices=("always", "optimized"), help="Dovecot's mail_fsync"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build"), help="folder for bench.md, bench.json and bench.svg"
    )
    given = parser.parse_args(arguments)
    if unknown := set(given.rows) - {*ROWS, *PARTS}:
        print(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS + PARTS)}", file=sys.stderr)
        return os.EX_USAGE
    how = Given(given.quick, not given.alone, given.dir, given.fsync)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (hard, hard)
    )  # servers and clients have thousands of connections
    rows = [load(name) for name in given.rows or ROWS]
    found, failed = measure_all(rows, how, given.rounds)
    publish(rows, found, failed, given.out, how)
    return 1 if failed else 0


def load(name: str) -> Row:
    row: Row = importlib.import_module(f"rows.{name}").ROW
    assert row.name == name
    return row


def measure_all(
    rows: list[Row], how: Given, rounds: int | None
) -> tuple[dict[str, list[Figure]], dict[str, str]]:
    """The figures by row; and why a row has none. One that fails does not end the others."""
    found: dict[str, list[Figure]] = {}
    failed: dict[str, str] = {}
    for row in rows:
        if why := row.missing():
            print(f"{row.name} is not measured: {why}", file=sys.stderr)
            continue
        for why in {why for peer in row.peers if how.peers and (why := peer.missing())}:
            print(f"{row.name}: {why}", file=sys.stderr)
        try:
            found[row.name] = measure(row, how, rounds or (1 if how.quick else row.rounds))
        except (OSError, RuntimeError, AssertionError) as error:
            traceback.print_exc()
            failed[row.name] = str(error).partition("\n")[0]
            continue
        if (astray := set(row.goals) - {one.what for one in found[row.name]}) and not how.quick:
            print(f"{row.name}: goals of what was not measured: {', '.join(sorted(astray))}", file=sys.stderr)
        if rows[1:]:
            print(f"\n{table({row.name: list(lines(row, found[row.name]))})}\n", flush=True)
    return found, failed


def measure(row: Row, how: Given, rounds: int) -> list[Figure]:
    figures: list[Figure] = []
    for number in range(1, rounds + 1):
        start = time.perf_counter()
        figures += row.round(how, number)
        seconds = time.perf_counter() - start
        print(f"{row.name}: round {number} of {rounds}, {seconds:.0f} s", file=sys.stderr, flush=True)
    return figures


def publish(
    rows: list[Row], found: dict[str, list[Figure]], failed: dict[str, str], out: Path, how: Given
) -> None:
    by_row: dict[str, list[Line]] = {
        row.name: list(lines(row, found[row.name])) for row in rows if row.name in found
    }
    text = document(rows, by_row, conditions(how), failed)
    out.mkdir(parents=True, exist_ok=True)
    (out / "bench.md").write_text(text)
    (out / "bench.svg").write_text(svg([line for some in by_row.values() for line in some]))
    write_json(out / "bench.json", conditions(how), found)
    print(f"\n{text}\nwritten: {out}/bench.md, {out}/bench.json, {out}/bench.svg")


def conditions(how: Given) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    quick = "**Quick: these figures mean nothing.** " if how.quick else ""
    return (
        f"{quick}{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {memory:.0f} GB, Linux {platform.release()}, Python "
        f"{platform.python_version()}; medians; Dovecot with mail_fsync = {how.fsync}. Clients and servers share the machine."
    )


if __name__ == "__main__":
    sys.exit(main())
