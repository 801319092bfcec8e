"""What the system knows of processes: memory, processor time, and open descriptors by kind.

Asked by a child that runs as the server does: root in a container may be refused what is another user's, his equals never.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from types import TracebackType

from tests.interop.serving import unprivileged

TICKS = os.sysconf("SC_CLK_TCK")

# Answers each line of pids with what is known of them, summed up, in one line. What has ended meanwhile counts nothing.
LOOK = r"""
import json, os, re, sys
for line in sys.stdin:
    kib, ticks, kinds = 0, 0, {}
    for pid in line.split():
        try:
            with open(f"/proc/{pid}/smaps_rollup") as rollup:
                kib += next(int(each.split()[1]) for each in rollup if each.startswith("Pss:"))
            with open(f"/proc/{pid}/stat") as stat:
                ticks += sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))
            names = os.listdir(f"/proc/{pid}/fd")
        except (FileNotFoundError, ProcessLookupError):
            continue
        for name in names:
            try:
                kind = re.sub(r":\[\d+\]$|\s\(deleted\)$", "", os.readlink(f"/proc/{pid}/fd/{name}"))
            except FileNotFoundError:
                continue
            kinds[kind] = kinds.get(kind, 0) + 1
    print(json.dumps([kib, ticks, kinds]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """Of all processes together."""

    memory: float  # MiB; what they share counts once (PSS)
    cpu: float  # seconds
    descriptors: Counter[str]  # by kind: socket, pipe, anon_inode, or the path of a file

    @property
    def connections(self) -> int:
        """Sockets, of which a server has some that are no connections."""
        return self.descriptors["socket"]


class Watch:
    """With it, `look` at any processes of the server's user."""

    def __enter__(self) -> Watch:
        command = [*unprivileged(), sys.executable, "-I", "-S", "-c", LOOK]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        self._child.wait(10)
        self._child.stdout.close()

    def look(self, pids: list[int]) -> Seen:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        print(*pids, file=self._child.stdin, flush=True)
        kib, ticks, kinds = json.loads(self._child.stdout.readline())
        return Seen(kib / 1024, ticks / TICKS, Counter(kinds))
