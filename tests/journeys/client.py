"""What people and programs say to a server, in as few words as a story needs."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from correo.net import Stream, Woken

PASSWORD = "secret"
PATIENCE = 60.0  # virtual seconds in which a healthy server has answered


@dataclass(frozen=True, slots=True)
class Said:
    """What the server answered to the end of a message, or to the first command it refused."""

    code: int
    text: str
    recipients: tuple[str, ...] = ()  # those it took

    @property
    def id(self) -> str:
        return self.text.rpartition("queued as ")[2]


class Dialog:
    """One connection."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._heard = bytearray()

    async def line(self) -> str:
        while (end := self._heard.find(b"\r\n")) < 0:
            self._heard += await self._more()
        line = self._heard[:end].decode("utf-8", "surrogateescape")
        del self._heard[: end + 2]
        return line

    async def until(self, end: bytes) -> bytes:
        """Up to the first `end`, and the CRLF that it begins with."""
        looked_at = 0
        while (found := self._heard.find(end, looked_at)) < 0:
            looked_at = max(0, len(self._heard) - len(end))
            self._heard += await self._more()
        text = bytes(self._heard[: found + 2])
        del self._heard[: found + len(end)]
        return text

    async def starts_with(self, end: bytes) -> bool:
        """Whether `end` is all that comes; then it is taken away."""
        while len(self._heard) < len(end):
            self._heard += await self._more()
        if not self._heard.startswith(end):
            return False
        del self._heard[: len(end)]
        return True

    async def _more(self) -> bytes:
        data = await self.stream.read(PATIENCE)
        if not data or isinstance(data, Woken):
            raise EOFError(f"the server hung up after {bytes(self._heard[:200])!r}")
        return data

    async def octets(self, count: int) -> bytes:
        while len(self._heard) < count:
            self._heard += await self._more()
        found = bytes(self._heard[:count])
        del self._heard[:count]
        return found

    def say(self, line: str) -> None:
        self.stream.write(line.encode("utf-8", "surrogateescape") + b"\r\n")

    async def close(self) -> None:
        await self.stream.close()


class Smtp(Dialog):
    async def reply(self) -> Said:
        lines = [await self.line()]
        while lines[-1][3:4] == "-":
            lines.append(await self.line())
        return Said(int(lines[-1][:3]), "\n".join(line[4:] for line in lines))

    async def ask(self, line: str) -> Said:
        self.say(line)
        return await self.reply()

    async def hello(self, user: str = "") -> None:
        """From the greeting to where mail may be given; with `user` after logging in."""
        assert (await self.reply()).code == 220
        assert (await self.ask("EHLO client.example")).code == 250
        if user:
            await self.log_in(user)

    async def log_in(self, user: str) -> None:
        initial = b64encode(f"\0{user}\0{PASSWORD}".encode()).decode()
        assert (await self.ask(f"AUTH PLAIN {initial}")).code == 235

    async def send(
        self, sender: str, recipients: Sequence[str], text: bytes, mail: str = "", rcpt: str = ""
    ) -> Said:
        """One message; recipients that are refused are left out. `mail`, `rcpt`: parameters with a blank in front."""
        said = await self.ask(f"MAIL FROM:<{sender}>{mail}")
        taken = []
        for recipient in recipients if said.code == 250 else ():
            said = await self.ask(f"RCPT TO:<{recipient}>{rcpt}")
            if said.code == 250:
                taken.append(recipient)
        if not taken:
            return said
        assert (await self.ask("DATA")).code == 354
        self.stream.write(text.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        said = await self.reply()
        return Said(said.code, said.text, tuple(taken))

    async def quit(self) -> None:
        assert (await self.ask("QUIT")).code == 221
        await self.close()


class Pop3(Dialog):
    async def ask(self, line: str) -> str:
        if line:
            self.say(line)
        answer = await self.line()
        assert answer.startswith("+OK"), answer
        return answer

    async def log_in(self, user: str) -> None:
        await self.ask("")
        await self.ask(f"USER {user}")
        await self.ask(f"PASS {PASSWORD}")

    async def block(self, line: str) -> bytes:
        await self.ask(line)
        text = await self.until(b"\r\n.\r\n") if not await self.starts_with(b".\r\n") else b""
        return text.removeprefix(b".").replace(b"\r\n.", b"\r\n")


class Imap(Dialog):
    """Commands with their untagged answers; a literal is put in the place where it was announced."""

    number = 0

    async def ask(self, command: str) -> list[str]:
        self.number += 1
        tag = f"a{self.number}"
        self.say(f"{tag} {command}")
        lines: list[str] = []
        while not (line := await self._response()).startswith(f"{tag} "):
            lines.append(line)
        assert line.startswith(f"{tag} OK"), line
        return lines

    async def log_in(self, user: str) -> None:
        assert (await self.line()).startswith("* OK")
        await self.ask(f"LOGIN {user} {PASSWORD}")

    async def _response(self) -> str:
        line = await self.line()
        while line.endswith("}") and (size := line[line.rfind("{") + 1 : -1]).isdigit():
            literal = await self.octets(int(size))
            line += "\r\n" + literal.decode("utf-8", "surrogateescape") + await self.line()
        return line

    async def idle(self) -> None:
        """From now on the server says what happens, until `done`."""
        self.number += 1
        self.say(f"a{self.number} IDLE")
        assert (await self.line()).startswith("+")

    async def done(self) -> list[str]:
        self.say("DONE")
        lines: list[str] = []
        while not (line := await self.line()).startswith(f"a{self.number} "):
            lines.append(line)
        return lines


async def settle_down() -> None:
    """Let everything happen that takes no time."""
    await asyncio.sleep(0.001)
