"""What a backup says of itself: a JSON file beside the copy, by which a restore knows whether it found everything."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from correo.ops.inventory import Inventory

MANIFEST = "manifest.json"
FORMAT = 1
CHUNK = 1024 * 1024
MAX_SIZE = 1024 * 1024  # octets of a manifest: a real one has two thousand

Progress = Callable[[int, int], None]  # done, of how much


class BadBackup(Exception):
    """Not a backup, or not all of it, or not what it was; `faults` in words."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of the backup; `name` is relative to its folder."""

    name: str
    size: int  # octets
    sha256: str
    original: str = ""  # where it was
    secret: bool = False
    mode: int = 0o600  # of the original; copies are for their owner's eyes alone
    owner: str = ""  # of the original, "" where he has no name or it was root


@dataclass(frozen=True, slots=True)
class Manifest:
    format: int
    made: str  # ISO 8601, UTC: the moment the copy shows
    correo: str  # the version that made it
    schema: dict[int, str]  # step and checksum
    database: Stored
    inventory: Inventory
    files: tuple[Stored, ...]

    def encode(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_manifest(folder: Path) -> Manifest:
    """Raises BadBackup."""
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_SIZE)
        manifest = msgspec.json.decode(octets, type=Manifest)
    except FileNotFoundError:
        raise BadBackup(f"{folder} is not a backup: it has no {MANIFEST}") from None
    except OSError as error:
        raise BadBackup(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadBackup(f"{path} is damaged: {error}") from None
    if manifest.format != FORMAT:
        raise BadBackup(f"{path} has format {manifest.format}, and this version knows {FORMAT} only")
    for stored in (manifest.database, *manifest.files):
        if Path(stored.name).is_absolute() or ".." in Path(stored.name).parts:
            raise BadBackup(f"{path} names a file outside the backup: {stored.name}")
    return manifest


def digest_of(path: Path, progress: Progress | None = None) -> tuple[int, str]:
    """Size and SHA-256 of a file. Raises OSError."""
    return _pass(path, None, progress)


def copy_file(source: Path, target: Path, progress: Progress | None = None) -> tuple[int, str]:
    """Copy to the new file `target`, for its owner's eyes alone, and sync it; size and SHA-256. Raises OSError."""
    return _pass(source, target, progress)


def _pass(source: Path, target: Path | None, progress: Progress | None) -> tuple[int, str]:
    digest = hashlib.sha256()
    done = 0
    with source.open("rb") as reader:
        total = os.fstat(reader.fileno()).st_size
        writer = open_new(target) if target else -1
        try:
            while chunk := reader.read(CHUNK):
                digest.update(chunk)
                if target:
                    write_all(writer, chunk)
                done += len(chunk)
                if progress:
                    progress(done, total)
            if target:
                os.fsync(writer)
        finally:
            if target:
                os.close(writer)
    return done, digest.hexdigest()


def open_new(path: Path, mode: int = 0o600) -> int:
    """Raises FileExistsError rather than write over anything."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)


def write_all(descriptor: int, octets: bytes) -> None:
    view = memoryview(octets)
    while view:
        view = view[os.write(descriptor, view) :]


def write_new(path: Path, octets: bytes, mode: int = 0o600) -> None:
    """Write a file that was not there, and sync it. Raises OSError."""
    descriptor = open_new(path, mode)
    try:
        write_all(descriptor, octets)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
