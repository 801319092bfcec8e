"""The database of the stage: what is written to it is there, as in any other, and gone when the next client comes."""

from __future__ import annotations

import pytest
from tests.fuzz.erasable import Erasable

from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx


async def put(tx: Tx, word: str) -> None:
    await tx.run("INSERT INTO word (text) VALUES ($1)", word)


async def refuse(tx: Tx, word: str) -> None:
    await put(tx, word)
    raise Refused(Kind.NOT_FOUND)


async def words(tx: Tx) -> list[str]:
    return [row[0] for row in await tx.all("SELECT text FROM word ORDER BY text")]


async def make(tx: Tx) -> None:
    await tx.run("CREATE TABLE word (text TEXT)")


async def test_it_is_as_it_was_when_it_was_kept() -> None:
    database = Erasable()
    await database.write(make)
    await database.write(put, "kept")
    database.keep()
    for _ in range(3):
        changed = [database.changed]
        await database.note(put, "gone")
        assert [*changed, database.changed] == [False, True]
        assert await database.read(words) == ["gone", "kept"]
        database.erase()
        assert await database.scan(words) == ["kept"]


async def test_a_refusal_undoes_its_operation_and_no_other() -> None:
    database = Erasable()
    await database.write(make)
    database.keep()
    await database.join(put, "there")
    with pytest.raises(Refused):
        await database.bulk(refuse, "nowhere")
    assert await database.read(words) == ["there"]


async def test_reading_does_not_write_and_what_is_closed_is_until_it_is_erased() -> None:
    database = Erasable()
    await database.write(make)
    database.keep()
    with pytest.raises(AssertionError):
        await database.read(put, "read")
    await database.close()
    with pytest.raises(Refused):
        await database.read(words)
    database.erase()
    assert await database.read(words) == []
