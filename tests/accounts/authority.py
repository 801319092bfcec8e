"""A small authorization server: answers questions about tokens (RFC 7662) on a network in memory."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any
from urllib.parse import parse_qs

from correo.net.memory import MemoryStream

_WHOLE = re.compile(rb"Content-Length: (\d+)\r\n\r\n")


class Authority:
    """To be called with each connection. `facts` is the answer for every token that `tokens` does not have."""

    def __init__(self, facts: Any = None, tokens: dict[str, Any] | None = None) -> None:
        self.facts: Any = facts if facts is not None else {"active": True, "username": "bob@example.com"}
        self.tokens = tokens or {}
        self.raw = b""  # instead of an answer made of the facts
        self.silent = False
        self.asked: list[str] = []
        self.requests: list[bytes] = []

    async def __call__(self, stream: MemoryStream) -> None:
        request = b""
        while not (match := _WHOLE.search(request)) or len(request) < match.end() + int(match[1]):
            data = await stream.read(None)
            assert isinstance(data, bytes)
            if not data:
                return
            request += data
        self.requests.append(request)
        (token,) = parse_qs(request.partition(b"\r\n\r\n")[2].decode())["token"]
        self.asked.append(token)
        if self.silent:
            await asyncio.sleep(3600)
        body = json.dumps(self.tokens.get(token, self.facts)).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        stream.write(self.raw or head.encode() + body)
        await stream.close()
