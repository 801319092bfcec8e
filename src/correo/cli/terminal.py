"""What all commands share: the configuration, the database, how results and errors are shown."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from correo.config import DATABASE, Config, ConfigError, read
from correo.config.read import beside
from correo.mail.errors import Kind, Refused
from correo.storage.db import Database

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_CONFIG = "/etc/correo/correo.toml"

# sysexits(3)
EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_NOUSER = 64, 65, 66, 67
EX_UNAVAILABLE, EX_SOFTWARE, EX_OSERR, EX_CANTCREAT = 69, 70, 71, 73
EX_IOERR, EX_TEMPFAIL, EX_NOPERM, EX_CONFIG = 74, 75, 77, 78

EXIT_CODES: dict[Kind, int] = {
    Kind.NOT_FOUND: EX_NOUSER,
    Kind.EXISTS: EX_DATAERR,
    Kind.NO_PERMISSION: EX_NOPERM,
    Kind.BAD_NAME: EX_DATAERR,
    Kind.IN_USE: EX_TEMPFAIL,
    Kind.OVER_QUOTA: EX_CANTCREAT,
    Kind.TOO_BIG: EX_DATAERR,
    Kind.TOO_MANY: EX_DATAERR,
    Kind.HAS_CHILDREN: EX_DATAERR,
    Kind.OUTBOX: EX_NOPERM,
    Kind.BAD_CREDENTIALS: EX_NOPERM,
    Kind.DISABLED: EX_NOPERM,
    Kind.UNAVAILABLE: EX_TEMPFAIL,
    Kind.BROKEN: EX_SOFTWARE,
}

# What to do about a refusal, where the command knows nothing better.
HINTS: dict[Kind, str] = {
    Kind.UNAVAILABLE: "see that the disk is not full, and try again",
    Kind.BROKEN: "keep a copy of the data as it is, and restore a backup with: correo restore",
}


class Failure(Exception):
    """A command cannot do what was asked; `words` say why and what to do, `code` is the exit status."""

    def __init__(self, words: str, code: int) -> None:
        super().__init__(words)
        self.words = words
        self.code = code

    def show(self, *, as_json: bool) -> None:
        if as_json:
            print(encode({"error": self.words, "code": self.code}))
        print(f"correo: {self.words}", file=sys.stderr)


def usage(words: str) -> Failure:
    """What was asked cannot be asked like this."""
    return Failure(words, EX_USAGE)


@dataclass(slots=True)
class State:
    """What the options before the command said."""

    config_file: str | None
    as_json: bool

    def config(self) -> Config:
        """The configuration. Raises Failure."""
        path = Path(self.config_file or DEFAULT_CONFIG)
        try:
            return read(path.read_text(encoding="utf-8"), path)
        except FileNotFoundError:
            how = "name one with --config or CORREO_CONFIG, or make one with: correo init DOMAIN"
            raise Failure(f"there is no configuration file {path}; {how}", EX_CONFIG) from None
        except (OSError, UnicodeDecodeError) as wrong:
            raise Failure(f"cannot read {path}: {wrong}", EX_CONFIG) from None
        except ConfigError as wrong:
            raise Failure(str(wrong), EX_CONFIG) from None


def json_option(function: F) -> F:
    """`--json` behind the command, where people write it too."""

    def note(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.find_object(State).as_json = True  # type: ignore[union-attr]

    return click.option(
        "--json", is_flag=True, expose_value=False, callback=note, help="print JSON, for programs"
    )(function)


def run(main: Coroutine[Any, Any, T], hints: Mapping[Kind, str] | None = None) -> T:
    """Run a command's work; refusals of the store become words, what to do about them, and an exit status."""
    try:
        return asyncio.run(main)
    except Refused as refused:
        raise refusal(refused, hints) from None


def refusal(refused: Refused, hints: Mapping[Kind, str] | None = None) -> Failure:
    hint = (HINTS | dict(hints or {})).get(refused.kind)
    words = refused.detail or refused.kind.value
    return Failure(f"{words}; {hint}" if hint else words, EXIT_CODES[refused.kind])


def database_path(config: Config) -> Path:
    return beside(config, config.data_dir) / DATABASE


async def with_database(config: Config, work: Callable[[Any], Awaitable[T]]) -> T:
    """Open the database of `config`, do `work(db)`, close it; where it does not exist yet it is made. Raises Failure.

    Started as root, everything is done as the owner of the data, so that it stays the server's to use.
    """
    import correo.storage.db.sqlite  # noqa: F401  now, since whose data it is may not read where Python is installed
    from correo.ops.owner import acting_as_owner, make_private
    from correo.storage.db.migrate import migrations

    migrations()  # and where the schema is

    path = database_path(config)
    folder = path.parent
    try:
        make_private(folder, config.user)
    except OSError as wrong:
        raise _cannot_open(folder, wrong) from None
    with acting_as_owner(folder):
        db = await _open(path)
        try:
            return await work(db)
        finally:
            await db.close()


async def _open(path: Path) -> Database:
    from correo.clock.system import SystemClock
    from correo.storage.db.migrate import SchemaMismatch
    from correo.storage.db.sqlite import Sqlite

    try:
        _refuse_what_cannot_be_opened(path)
        return await Sqlite.open(path, now=SystemClock().now(), threaded=False)
    except SchemaMismatch as wrong:
        raise Failure(str(wrong), EX_CONFIG) from None
    except OSError as wrong:
        raise _cannot_open(path.parent, wrong) from None


def _cannot_open(folder: Path, wrong: OSError) -> Failure:
    words = f"cannot open the data in {folder}: {wrong.strerror or wrong}"
    return Failure(f"{words}; run this as root, or as the user the server runs as", EX_NOPERM)


def _refuse_what_cannot_be_opened(path: Path) -> None:
    """Raises OSError, Failure."""
    from correo.storage.db import snapshot

    if not os.access(path.parent, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if not path.exists():
        return
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if not snapshot.recognised(path):
        raise Failure(f"{path} is not a database; move it away, and restore a backup", EX_DATAERR)


Columns = Mapping[str, Callable[[dict[str, Any]], str]]  # how people read each column of a row
RIGHT = frozenset({"accounts", "attempts", "messages", "recipients", "size"})  # columns of numbers


def show(
    state: State,
    rows: Sequence[dict[str, Any]],
    *,
    empty: str,
    columns: Iterable[str] | Columns | None = None,
) -> None:
    """Rows as a table, or as JSON where that was asked for."""
    if state.as_json:
        print(encode(list(rows)))
    elif not rows:
        print(empty)
    elif isinstance(columns, Mapping):
        print(table([{name: spell(row) for name, spell in columns.items()} for row in rows], right=RIGHT))
    else:
        print(table(rows, columns))


def table(
    rows: Sequence[dict[str, Any]], columns: Iterable[str] | None = None, right: Collection[str] = ()
) -> str:
    """Aligned columns under their names; on a terminal, lines are cut where they would wrap."""
    names = list(columns or rows[0])
    cells = [[printable(str(row.get(name, ""))) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[position]) for line in cells)) for position, name in enumerate(names)]

    def aligned(line: Sequence[str]) -> str:
        parts = zip(names, line, widths, strict=True)
        fitted = (cell.rjust(width) if name in right else cell.ljust(width) for name, cell, width in parts)
        return "  ".join(fitted).rstrip()

    lines = [aligned(names), aligned(["-" * width for width in widths]), *map(aligned, cells)]
    return "\n".join(shortened(line) for line in lines)


def shortened(line: str) -> str:
    """What fits on one line of the terminal; all of it where there is none."""
    if not sys.stdout.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return line if len(line) <= width else line[: width - 1] + "…"


def printable(text: str) -> str:
    """Without what a terminal would obey: other servers and senders wrote some of this."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def say(state: State, words: str, **facts: Any) -> None:
    """One result: a sentence, or its facts as JSON."""
    print(encode(facts) if state.as_json else words)


def encode(value: object) -> str:
    return msgspec.json.encode(value).decode()
