"""Backup: a copy of everything as it was at one moment, made while the server runs, with the proof of what is in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from correo import __version__
from correo.config import DATABASE
from correo.mail.instant import iso8601, moment
from correo.ops.inventory import Inventory, take
from correo.ops.manifest import (
    FORMAT,
    MANIFEST,
    Manifest,
    Stored,
    copy_file,
    digest_of,
    open_new,
    sync_folder,
    write_new,
)
from correo.ops.owner import owner_of
from correo.storage.db import Tx, snapshot

FILES = "config"  # the folder of the configuration and what it names
PREFIX = "correo-"

Progress = Callable[[str, int, int], None]  # what is being done, how much of it is done, of how much


@dataclass(frozen=True, slots=True)
class Keep:
    """A file to be kept with the data."""

    path: Path
    name: str  # in the backup, relative
    secret: bool


@dataclass(frozen=True, slots=True)
class Backup:
    folder: Path
    manifest: Manifest


def back_up(database: Path, keep: Sequence[Keep], target: Path, now: int, progress: Progress) -> Backup:
    """Make a backup of `database` and the files of `keep` in a new folder within `target`.

    The folder gets its name when all of it is written and synced: whatever has a name is whole. Raises Refused UNAVAILABLE
    or BROKEN, and OSError; then nothing is left behind.
    """
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = _free_name(target, now)
    partial = target / f".{folder.name}.partial"
    partial.mkdir(mode=0o700)
    try:
        manifest = _fill(partial, database, keep, now, progress)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_folder(target)
    return Backup(folder, manifest)


def _free_name(target: Path, now: int) -> Path:
    """`correo-20261123T095300Z`, or with a number behind it where two are made in one second."""
    name = PREFIX + moment(now).strftime("%Y%m%dT%H%M%SZ")
    folder, number = target / name, 1
    while folder.exists() or (target / f".{folder.name}.partial").exists():
        number += 1
        folder = target / f"{name}-{number}"
    return folder


def _fill(folder: Path, database: Path, keep: Sequence[Keep], now: int, progress: Progress) -> Manifest:
    copied = folder / DATABASE
    os.close(open_new(copied))  # so that nobody else can read it while it grows
    snapshot.copy(database, copied, lambda done, total: progress("copying", done, total))
    schema, inventory = _look(copied)
    size, sha256 = digest_of(copied, lambda done, total: progress("hashing", done, total))
    stored = Stored(DATABASE, size, sha256, str(database), secret=True)
    manifest = Manifest(FORMAT, iso8601(now), __version__, schema, stored, inventory, _files(folder, keep))
    write_new(folder / MANIFEST, manifest.encode())
    sync_folder(folder)
    return manifest


def _look(database: Path) -> tuple[dict[int, str], Inventory]:
    """What is in the copy: asked of the copy, where it holds up nobody."""
    with snapshot.opened(database) as copy:
        return copy.read(schema_of), copy.read(take)


async def schema_of(tx: Tx) -> dict[int, str]:
    rows = await tx.all("SELECT number, checksum FROM schema_migration ORDER BY number")
    return {int(number): str(checksum) for number, checksum in rows}


def _files(folder: Path, keep: Sequence[Keep]) -> tuple[Stored, ...]:
    stored = []
    folders = {folder}
    for one in keep:
        copied = folder / FILES / one.name
        copied.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        size, sha256 = copy_file(one.path, copied)
        name, mode = f"{FILES}/{one.name}", one.path.stat().st_mode & 0o777
        stored.append(Stored(name, size, sha256, str(one.path), one.secret, mode, owner_of(one.path)))
        folders.add(copied.parent)
    for each in folders:
        sync_folder(each)
    return tuple(stored)


def backups_in(folder: Path) -> list[Path]:
    """The whole backups within a folder, the oldest first."""
    return sorted(path.parent for path in folder.glob(f"{PREFIX}*/{MANIFEST}"))
