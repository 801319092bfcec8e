"""How far long work has come: one line on the terminal, nothing anywhere else."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import TextIO

PAUSE = 0.1  # seconds between two writings of the line


class Progress:
    """Called with what is being done, how much of it is done, and of how much (0: nobody knows)."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._shown = ""
        self._what = ""
        self._last = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write("")

    def __call__(self, what: str, done: int, total: int) -> None:
        if not self._out.isatty():
            return
        now = monotonic()
        if what == self._what and done < total and now - self._last < PAUSE:
            return
        self._what, self._last = what, now
        self._write(f"{what} {100 * done // total:3d}%" if total else f"{what} ...")

    def _write(self, line: str) -> None:
        if line == self._shown:
            return
        self._out.write("\r" + line.ljust(len(self._shown)) + ("" if line else "\r"))
        self._out.flush()
        self._shown = line
