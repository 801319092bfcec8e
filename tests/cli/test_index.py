"""`correo index` beside a server that has the index open, and without one."""

from __future__ import annotations

import asyncio
from array import array
from pathlib import Path
from typing import Any

from correo.cli.terminal import EX_CONFIG
from correo.config import INDEX
from correo.mailbox.indexing import STAMP, Indexer
from correo.storage.db.sqlite import Sqlite
from correo.storage.index.fts import FtsIndex, look


def path_of(house: Any) -> Path:
    path: Path = house.database.parent / INDEX
    return path


def test_from_nothing(house: Any) -> None:
    for number in range(3):
        house.receive("x@example.net", "alice@example.com", "bob@example.com", subject=f"letter {number}")
    ran = house("index", "status")
    assert ran.code == 0
    assert "no index that can be used" in ran.out
    assert not path_of(house).exists()
    said = house("index", "rebuild", "--json").json
    assert said["messages"] == 3
    assert house("index", "status", "--json").json == {
        "usable": True,
        "messages": 3,
        "indexed": 3,
        "always": 0,
        "size": path_of(house).stat().st_size,
    }
    house.receive("x@example.net", "alice@example.com")
    assert "3 of 4 messages are indexed" in house("index", "status").out


def test_beside_a_server(house: Any) -> None:
    house.receive("x@example.net", "alice@example.com", body=b"a needle\r\n")
    index = FtsIndex.open(path_of(house), STAMP)

    async def rest() -> None:
        pass

    async def walk(db: Sqlite) -> int:
        return await Indexer(db, index, rest).walk()

    house.with_db(walk)
    found = look(path_of(house), STAMP)
    assert found
    (id,) = found.known
    assert asyncio.run(index.suspects(array("q", [id]), "haystack")) == set()
    asyncio.run(index.empty())
    assert asyncio.run(index.suspects(array("q", [id]), "haystack")) == {id}
    assert "0 of 1 message" in house("index", "status").out
    assert house("index", "rebuild").code == 0
    assert asyncio.run(index.suspects(array("q", [id]), "haystack")) == set()
    assert asyncio.run(index.suspects(array("q", [id]), "needle")) == {id}
    asyncio.run(index.close())


def test_one_that_is_damaged_or_of_another_version(house: Any) -> None:
    house.receive("x@example.net", "alice@example.com")
    for damage in (b"nonsense" * 1000, b""):
        path_of(house).write_bytes(damage)
        assert "no index that can be used" in house("index", "status").out
        assert path_of(house).read_bytes() == damage
        assert house("index", "rebuild").code == 0
        assert house("index", "status", "--json").json["indexed"] == 1


def test_without_an_index(house: Any) -> None:
    house.config.write_text(house.config.read_text() + "\n[search]\nindex = false\n")
    for what in ("status", "rebuild"):
        ran = house("index", what)
        assert ran.code == EX_CONFIG
        assert "search.index" in ran.err
