"""One question to one service by HTTP/1.1, over a stream of any dialler: one connection, one answer, one deadline for all of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

from correo.net import Dialer, Woken
from correo.wire.http import Endpoint, Response, ResponseReader
from correo.wire.http import post as request


async def post(
    dialer: Dialer,
    endpoint: Endpoint,
    fields: Mapping[str, str],
    body: bytes,
    *,
    context: ssl.SSLContext | None,
    timeout: float,
) -> Response:
    """The answer, whatever its status. `context` is for a secure endpoint. Raises OSError, TimeoutError, BadResponse."""
    async with asyncio.timeout(timeout):
        stream = await dialer.connect(endpoint.host, endpoint.port, timeout)
        try:
            if endpoint.secure:
                assert context is not None, "a secure endpoint needs a context"
                await stream.start_tls(context, server_side=False, hostname=endpoint.host)
            stream.write(request(endpoint, fields, body))
            await stream.drain(timeout)
            reader = ResponseReader()
            while reader.response is None:
                data = await stream.read(timeout)
                if isinstance(data, Woken):
                    continue
                if data:
                    reader.receive(data)
                else:
                    reader.end()
            return reader.response
        finally:
            stream.abort()
