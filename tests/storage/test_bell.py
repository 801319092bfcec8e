"""Who waits for a shared number is woken when it changes, also in another process, and by nothing else."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from correo.storage.db import bell as module
from correo.storage.db.bell import Bell
from correo.storage.db.turns import LOOK_AGAIN, Turns

LONG = 30.0  # seconds; nothing here takes a tenth
_RINGS = """
import mmap, os, sys, time
from correo.storage.db.bell import Bell
memory = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 16)
sys.stdin.readline()
memory[0] = 1
Bell(memory, 0).ring()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shared"
    path.write_bytes(bytes(16))
    return path


def shared(path: Path) -> mmap.mmap:
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), 16)


def test_another_process_wakes(path: Path) -> None:
    bell = Bell(shared(path), 0)
    command = [sys.executable, "-c", _RINGS, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as ringer:
        assert ringer.stdin is not None
        ringer.stdin.write("\n")
        ringer.stdin.flush()
        began = time.monotonic()
        while bell.count == 0:
            bell.wait(0, LONG)
        assert time.monotonic() - began < LONG
    assert bell.count == 1


def test_what_has_changed_is_not_waited_for(path: Path) -> None:
    memory = shared(path)
    bell = Bell(memory, 8)
    memory[8] = 7
    began = time.monotonic()
    bell.wait(6, LONG)
    assert time.monotonic() - began < LONG
    assert bell.count == 7


def test_nobody_rings(path: Path) -> None:
    began = time.monotonic()
    Bell(shared(path), 0).wait(0, 0.05)
    assert 0.04 <= time.monotonic() - began < LONG


def test_a_place_beyond_the_memory(path: Path) -> None:
    with pytest.raises(ValueError, match="Buffer size"):
        Bell(shared(path), 14)


def test_where_the_call_is_not_known_it_is_a_short_sleep(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CALLS", {})
    bell = Bell(shared(path), 0)
    bell.ring()
    began = time.monotonic()
    bell.wait(0, LONG)
    assert time.monotonic() - began < LONG


def test_closing_lets_go_of_the_memory(path: Path) -> None:
    memory = shared(path)
    bell = Bell(memory, 0)
    bell.close()
    memory.close()
    bell.ring()
    assert bell.count == 0


@pytest.mark.parametrize("known", [True, False])
def test_the_turn_goes_round(tmp_path: Path, known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among four that all want it all the time; each is at it alone."""
    if not known:
        monkeypatch.setattr(module, "_CALLS", {})
    inside: list[int] = []
    taken = [0] * 4

    def work(number: int) -> None:
        turns = Turns(tmp_path / "t.db")
        while taken[number] < 50:
            assert turns.try_take() or turns.take(LONG)
            inside.append(number)
            assert len(inside) == 1
            inside.pop()
            taken[number] += 1
            turns.release()
        turns.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert taken == [50] * 4


def test_a_process_that_dies_in_its_turn_is_noticed(tmp_path: Path) -> None:
    """It rings no bell."""
    holding = f"""
from pathlib import Path
from correo.storage.db.turns import Turns
assert Turns(Path({str(tmp_path / "t.db")!r})).try_take()
print("taken", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "taken\n"
        turns = Turns(tmp_path / "t.db")
        assert not turns.take(5 * LOOK_AGAIN)
        threading.Timer(0.05, holder.kill).start()
        assert turns.take(LONG)
        turns.release()
        turns.close()
    assert os.path.exists(tmp_path / "t.db-lock")
