"""Which lines of a target's modules run, and in which order they follow each other: what tells one input from another.

By `sys.settrace`, which every Python has. Lines of functions only: those of modules and classes run when they are imported, and
say nothing of an input.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterable
from types import CodeType, FrameType, ModuleType
from typing import Any

Arc = tuple[str, int, int]  # of a file: from which line to which; 0 is the way in

_IS_FUNCTION = inspect.CO_OPTIMIZED


class Tracer:
    """Remembers every arc it has seen."""

    def __init__(self, covers: Iterable[str]) -> None:
        self.lines = _lines(covers)
        self.arcs: set[Arc] = set()
        self._fresh: set[Arc] = set()

    def run(self, work: Callable[[], None]) -> set[Arc]:
        """The arcs of `work` that none before it had, also where it raises."""
        self._fresh = set()
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            work()
        finally:
            sys.settrace(before)
            self.arcs |= self._fresh
        return self._fresh

    @property
    def share(self) -> float:
        """Of the lines, those that were reached: 0 to 1."""
        reached = {(file, line) for file, _, line in self.arcs if line in self.lines.get(file, ())}
        return len(reached) / max(1, sum(map(len, self.lines.values())))

    def _called(
        self, frame: FrameType, event: str, arg: object
    ) -> Callable[[FrameType, str, Any], Any] | None:
        file = frame.f_code.co_filename
        if file not in self.lines:
            return None
        before, fresh, arcs = 0, self._fresh, self.arcs

        def line(frame: FrameType, event: str, arg: object) -> Callable[[FrameType, str, Any], Any]:
            nonlocal before
            if event == "line":
                arc = (file, before, frame.f_lineno)
                before = frame.f_lineno
                if arc not in arcs:
                    fresh.add(arc)
            return line

        return line


def _lines(covers: Iterable[str]) -> dict[str, frozenset[int]]:
    """The lines of functions by file."""
    found: dict[str, frozenset[int]] = {}
    for module in _modules(covers):
        file = module.__file__ or ""
        with open(file, "rb") as source:
            found[file] = frozenset(_lines_in(compile(source.read(), file, "exec")))
    return found


def _modules(covers: Iterable[str]) -> Iterable[ModuleType]:
    for name in covers:
        module = importlib.import_module(name)
        yield module
        for info in pkgutil.walk_packages(getattr(module, "__path__", []), f"{name}."):
            yield importlib.import_module(info.name)


def _lines_in(code: CodeType) -> Iterable[int]:
    if code.co_flags & _IS_FUNCTION:
        # The line of `def` is run as "call"; a docstring is not run at all.
        yield from (line for _, _, line in code.co_lines() if line and line != code.co_firstlineno)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _lines_in(constant)
