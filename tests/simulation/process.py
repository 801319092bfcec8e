"""A process that can die: the tasks that run in it are known, and end with it wherever they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

T = TypeVar("T")

_current: ContextVar[Process | None] = ContextVar("_current", default=None)

TURNS = 1_000  # of the loop in which cancelled tasks have ended


class Process:
    """Whatever a task of it starts belongs to it, too."""

    def __init__(self) -> None:
        self.dead = False
        self.faults: list[BaseException] = []  # that it logged
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self._context = copy_context()
        self._context.run(_current.set, self)

    @staticmethod
    def current() -> Process | None:
        return _current.get()

    async def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run `main` in this process and wait for it."""
        return await asyncio.get_running_loop().create_task(main, context=self._context.copy())

    def call(self, work: Callable[..., object], *args: object) -> None:
        """At once, in this process: what `work` starts belongs to it."""
        self._context.copy().run(work, *args)

    async def end(self) -> None:
        """Every task ends at the await it is at; what it still does on the way out, nobody notices."""
        self.dead = True
        for _ in range(TURNS):
            if not self.tasks:
                return
            for task in list(self.tasks):
                task.cancel()
            await asyncio.sleep(0)
        raise RuntimeError(f"does not end: {next(iter(self.tasks))}")


def note_tasks(
    loop: asyncio.AbstractEventLoop,
    main: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    context: Context | None = None,
    **words: Any,
) -> asyncio.Task[Any]:
    """A task factory by which processes know their tasks."""
    task = asyncio.Task(main, loop=loop, context=context, **words)
    process = context.run(_current.get) if context is not None else _current.get()
    if process:
        process.tasks[task] = None
        task.add_done_callback(lambda done: process.tasks.pop(done, None))
    return task
