"""A server of somebody else that lies, breaks off, dawdles or talks nonsense, at any point of the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from correo.net import Woken
from correo.net.memory import MemoryStream


@dataclass(frozen=True, slots=True)
class Drip:
    """One octet, then so many seconds of silence, and so on."""

    octets: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Then:
    """Octets, then the connection breaks off."""

    octets: bytes = b""


SILENCE = Drip(b"", 0)
Deed: TypeAlias = bytes | Drip | Then

HONEST: dict[str, bytes] = {
    "connect": b"220 mx.there.example ESMTP\r\n",
    "EHLO": b"250-mx.there.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    "HELO": b"250 mx.there.example\r\n",
    "DATA": b"354 go on\r\n",
    ".": b"250 2.0.0 it is mine\r\n",
    "QUIT": b"221 bye\r\n",
}
WITHOUT_PIPELINING = b"250-mx.there.example\r\n250 8BITMIME\r\n"
BY_CHUNKS = b"250-mx.there.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n"


@dataclass(slots=True)
class Liar:
    """Does to each verb what `deeds` says, in octets as they go over the wire; where that says nothing, it is honest.

    `deaf`: it says that it can pipeline, and throws away what follows a command in one segment.
    """

    deeds: Mapping[str, Deed] = field(default_factory=dict)
    deaf: bool = False
    heard: list[str] = field(default_factory=list)  # verbs
    messages: int = 0  # whole ones that came, whatever was answered
    connections: int = 0

    async def serve(self, stream: MemoryStream) -> None:
        self.connections += 1
        try:
            await self._converse(stream)
        except (OSError, EOFError):
            pass

    async def _converse(self, stream: MemoryStream) -> None:
        await self._do("connect", stream)
        verb, rest = "", b""
        while verb != "QUIT":
            line, rest = await _until(stream, rest, b"\r\n")
            verb = line[:4].decode("latin-1").upper().strip()
            self.heard.append(verb)
            if self.deaf:
                rest = b""
            if verb == "BDAT":
                rest = await _octets(stream, rest, int(line.split()[1]))
            else:
                await self._do(verb, stream)
            if verb == "DATA":
                _, rest = await _until(stream, b"\r\n" + rest, b"\r\n.\r\n")
            if verb in ("DATA", "BDAT"):
                self.messages += 1
                await self._do(".", stream)

    async def _do(self, verb: str, stream: MemoryStream) -> None:
        match self.deeds.get(verb, HONEST.get(verb, b"250 2.0.0 ok\r\n")):
            case Drip(octets, seconds):
                for octet in octets:
                    stream.write(bytes([octet]))
                    await asyncio.sleep(seconds)
                while not octets and await stream.read(None):
                    pass  # silent until the other side has had enough
            case Then(octets):
                stream.write(octets)
                raise EOFError
            case bytes() as octets:
                stream.write(octets)


async def _until(stream: MemoryStream, heard: bytes, end: bytes) -> tuple[bytes, bytes]:
    while end not in heard:
        heard += await _more(stream)
    found, _, rest = heard.partition(end)
    return found, rest


async def _octets(stream: MemoryStream, heard: bytes, count: int) -> bytes:
    """What comes behind them."""
    while len(heard) < count:
        heard += await _more(stream)
    return heard[count:]


async def _more(stream: MemoryStream) -> bytes:
    data = await stream.read(None)
    if not data or isinstance(data, Woken):
        raise EOFError
    return data
