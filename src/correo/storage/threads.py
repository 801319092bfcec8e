"""Threads that are there from the beginning.

A pool of the standard library starts its threads when there is work for them. Where the system has none left by then, the work
stays in the pool though it was refused, and a later thread does it when nobody expects it any more: a COMMIT, for example.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Barrier, Thread
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class NoThreads(OSError):
    """The system starts no more threads for this process."""


def started(threads: int, name: str) -> ThreadPoolExecutor:
    """A pool whose `threads` all wait for work already. Raises NoThreads."""
    pool = ThreadPoolExecutor(threads, name)
    all_there = Barrier(threads + 1)
    try:
        for _ in range(threads):
            pool.submit(all_there.wait)
    except RuntimeError as error:
        all_there.abort()
        pool.shutdown(cancel_futures=True)
        raise NoThreads(f"the system starts no more threads ({name})") from error
    all_there.wait()
    return pool


class _Errand:
    """Something that the thread of a Hand is to do, and who waits for it."""

    __slots__ = ("_args", "_error", "_loop", "_result", "_work", "done", "waiter")

    def __init__(
        self,
        work: Callable[..., object],
        args: tuple[object, ...],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._work = work
        self._args = args
        self._loop = loop
        self._result: Any = None
        self._error: BaseException | None = None
        self.done = False  # set and read in the loop's thread, as the waiter is
        self.waiter: asyncio.Future[None] | None = None

    def run(self) -> None:
        """In the thread."""
        try:
            self._result = self._work(*self._args)
        except BaseException as error:
            self._error = error
        if self._loop:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and so is whoever waited
                self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        self.done = True
        if self.waiter and not self.waiter.done():
            self.waiter.set_result(None)

    def outcome(self) -> Any:
        """What came of it; raises what it raised."""
        if self._error is None:
            return self._result
        try:
            raise self._error
        finally:
            self._error = None  # its traceback leads here


class Hand:
    """One thread that does one thing after the other for an event loop: half the ado of a pool, which commits notice."""

    def __init__(self, name: str) -> None:
        """Raises NoThreads."""
        self._errands: SimpleQueue[_Errand | None] = SimpleQueue()
        self._ended = False
        self._thread = Thread(target=self._serve, name=name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise NoThreads(f"the system starts no more threads ({name})") from error

    async def do(self, work: Callable[[Unpack[Ts]], T], *args: *Ts) -> T:
        """Waited for even when the task is cancelled, since it is done all the same. Raises RuntimeError after `shutdown`."""
        self._refuse_if_ended()
        loop = asyncio.get_running_loop()
        errand = _Errand(work, args, loop)
        self._errands.put(errand)
        while not errand.done:
            errand.waiter = loop.create_future()
            with contextlib.suppress(asyncio.CancelledError):
                await errand.waiter
        result: T = errand.outcome()
        return result

    def submit(self, work: Callable[[], object]) -> None:
        """Nobody waits for it, or wants to know what it raises. Raises RuntimeError after `shutdown`."""
        self._refuse_if_ended()
        self._errands.put(_Errand(work, ()))

    def shutdown(self) -> None:
        """Wait until all is done that was asked for."""
        self._ended = True
        self._errands.put(None)
        self._thread.join()

    def _refuse_if_ended(self) -> None:
        """Who waited for a thread that has ended would wait for ever."""
        if self._ended:
            raise RuntimeError("nothing is done after the shutdown")

    def _serve(self) -> None:
        while errand := self._errands.get():
            errand.run()
            del errand  # what it holds is not kept until the next one comes
