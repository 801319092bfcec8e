"""How many workers the machine is good for."""

from __future__ import annotations

import math
import os
from pathlib import Path

MOST = 16  # unless more are asked for: each takes some 50 MB, and they share one database
QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores(quota: Path = QUOTA) -> int:
    """Those this process may use: by its affinity, and by the quota of its container (cgroup v2); at least 1, at most `MOST`."""
    return max(1, min(len(os.sched_getaffinity(0)), _allowed(quota), MOST))


def _allowed(quota: Path) -> int:
    """`100000 50000` is two cores, `max 50000` is any number."""
    try:
        most, period = quota.read_text().split()
        return math.ceil(int(most) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return MOST
