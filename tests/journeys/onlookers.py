"""Servers of others that each have a mind of their own about where a line ends, in commands and around the final dot."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from correo.net import Woken
from correo.net.memory import MemoryStream

# What each takes for the end of a line. Only the first keeps to the standard (RFC 5321 §2.3.8); all the others have been seen.
VIEWS = {
    "strict": rb"\r\n",
    "lf": rb"\r?\n",
    "cr": rb"\r\n?",
    "any": rb"\r\n|\r|\n",
    "many": rb"\r*\n",
    "nul": rb"\0?\r\n\0?",
}
PATIENCE = 120.0  # virtual seconds after which it is no use to wait for the end of a line


@dataclass(slots=True)
class Onlooker:
    """Takes all mail, and remembers messages and commands as it understands them."""

    view: str
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SMTPUTF8")
    taken: list[bytes] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)  # verbs
    hung: int = 0  # connections on which something was begun and never ended

    async def serve(self, stream: MemoryStream) -> None:
        stream.write(b"220 onlooker ESMTP\r\n")
        lines = _Lines(stream, re.compile(VIEWS[self.view]))
        while (line := await lines.next()) is not None:
            verb = line[:4].upper()
            self.said.append(verb)
            if verb == b"EHLO":
                words = ("onlooker", *self.extensions)
                answer = "".join(f"250{' ' if word == words[-1] else '-'}{word}\r\n" for word in words)
                stream.write(answer.encode())
            elif verb == b"DATA":
                stream.write(b"354 go on\r\n")
                if (message := await lines.message()) is None:
                    break
                self.taken.append(message)
                stream.write(b"250 2.0.0 it is mine\r\n")
            elif verb == b"QUIT":
                stream.write(b"221 bye\r\n")
                return
            else:
                stream.write(b"250 2.0.0 ok\r\n")
        self.hung += bool(lines.rest)


class _Lines:
    def __init__(self, stream: MemoryStream, end: re.Pattern[bytes]) -> None:
        self._stream = stream
        self._end = end
        self.rest = b""

    async def next(self) -> bytes | None:
        """A line without its end; None where none comes any more."""
        # After a CR the LF that belongs to it may still be on its way.
        while not (found := self._end.search(self.rest)) or self.rest.endswith(b"\r"):
            try:
                data = await self._stream.read(PATIENCE)
            except TimeoutError:
                return None
            if not data or isinstance(data, Woken):
                return None
            self.rest += data
        line, self.rest = self.rest[: found.start()], self.rest[found.end() :]
        return line

    async def message(self) -> bytes | None:
        lines: list[bytes] = []
        while (line := await self.next()) is not None:
            if line == b".":
                return b"".join(one + b"\r\n" for one in lines)
            lines.append(line.removeprefix(b"."))
        return None
