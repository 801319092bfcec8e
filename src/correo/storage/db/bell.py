"""Waiting for a number in memory that processes share to change, by the system's own means (futex(2)): to look again and again
costs those who wait more than what they wait for.

Where the system's call is not known, waiting is a short sleep, after which to look again.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import sys
import threading
from typing import Any

_CALLS = {"x86_64": 202, "aarch64": 98, "riscv64": 98}  # __NR_futex of 64-bit processes
_WAIT, _WAKE = 0, 1  # not private: the memory is of several processes
_ALL = 0x7FFFFFFF
SLEEP = 0.0002  # seconds, where that is all there is: a fraction of a turn, which is about a millisecond


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class Bell:
    """At `place` in `memory`, which is as long as it: the octets of a counter that whoever rings has changed before."""

    def __init__(self, memory: Any, place: int) -> None:
        """`memory` is a writable buffer that stays where it is. Raises ValueError for a place that is not in it."""
        self._word: ctypes.c_uint32 | None = ctypes.c_uint32.from_buffer(memory, place)
        self._call = _futex()

    @property
    def count(self) -> int:
        """The part of the counter that is looked at."""
        return self._word.value if self._word is not None else 0

    def wait(self, seen: int, seconds: float) -> float:
        """Until somebody rings, but not longer than `seconds`; not at all when the count is not what was `seen`. It may end for no reason.

        How many seconds of it were in vain: 0 where somebody may have rung.
        """
        if self._call is None or self._word is None:
            threading.Event().wait(slept := min(SLEEP, seconds))
            return slept
        whole = int(seconds)
        limit = _Timespec(whole, int((seconds - whole) * 1e9))
        word, expected = ctypes.byref(self._word), ctypes.c_uint32(seen)
        failed = self._call(word, _WAIT, expected, ctypes.byref(limit), None, 0)
        return seconds if failed and ctypes.get_errno() == errno.ETIMEDOUT else 0.0

    def ring(self) -> None:
        """Wake all who wait, in any process."""
        if self._call is not None and self._word is not None:
            self._call(ctypes.byref(self._word), _WAKE, ctypes.c_uint32(_ALL), None, None, 0)

    def close(self) -> None:
        """Let go of the memory."""
        self._word = None


def _futex() -> Any:
    """The call without its number; None where it is not known. The lower half of a counter is looked at, which comes first."""
    number = _CALLS.get(platform.machine())
    if number is None or sys.platform != "linux" or sys.byteorder != "little" or sys.maxsize < 1 << 32:
        return None
    call = ctypes.CDLL(None, use_errno=True).syscall

    def futex(*arguments: Any) -> int:
        result: int = call(ctypes.c_long(number), *arguments)
        return result

    return futex
