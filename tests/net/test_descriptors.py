"""Connections leave descriptors for what the server does itself."""

from __future__ import annotations

import asyncio
import resource

from correo.net import Stream
from correo.net.descriptors import KEPT, Descriptors, allow_all, for_connections
from correo.net.limits import ConnectionLimits
from correo.net.listen import Listener, bind


def test_connections_get_what_others_do_not_need() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        for limit, connections in ((1024, 768), (4096, 4096 - KEPT)):
            if limit <= hard:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
                assert for_connections() == connections
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_as_many_as_the_system_allows_are_allowed() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
        allow_all()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= soft
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_whoever_is_too_many_for_the_process_is_told_so_at_each_listener() -> None:
    leaving = asyncio.Event()

    async def serve(stream: Stream) -> None:
        stream.write(b"hello\r\n")
        await leaving.wait()

    descriptors = Descriptors(2)
    listeners = [
        Listener(
            bind("127.0.0.1:0"), serve, ConnectionLimits(5, 5), b"busy\r\n", None, descriptors=descriptors
        )
        for _ in range(2)
    ]
    for listener in listeners:
        await listener.start()
    heard = []
    writers = []
    for listener in (*listeners, *listeners):
        reader, writer = await asyncio.open_connection(*listener.sock.getsockname())
        writers.append(writer)
        heard.append(await reader.readline())
    assert heard == [b"hello\r\n", b"hello\r\n", b"busy\r\n", b"busy\r\n"]
    assert descriptors.open == 2
    leaving.set()
    for listener in listeners:
        listener.stop_accepting()
        await listener.drain(5)
    for writer in writers:
        writer.close()
    assert descriptors.open == 0
