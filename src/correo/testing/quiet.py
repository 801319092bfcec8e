"""The server's log while tests run: nothing of it, unless who tests has set up structlog and so sees it as his own.

What the tested software logs stays as it is, by structlog's defaults, too.
"""

from __future__ import annotations

import threading
from typing import Any

import structlog

THREAD = "correo-test-server"  # the name of those whose log is dropped

_running: set[object] = set()
_processors: list[Any] = []  # that we have set up; none where we have not


def _drop_ours(logger: Any, method: str, event: Any) -> Any:
    if threading.current_thread().name == THREAD:
        raise structlog.DropEvent
    return event


def begin(server: object) -> None:
    """`server` is about to log."""
    _running.add(server)
    if not structlog.is_configured():
        _processors[:] = [_drop_ours, *structlog.get_config()["processors"]]
        structlog.configure(processors=list(_processors))


def end(server: object) -> None:
    """It does not any more; after the last one all is as it was."""
    _running.discard(server)
    if not _running and _processors:
        ours = structlog.get_config()["processors"] == _processors  # and nobody has set it up since
        _processors.clear()
        if ours:
            structlog.reset_defaults()
