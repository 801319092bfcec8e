"""Several clients at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def at_once(work: Callable[[T], object], arguments: Iterable[T]) -> None:
    """Call `work` with each, in a thread of its own. Raises the first that was raised."""
    failed: list[BaseException] = []

    def one(argument: T) -> None:
        try:
            work(argument)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=one, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
