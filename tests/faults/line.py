"""One connection of a client that speaks in lines."""

from __future__ import annotations

import asyncio
from types import TracebackType

from tests.faults.books import Broken

LOOPBACK = "127.0.0.1"
PATIENCE = 60.0  # seconds in which a server that lives has answered, whatever else it has to do
LONGEST = 4 * 1024 * 1024  # octets of a line or a message


class Gone(Exception):
    """The server ended the connection, or is not there."""


class Later(Exception):
    """The server cannot do it now, says so, and has not done it."""


class Line:
    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Line:
        try:
            self._reader, self._writer = await asyncio.open_connection(LOOPBACK, self._port, limit=LONGEST)
        except OSError as error:
            raise Gone from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def send(self, octets: bytes) -> None:
        self._writer.write(octets)

    async def hear(self) -> str:
        try:
            async with asyncio.timeout(PATIENCE):
                line = await self._reader.readline()
        except OSError as error:
            raise Gone from error
        except TimeoutError:
            raise Broken(f"no answer within {PATIENCE:.0f} seconds") from None
        if not line.endswith(b"\n"):
            raise Gone
        return line.decode("utf-8", "replace").rstrip("\r\n")

    async def smtp(self, command: str | bytes, expected: str = "250") -> str:
        """What the last line of the answer says; "" only hears. Raises Later for 4xx, Broken for what else is not expected."""
        if command:
            octets = command if isinstance(command, bytes) else command.encode()
            self.send(octets + b"\r\n")
        while (line := await self.hear())[3:4] == "-":
            pass
        if line.startswith("421"):
            raise Gone
        if line.startswith("4"):
            raise Later(line)
        if not line.startswith(expected):
            raise Broken(f"{command[:60]!r} was answered {line!r}")
        return line

    async def imap(self, command: str, octets: bytes = b"") -> list[str]:
        """All lines of the answer; `octets` are sent as its literal. Raises Later for NO, Broken for BAD."""
        self.send(f"x {command}\r\n".encode())
        lines: list[str] = []
        while True:
            line = await self.hear()
            if line.startswith("+") and octets:
                self.send(octets + b"\r\n")
            elif line.startswith("* BYE"):
                raise Gone
            elif line.startswith("x OK"):
                return [*lines, line]
            elif line.startswith("x NO"):
                raise Later(line)
            elif line.startswith("x "):
                raise Broken(f"{command[:60]!r} was answered {line!r}")
            else:
                lines.append(line)

    async def pop3(self, command: str, *, long: bool = False) -> list[str]:
        """Raises Later for every -ERR: nothing that is asked here can be wrong."""
        if command:
            self.send(command.encode() + b"\r\n")
        line = await self.hear()
        if not line.startswith("+OK"):
            raise Later(line)
        lines = [line]
        while long and (line := await self.hear()) != ".":
            lines.append(line)
        return lines
