"""Inputs worth keeping: `corpus/<target>/`, one a file, each of which reaches what no smaller one does, or once showed a defect.

A file's name is made of its octets, but that of a finding, which says what it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tests.fuzz.coverage import Tracer
from tests.fuzz.target import Target

ROOT = Path(__file__).parent / "corpus"
_NAME = 12  # hexadecimal digits


def folder(target: Target) -> Path:
    return ROOT / target.name


def kept(target: Target) -> dict[str, bytes]:
    """By name; none where the target is new."""
    return read(folder(target))


def read(where: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(where.glob("*"))} if where.is_dir() else {}


def name_of(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()[:_NAME]


def is_finding(name: str) -> bool:
    """Whether somebody gave it its name: it stays, whatever it reaches."""
    return len(name) != _NAME or "-" in name


def distilled(target: Target, inputs: Iterable[bytes]) -> tuple[list[bytes], Tracer]:
    """Those that reach more than all smaller ones together, and what all reach. None of them may break a promise."""
    tracer = Tracer(target.covers)
    chosen = [
        octets
        for octets in sorted(set(inputs), key=lambda octets: (len(octets), octets))
        if len(octets) <= target.most and tracer.run(partial(target.run, octets))
    ]
    return chosen, tracer


def keep(target: Target, inputs: Iterable[bytes]) -> None:
    """In the repository, in place of what was there; findings stay."""
    where = folder(target)
    where.mkdir(parents=True, exist_ok=True)
    wanted = {name_of(octets): octets for octets in inputs}
    for name in kept(target):
        if name not in wanted and not is_finding(name):
            (where / name).unlink()
    for name, octets in wanted.items():
        (where / name).write_bytes(octets)
