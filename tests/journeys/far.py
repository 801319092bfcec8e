"""A server of somebody else, of which only the answers matter: they are written down, or worked out by a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from correo.net import Woken
from correo.net.memory import MemoryStream

HANG_UP = "!"  # as an answer: the connection ends without one
HUSH = "?"  # as an answer to a new connection: none, for as long as the other side waits


@dataclass(frozen=True, slots=True)
class Taken:
    """A message for which it took responsibility."""

    sender: str
    recipients: tuple[str, ...]
    text: bytes  # dots unstuffed


@dataclass(slots=True)
class Far:
    """Answers commands by `answer`, and with success where that says None. "." stands for the end of a message.

    `hear` is called before each answer to a message is sent, for those who must not forget it.
    """

    answer: Callable[[str], str | None] = lambda line: None
    extensions: tuple[str, ...] = ("PIPELINING", "SIZE 1000000", "8BITMIME")
    drop_after: int | None = None  # octets of a message after which it hangs up
    hear: Callable[[Taken], None] = lambda taken: None
    taken: list[Taken] = field(default_factory=list)
    connections: int = 0

    async def serve(self, stream: MemoryStream) -> None:
        self.connections += 1
        try:
            await _Conversation(self, stream).run()
        except (OSError, EOFError):
            pass


class _Conversation:
    def __init__(self, far: Far, stream: MemoryStream) -> None:
        self.far = far
        self.stream = stream
        self.heard = bytearray()
        self.sender = ""
        self.recipients: list[str] = []

    async def run(self) -> None:
        greeting = self.far.answer("connect") or "220 far.example ESMTP"
        if greeting == HUSH:
            await self.stream.read(None)
            return
        self._say(greeting)
        while (line := (await self._until(b"\r\n")).decode()) != "QUIT":
            reply = self.far.answer(line) or self._usual(line)
            if reply.startswith("2"):
                self._note(line)
            self._say(reply)
            if line == "DATA" and reply.startswith("354"):
                await self._message()
        self._say("221 bye")

    def _usual(self, line: str) -> str:
        if line.startswith("EHLO"):
            lines = ["far.example", *self.far.extensions]
            return "\r\n".join([*(f"250-{word}" for word in lines[:-1]), f"250 {lines[-1]}"])
        if line == "DATA":
            return "354 go on" if self.recipients else "554 5.5.1 for nobody?"
        return "250 2.0.0 Ok"

    def _note(self, line: str) -> None:
        path = line[line.find("<") + 1 : line.find(">")]
        if line.startswith(("EHLO", "HELO", "RSET", "MAIL")):
            self.sender, self.recipients = "", []
        if line.startswith("MAIL"):
            self.sender = path
        elif line.startswith("RCPT"):
            self.recipients.append(path)

    async def _message(self) -> None:
        if self.far.drop_after is not None:
            while len(self.heard) < self.far.drop_after:
                await self._more()
            raise EOFError
        self.heard[:0] = b"\r\n"  # so that the end of an empty message looks like any other
        text = (await self._until(b"\r\n.\r\n")).removeprefix(b"\r\n") + b"\r\n"
        reply = self.far.answer(".") or "250 2.0.0 Ok, it is mine now"
        if reply.startswith("2"):
            clear = text.removeprefix(b".").replace(b"\r\n.", b"\r\n")
            taken = Taken(self.sender, tuple(self.recipients), clear)
            self.far.hear(taken)
            self.far.taken.append(taken)
        self.recipients = []
        self._say(reply)

    def _say(self, reply: str) -> None:
        if reply == HANG_UP:
            raise EOFError
        self.stream.write(reply.encode() + b"\r\n")

    async def _until(self, end: bytes) -> bytes:
        while end not in self.heard:
            await self._more()
        found, _, rest = bytes(self.heard).partition(end)
        self.heard[:] = rest
        return found

    async def _more(self) -> None:
        data = await self.stream.read(None)
        if not data or isinstance(data, Woken):
            raise EOFError
        self.heard += data
