"""`correo index`: the index that makes searches fast."""

from __future__ import annotations

from array import array
from pathlib import Path

import click

from correo.cli.human import octets, plural
from correo.cli.progress import Progress
from correo.cli.terminal import (
    EX_CANTCREAT,
    EX_CONFIG,
    Failure,
    State,
    database_path,
    json_option,
    run,
    say,
    with_database,
)
from correo.config import INDEX
from correo.mailbox.indexing import STAMP, Indexer, count_missing
from correo.storage.db import Database
from correo.storage.index.fts import FtsIndex, Look, look


@click.group("index")
def command() -> None:
    """What makes searches fast. The server keeps it up by itself; without it searches find the same, only slower."""


@command.command()
@json_option
@click.pass_obj
def status(state: State) -> None:
    """Show how much of the mail is indexed."""
    path = _path(state)

    async def work(db: Database) -> tuple[Look | None, int, int, int]:
        found = look(path, STAMP)
        size = path.stat().st_size if path.exists() else 0
        return found, size, *await db.scan(count_missing, found.known if found else array("q"))

    found, size, total, missing = run(with_database(state.config(), work))
    always = found.always if found else 0
    words = f"{total - missing} of {plural(total, 'message')} are indexed, in {octets(size)}"
    if found is None:
        words = f"there is no index that can be used at {path}; the server makes one when it starts"
    elif always:
        words += (
            f"; {plural(always, 'message')} that cannot be read or are very long are looked through each time"
        )
    facts = {"messages": total, "indexed": total - missing, "always": always, "size": size}
    say(state, words, usable=found is not None, **facts)


@command.command()
@json_option
@click.pass_obj
def rebuild(state: State) -> None:
    """Make it anew, whether the server runs or not.

    Searches find the same meanwhile, only slower. A server that has found its index damaged uses the new one from its next start on.
    """
    path = _path(state)

    async def work(db: Database) -> tuple[int, int]:
        index = FtsIndex.open(path, STAMP)
        try:
            await _fill(db, index)
        finally:
            await index.close()
        found = look(path, STAMP)
        return await db.scan(count_missing, found.known if found else array("q"))

    try:
        total, missing = run(with_database(state.config(), work))
    except OSError as wrong:
        raise Failure(f"the index was not made: {wrong}", EX_CANTCREAT) from None
    if missing:
        words = f"{plural(missing, 'message')} of {total} are not indexed; make room on the disk, or look into the log"
        raise Failure(words, EX_CANTCREAT)
    say(state, f"{plural(total, 'message')} are indexed", messages=total)


async def _fill(db: Database, index: FtsIndex) -> None:
    total, _ = await db.scan(count_missing, array("q"))
    with Progress() as progress:

        async def show() -> None:
            progress("indexing", min(indexer.added, total), total)

        indexer = Indexer(db, index, show)
        await index.empty()
        await indexer.walk()


def _path(state: State) -> Path:
    """Raises Failure."""
    config = state.config()
    if not config.search.index:
        raise Failure(f"{config.source} says search.index = false, so there is none", EX_CONFIG)
    return database_path(config).parent / INDEX
