"""One question to one service by HTTP/1.1, over a stream of any dialler: one connection, one answer, one deadline for all of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

from correo.net import Dialer, Woken
from correo.wire import http as wire
from correo.wire.http import MAX_BODY, Endpoint, Response, ResponseReader


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
    request = wire.post(endpoint, fields, body)
    return await _exchange(dialer, endpoint, endpoint.host, request, context, timeout, MAX_BODY)


async def get(
    dialer: Dialer,
    endpoint: Endpoint,
    fields: Mapping[str, str],
    *,
    address: str,
    context: ssl.SSLContext | None,
    timeout: float,
    limit: int = MAX_BODY,
) -> Response:
    """As `post`, from the server at `address`, an IP address that the caller has found; at most `limit` octets of body."""
    return await _exchange(dialer, endpoint, address, wire.get(endpoint, fields), context, timeout, limit)


async def _exchange(
    dialer: Dialer,
    endpoint: Endpoint,
    address: str,
    request: bytes,
    context: ssl.SSLContext | None,
    timeout: float,
    limit: int,
) -> Response:
    async with asyncio.timeout(timeout):
        stream = await dialer.connect(address, endpoint.port, timeout)
        try:
            if endpoint.secure:
                assert context is not None, "a secure endpoint needs a context"
                await stream.start_tls(context, server_side=False, hostname=endpoint.host)
            stream.write(request)
            await stream.drain(timeout)
            reader = ResponseReader(limit)
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
