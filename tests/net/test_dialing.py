from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from correo.net.stream import SocketDialer


async def test_a_socket_of_this_machine_is_dialled_by_its_path(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 store\r\n")
        assert await reader.readline() == b"LHLO here\r\n"
        writer.close()

    path = str(tmp_path / "lmtp")
    async with await asyncio.start_unix_server(serve, path):
        stream = await SocketDialer("192.0.2.1").connect(path, 0, 5.0)
        assert await stream.read(5.0) == b"220 store\r\n"
        assert stream.peer.address == stream.local.address == "unix"
        stream.write(b"LHLO here\r\n")
        await stream.drain(5.0)
        assert await stream.read(5.0) == b""
        await stream.close()


async def test_a_socket_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await SocketDialer().connect(str(tmp_path / "none"), 0, 5.0)
