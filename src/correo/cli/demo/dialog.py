"""A mail program of a few lines that prints what is said: the demo's window on the protocols."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

SECONDS = 10.0  # no answer of a healthy server on this machine takes as long
SHOWN = 100  # characters of a line that are printed

Show = Callable[[str, str], None]  # who ("C" or "S"), what


class Unexpected(Exception):
    """The server said something else than it should."""


class Dialog:
    """One connection. `say` sends a line; `hear` takes lines up to one that starts with what is expected."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, show: Show) -> None:
        self._reader = reader
        self._writer = writer
        self._print = show
        self.silent = False  # for what has been seen before

    @classmethod
    async def open(cls, host: str, port: int, show: Show) -> Dialog:
        reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
        return cls(reader, writer, show)

    async def say(self, line: str, *, shown: str | None = None) -> None:
        self._show("C", line if shown is None else shown)
        self._writer.write(line.encode() + b"\r\n")
        await self._writer.drain()

    async def text(self, text: str, *, quiet: bool = False) -> None:
        """The text of a message, dot-stuffed and ended; `quiet` prints no more than that it was sent."""
        lines = text.splitlines()
        if quiet:
            self._show("C", f"({len(lines)} lines of message)")
        for line in lines:
            if not quiet:
                self._show("C", line)
            self._writer.write((("." + line) if line.startswith(".") else line).encode() + b"\r\n")
        self._show("C", ".")
        self._writer.write(b".\r\n")
        await self._writer.drain()

    async def hear(self, expected: str, *, until: str | None = None) -> list[str]:
        """Lines up to the first that starts with `until` (default: `expected`), which must start with `expected`."""
        lines: list[str] = []
        while True:
            line = await self._line()
            lines.append(line)
            self._show("S", line)
            if line.startswith(expected):
                return lines
            if until is not None and line.startswith(until):
                raise Unexpected(f"expected {expected!r}, got {line!r}")
            if until is None and not _continues(line):
                raise Unexpected(f"expected {expected!r}, got {line!r}")

    async def hear_block(self) -> list[str]:
        """Lines up to a line with a single dot (POP3)."""
        lines: list[str] = []
        while (line := await self._line()) != ".":
            lines.append(line[1:] if line.startswith("..") else line)
        return lines

    def _show(self, who: str, what: str) -> None:
        if not self.silent:
            self._print(who, what)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def _line(self) -> str:
        async with asyncio.timeout(SECONDS):
            line = await self._reader.readline()
        if not line:
            raise Unexpected("the server hung up")
        return line.decode("utf-8", "replace").rstrip("\r\n")


def _continues(line: str) -> bool:
    """Whether more lines of the same answer follow: `250-...` of SMTP, anything untagged of IMAP."""
    return line[3:4] == "-" or line.startswith(("* ", "+ "))
