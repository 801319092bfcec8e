"""What processes take: all of a server's together, out of /proc."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def tree_cpu(root: int) -> float:
    """Seconds of processor taken by `root`, all that descend from it, and those of them that have ended and been waited for."""
    stats = _stats()
    return sum(_clock(pid) + stats[pid][1] / TICKS for pid in tree(root, stats) if pid in stats)


def tree_memory(root: int) -> float:
    """MB that `root` and all that descend from it have now. What several share is shared out (proportional set size)."""
    return sum(map(_pss, tree(root))) / 1024


def tree(root: int, stats: dict[int, tuple[int, int]] | None = None) -> list[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in (_stats() if stats is None else stats).items():
        children.setdefault(parent, []).append(pid)
    family = [root]
    for pid in family:
        family.extend(children.get(pid, ()))
    return family


def own_cpu(children: bool = False) -> float:
    """Seconds of processor of this process; or of its children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def own_memory() -> float:
    """MB."""
    return _pss(os.getpid()) / 1024


def _stats() -> dict[int, tuple[int, int]]:
    """Parent of each process there is, and ticks of processor of its children that have ended."""
    stats = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                stats[int(entry.name)] = (int(fields[1]), int(fields[13]) + int(fields[14]))
    return stats


def _clock(pid: int) -> float:
    """Seconds of processor of a process, to the nanosecond: what clock_getcpuclockid(3) would name (Linux, CPUCLOCK_SCHED)."""
    with contextlib.suppress(OSError):  # it has ended meanwhile
        return time.clock_gettime((~pid << 3) | 2)
    return 0.0


def _pss(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError):  # it has ended meanwhile
        return int(Path(f"/proc/{pid}/smaps_rollup").read_text().partition("Pss:")[2].split()[0])
    return 0
