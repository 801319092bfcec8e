"""`correo serve` as a process group of its own, which is killed, stopped, upgraded and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections import Counter
from pathlib import Path
from typing import Any

from tests.faults.books import Broken
from tests.interop.serving import unprivileged

STARTING = 60.0  # seconds until it is ready, after whatever there is to be recovered
STOPPING = 60.0
READY, RENEWED = b'"event":"ready"', b'"event":"all workers are replaced"'
BEGINNING = '{"time":"'  # of each line of the log; in a text the quotes would be escaped
_MAIN = "from correo.cli import main; main()"


class Server:
    """`prefix` comes before the command, and may run it somewhere else."""

    def __init__(self, folder: Path, workers: int, prefix: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.workers = workers
        self.starts: list[float] = []  # how many seconds each took
        self._prefix = prefix
        self._process: Process | None = None
        self._since = 0  # where the log of the process that runs begins

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    @property
    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    @property
    def pids(self) -> list[int]:
        return [self.process.pid, *self.children]

    @property
    def ready(self) -> bool:
        return READY in self._said(self._since)

    def command(self) -> list[str]:
        options = ["--config", str(self.folder / "correo.toml"), "serve", "--workers", str(self.workers)]
        return [*self._prefix, *unprivileged(), sys.executable, "-c", _MAIN, *options]

    async def begin(self, *before: str) -> None:
        """Start it, with the command `before` it, and do not wait."""
        with self.log.open("ab") as log:
            self._since = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *before, *self.command(), stdout=log, stderr=log, start_new_session=True, cwd=self.folder
            )

    async def start(self) -> None:
        began = time.monotonic()
        await self.begin()
        await self.until_told(READY)
        self.starts.append(time.monotonic() - began)

    async def until_told(self, words: bytes, since: int | None = None) -> None:
        start = self._since if since is None else since
        try:
            async with asyncio.timeout(STARTING):
                while words not in self._said(start):
                    if self.process.returncode is not None:
                        raise Broken(f"the server ended with {self.process.returncode}: {self.last_words()}")
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise Broken(f"not {words!r} within {STARTING:.0f} s: {self.last_words()}") from None

    async def kill(self) -> None:
        """All of it at once, as when the machine's memory is at its end."""
        self.strike()
        await self.process.wait()

    def strike(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        self.process.terminate()
        try:
            code = await asyncio.wait_for(self.process.wait(), STOPPING)
        except TimeoutError:
            raise Broken(f"the server does not stop: {self.last_words()}") from None
        if code != 0:
            raise Broken(f"the server stopped with {code}: {self.last_words()}")

    async def renew(self) -> None:
        """New workers in place of the old ones."""
        since = self.log.stat().st_size
        self.process.send_signal(signal.SIGUSR2)
        await self.until_told(RENEWED, since)

    async def end(self) -> None:
        """Whatever state it is in."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    def faults(self) -> Counter[str]:
        """What the log calls an error, and what is no line of the log."""
        found: Counter[str] = Counter()
        for line in self.log.read_text(errors="replace").splitlines():
            entry = entry_of(line)
            if entry.get("level") in (None, "error", "critical") or "exception" in entry:
                found[entry["event"]] += 1
        return found

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def _said(self, since: int) -> bytes:
        with self.log.open("rb") as log:
            log.seek(since)
            return log.read()


def entry_of(line: str) -> dict[str, Any]:
    """What a line of the log says. Before it may stand what another process was writing when it was killed: the system cuts a
    write(2) between two pages of the file.
    """
    start = line.rfind(BEGINNING) if line.startswith(BEGINNING) else 0
    try:
        entry: dict[str, Any] = json.loads(line[start:])
    except ValueError:
        return {"event": line}
    return entry
