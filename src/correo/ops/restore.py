"""Restore: a backup back into an empty place, believed only after it has been read from end to end."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from correo.config import DATABASE
from correo.mail.errors import Refused
from correo.mailbox.restoring import leap
from correo.ops.backup import Progress, backups_in, schema_of
from correo.ops.inventory import Inventory, take, verify
from correo.ops.manifest import (
    MANIFEST,
    BadBackup,
    Manifest,
    Stored,
    copy_file,
    digest_of,
    read_manifest,
    sync_folder,
)
from correo.ops.owner import give_as, make_private
from correo.storage.db import snapshot
from correo.storage.db.migrate import migrations
from correo.storage.db.sqlite import Sqlite


class NotEmpty(Exception):
    """There is something already where the data should go."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A backup that was read whole and is what it was."""

    folder: Path
    manifest: Manifest


def find(source: Path) -> Path:
    """The folder of the backup: `source` itself, or the newest within it. Raises BadBackup."""
    if source.name == MANIFEST or source.name == DATABASE:
        source = source.parent
    if (source / MANIFEST).is_file():
        return source
    if not source.is_dir():
        raise BadBackup(f"there is no folder {source}")
    within = backups_in(source)
    if not within:
        raise BadBackup(f"{source} is not a backup: it has no {MANIFEST}, and no backups are in it")
    return within[-1]


def check(source: Path, progress: Progress) -> Checked:
    """Read the whole backup where it lies. Raises BadBackup, OSError."""
    folder = find(source)
    manifest = _manifest(folder)
    database = folder / manifest.database.name
    found = digest_of(database, lambda done, total: progress("hashing", done, total))
    _compare(folder, manifest, *found)
    _examine(database, manifest, progress)
    return Checked(folder, manifest)


def restore(source: Path, data_dir: Path, user: str, now: int, progress: Progress) -> Checked:
    """Bring the backup into `data_dir`, which must be empty or missing; `user` is who will own it, if it is made as root.

    The data gets its name after everything has been checked. Raises BadBackup, NotEmpty, OSError; then nothing is left
    behind.
    """
    if data_dir.exists() and (not data_dir.is_dir() or any(data_dir.iterdir())):
        raise NotEmpty(f"{data_dir} is not empty")
    folder = find(source)
    manifest = _manifest(folder)
    made = make_private(data_dir, user)
    partial = data_dir / ".restoring"
    try:
        partial.mkdir(mode=0o700)
        _bring(folder, manifest, partial / DATABASE, progress)
        asyncio.run(_begin_anew(partial / DATABASE, now))
        give_as(partial / DATABASE, data_dir)
        (partial / DATABASE).rename(data_dir / DATABASE)
        shutil.rmtree(partial)
        sync_folder(data_dir)
    except BaseException:
        shutil.rmtree(data_dir if made else partial, ignore_errors=True)
        raise
    return Checked(folder, manifest)


def _manifest(folder: Path) -> Manifest:
    """The manifest of a backup that has all its files. Raises BadBackup."""
    manifest = read_manifest(folder)
    stored = (manifest.database, *manifest.files)
    missing = [one.name for one in stored if not (folder / one.name).is_file()]
    if missing:
        raise BadBackup(*(f"{name} is missing from {folder}" for name in missing))
    return manifest


def _bring(folder: Path, manifest: Manifest, target: Path, progress: Progress) -> None:
    source = folder / manifest.database.name
    found = copy_file(source, target, lambda done, total: progress("copying", done, total))
    _compare(folder, manifest, *found)
    _examine(target, manifest, progress)


def _compare(folder: Path, manifest: Manifest, size: int, sha256: str) -> None:
    """Every file is, octet for octet, what was written. Raises BadBackup."""
    faults = _difference(manifest.database, size, sha256)
    for stored in manifest.files:
        faults += _difference(stored, *digest_of(folder / stored.name))
    if faults:
        raise BadBackup(*faults)


def _difference(stored: Stored, size: int, sha256: str) -> list[str]:
    if size != stored.size:
        return [f"{stored.name} has {size} octets where {stored.size} were written"]
    if sha256 != stored.sha256:
        return [f"{stored.name} is not what was written: its SHA-256 differs"]
    return []


def _examine(database: Path, manifest: Manifest, progress: Progress) -> None:
    """The copy is sound, and holds what the manifest counts. Raises BadBackup."""
    with snapshot.opened(database) as copy:
        try:
            _check_schema(copy.read(schema_of))
            progress("checking the structure", 0, 0)
            faults = copy.faults()
            progress("counting", 0, 0)
            faults += _counted(manifest.inventory, copy.read(take))
            faults += copy.read(verify, lambda done, total: progress("reading every message", done, total))
        except Refused as refused:
            raise BadBackup(refused.detail) from None
    if faults:
        raise BadBackup(*faults)


def _check_schema(found: dict[int, str]) -> None:
    known = {migration.number: migration.checksum for migration in migrations()}
    if not found.items() <= known.items():
        raise BadBackup(
            "it was made by a newer version of Correo, or another one: restore it with that version"
        )


def _counted(written: Inventory, found: Inventory) -> list[str]:
    now = found.counts()
    faults = [
        f"{name.replace('_', ' ')}: {now[name]} where {count} were written"
        for name, count in written.counts().items()
        if now[name] != count
    ]
    if found.digest != written.digest:
        faults.append("the messages are not those that were written: their digest differs")
    return faults


async def _begin_anew(database: Path, now: int) -> None:
    """Bring an older schema up to date, and leap over what may have been given out since the backup."""
    db = await Sqlite.open(database, now=now, threaded=False)
    try:
        await db.bulk(leap, now)
    finally:
        await db.close()
