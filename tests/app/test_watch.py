"""`correo watch` on a running server: inside TLS and compression, of several processes, and what it says where there is none."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from pathlib import Path

import pytest
from tests.app.test_server import port, started

from correo.cli import main
from correo.cli.terminal import EX_UNAVAILABLE, EX_USAGE, State
from correo.cli.watch import Audience, _watch
from correo.clock.system import SystemClock
from correo.config import WATCH
from correo.net import Peer
from correo.net.tap import Taps
from correo.net.watch import Door, Request, Told

HERE = "127.0.0.1"


class Stranger:
    """Who has said nothing yet."""

    core = object()
    logged_in = ""


async def until_told(audience: Audience, text: str) -> list[Told]:
    """All that is told up to a line that ends like this."""
    told: list[Told] = []
    async with asyncio.timeout(20):
        while not told or not told[-1].text.endswith(text):
            told.append(await audience.told.get())
    return told


async def test_imap_inside_tls_and_compression(tmp_path: Path) -> None:
    server = await started(tmp_path)
    audience = Audience(tmp_path / "data" / WATCH, Request(protocols=["imap"], account="alice@example.org"))
    assert await audience.join() == 1
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        while not server.taps.watchers:
            await asyncio.sleep(0)
    context = ssl._create_unverified_context()
    reader, writer = await asyncio.open_connection(HERE, port(server, 2), ssl=context)
    await reader.readline()
    packer, unpacker = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
    writer.write(b"a LOGIN alice@example.org {6+}\r\nsecret\r\nb COMPRESS DEFLATE\r\n")
    while not (await reader.readline()).startswith(b"b OK"):
        pass
    writer.write(
        packer.compress(b"c STATUS INBOX (MESSAGES)\r\nd LOGOUT\r\n") + packer.flush(zlib.Z_SYNC_FLUSH)
    )
    said = unpacker.decompress(await reader.read(-1))
    assert said.endswith(b"d OK Logged out\r\n")
    told = await until_told(audience, "closed")
    lines = [f"{one.who} {one.text}" for one in told]
    assert lines[:2] == ["* connected", "* TLS: TLSv1.3 TLS_AES_256_GCM_SHA384"]
    assert "C a LOGIN alice@example.org <hidden>" in lines
    assert "C b COMPRESS DEFLATE" in lines
    assert "C c STATUS INBOX (MESSAGES)" in lines
    assert lines.count("S * STATUS INBOX (MESSAGES 0)") == 1
    assert not any("secret" in line for line in lines)
    assert len([line for line in lines if line.startswith("S b OK")]) == 1
    assert {one.account for one in told[-3:]} == {"alice@example.org"}
    audience.leave()
    writer.close()
    await server.stop()
    assert list((tmp_path / "data" / WATCH).iterdir()) == []


async def test_several_processes_and_those_that_come_later(tmp_path: Path) -> None:
    taps = [Taps(SystemClock(), f"{number}.") for number in (1, 2, 3)]
    opened = [Door(one, tmp_path, number) for number, one in enumerate(taps, 1)]
    await opened[0].open()
    await opened[1].open()
    audience = Audience(tmp_path, Request())
    assert await audience.join() == 2
    await opened[2].open()
    assert await audience.join() == 3
    async with asyncio.timeout(10):
        while not all(one.watchers for one in taps):
            await asyncio.sleep(0)
    for one in taps:
        one.incoming("smtp", Peer(HERE, 1), None, Stranger())
    told = [await audience.told.get() for _ in taps]
    assert sorted(one.session for one in told) == ["1.1", "2.1", "3.1"]
    audience.leave()
    for door in opened:
        door.close()


async def test_lines_as_people_read_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taps = Taps(SystemClock(), "7.")
    door = Door(taps, tmp_path)
    await door.open()
    taps.incoming("smtp", Peer("192.0.2.1", 25), None, Stranger())
    await _watch(State(None, as_json=False), tmp_path, Request(), 1)
    assert " 7.1 * smtp 192.0.2.1:25: open since " in capsys.readouterr().out
    await _watch(State(None, as_json=True), tmp_path, Request(), 1)
    assert '"session":"7.1","protocol":"smtp","peer":"192.0.2.1:25"' in capsys.readouterr().out
    door.close()


def correo(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_where_no_server_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "correo.toml"
    config.write_text('hostname = "mail.example.org"\ndata_dir = "data"\n')
    assert correo("--config", str(config), "watch") == EX_UNAVAILABLE
    assert "no server is running" in capsys.readouterr().err
    assert correo("--config", str(config), "watch", "--protocol", "ftp") == EX_USAGE
    assert correo("--config", str(config), "watch", "--account", "nobody") == EX_USAGE
