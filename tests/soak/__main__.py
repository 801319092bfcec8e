"""Load and endurance, row by row: python -m tests.soak --minutes 60 steady tls. The table is printed, and left in build/soak.md."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak.rows import FULL, ROWS, Size
from tests.soak.table import Row, markdown, publish


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all where none is named"
    )
    parser.add_argument("--minutes", type=float, default=FULL.minutes, help="of steady load")
    parser.add_argument("--connections", type=int, default=FULL.connections, help="of the crowd")
    parser.add_argument("--handshakes", type=int, default=FULL.handshakes)
    given = parser.parse_args()
    if unknown := set(given.rows) - ROWS.keys():
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    size = Size(given.minutes, given.connections, given.handshakes)
    found = [_run(name, size) for name in given.rows or ROWS]
    publish(found)
    print(markdown(found))
    broken = [f"{row.name}: {words}" for row in found for words in row.broken]
    print("\n".join(broken) or "every bound holds")
    return 1 if broken else 0


def _run(name: str, size: Size) -> Row:
    """What goes wrong in one row does not keep the others from being run."""
    began = time.monotonic()
    with TemporaryDirectory(prefix="correo-soak-") as folder:
        Path(folder).chmod(0o755)  # the server is not root
        try:
            row = ROWS[name].full(Path(folder) / "server", size)
        except Exception:
            traceback.print_exc()
            row = Row(name)
            row.exactly("ended by a fault", 1, 0)
    verdict = "broken" if row.broken else "holds"
    print(f"{name}: {verdict}, {time.monotonic() - began:.0f} s", *row.broken, sep="\n  ", flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main())
