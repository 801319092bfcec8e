"""Waiting until servers rest, so that none works while another is measured."""

from __future__ import annotations

import time
from collections.abc import Sequence

from row import Running

CALM = 0.2  # seconds of a window in which a server shows whether it is idle
IDLE_TICKS = 0.02  # seconds of processor that an idle server may take in it
CALM_SECONDS = 300.0  # that a server may take to come to rest
SETTLED = 25  # windows of rest after mail was put in: what servers do with new mail in the background begins seconds later


def calm(servers: Sequence[Running], windows: int = 1, seconds: float = CALM_SECONDS) -> None:
    """Wait until no server has had anything to do for so many windows."""
    end = time.monotonic() + seconds
    used = [server.cpu() for server in servers]
    quiet = 0
    while quiet < windows:
        if time.monotonic() > end:
            raise RuntimeError(f"a server does not come to rest: {used} seconds of processor")
        time.sleep(CALM)
        before, used = used, [server.cpu() for server in servers]
        idle = all(now - then <= IDLE_TICKS for now, then in zip(used, before, strict=True))
        quiet = quiet + 1 if idle else 0
