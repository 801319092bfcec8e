"""UNAUTHENTICATE where something hinders it (RFC 8437 §3, §4.1)."""

from __future__ import annotations

import asyncio
import zlib
from pathlib import Path

from tests.access.test_imap_session import CLIENT, SERVER, house

from correo.net.memory import MemoryStream


async def test_a_compressed_connection_ends_with_it(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        near, far = MemoryStream.pair(CLIENT, SERVER)
        task = asyncio.get_running_loop().create_task(home.serve(far))
        near.write(b"a LOGIN alice@example.org secret\r\nb COMPRESS DEFLATE\r\n")
        plain = b""
        while b"b OK" not in plain or not plain.endswith(b"\r\n"):
            plain += await _read(near)
        packer, unpacker = zlib.compressobj(wbits=-15), zlib.decompressobj(-15)
        commands = b"c CAPABILITY\r\nd UNAUTHENTICATE\r\ne NOOP\r\n"
        near.write(packer.compress(commands) + packer.flush(zlib.Z_SYNC_FLUSH))
        said = b""
        while data := await _read(near):
            said += unpacker.decompress(data)
        await near.close()
        await task
        assert not home.faults
    lines = said.split(b"\r\n")
    assert b"UNAUTHENTICATE" in plain, "it was offered before"
    assert lines[0].startswith(b"* CAPABILITY ")
    assert b"UNAUTHENTICATE" not in lines[0]
    assert lines[2].startswith(b"* BYE ")
    assert lines[3].startswith(b"d OK ")
    assert lines[4:] == [b""], "what came behind was not obeyed"


async def _read(near: MemoryStream) -> bytes:
    data = await asyncio.wait_for(near.read(None), 20)
    assert isinstance(data, bytes)
    return data
