"""Threads that are there from the beginning.

A pool of the standard library starts its threads when there is work for them. Where the system has none left by then, the work
stays in the pool though it was refused, and a later thread does it when nobody expects it any more: a COMMIT, for example.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier


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
