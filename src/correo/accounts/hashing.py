"""Hashing off the event loop: so many at a time, so many waiting, the rest refused.

A password costs tens of milliseconds and 19 MiB; without a bound, a few hundred clients that guess would take both.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple, Unpack

from correo.mail.errors import Kind, Refused
from correo.storage.threads import started

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

WAITING_PER_THREAD = 100  # at 25 ms each the last waits 2.5 s, less than any client's patience


class Hashing:
    """Runs functions in `concurrency` threads, by default one for each core; 0 runs them inline, for virtual time."""

    def __init__(self, concurrency: int | None = None) -> None:
        threads = (os.cpu_count() or 1) if concurrency is None else concurrency
        self._threads = started(threads, "hashing") if threads else None
        self._room = threads * (1 + WAITING_PER_THREAD)

    async def run(self, work: Callable[[Unpack[Ts]], T], *args: *Ts) -> T:
        """Refused UNAVAILABLE when too many wait."""
        if self._threads is None:
            return work(*args)
        if not self._room:
            raise Refused(Kind.UNAVAILABLE, "too many passwords wait to be checked")
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
        finally:
            self._room += 1

    def close(self) -> None:
        if self._threads:
            self._threads.shutdown(wait=False, cancel_futures=True)
