"""Numbered schema files, each applied once, in order, in one transaction with the note that it was."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from correo.storage.db import Tx

NOTES = """CREATE TABLE IF NOT EXISTS schema_migration (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied INTEGER NOT NULL)"""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


class SchemaMismatch(Exception):
    """The database was made by another version of Correo; the message says what to do."""


@cache
def migrations() -> list[Migration]:
    """Every file of `storage/schema/`, by number; read once."""
    found = []
    for entry in resources.files("correo.storage.schema").iterdir():
        if entry.name.endswith(".sql"):
            number, _, name = entry.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, entry.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.number)


def statements(sql: str) -> list[str]:
    """The statements of a schema file: parted by a semicolon at the end of a line."""
    parts = (part.strip() for part in sql.split(";\n"))
    return [part.removesuffix(";") for part in parts if part.removesuffix(";").strip()]


async def migrate(tx: Tx, wanted: list[Migration], now: int) -> list[str]:
    """Bring the schema up to date; the names of what was applied. Raises SchemaMismatch."""
    await tx.run(NOTES)
    applied = {row[0]: row[1] for row in await tx.all("SELECT number, checksum FROM schema_migration")}
    known = {migration.number: migration for migration in wanted}
    for number, checksum in applied.items():
        if number not in known:
            raise SchemaMismatch(
                f"the database has schema step {number}, made by a newer Correo; run that version or restore a backup"
            )
        if known[number].checksum != checksum:
            raise SchemaMismatch(
                f"schema step {number} ({known[number].name}) differs from the one this database was made with"
            )
    fresh = [migration for migration in wanted if migration.number not in applied]
    for migration in fresh:
        for statement in statements(migration.sql):
            await tx.run(statement)
        note = "INSERT INTO schema_migration (number, name, checksum, applied) VALUES ($1, $2, $3, $4)"
        await tx.run(note, migration.number, migration.name, migration.checksum, now)
    return [migration.name for migration in fresh]
