"""What several workers share, here two in one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from correo.accounts import SendLimits
from correo.accounts.failures import Client
from correo.app.shared import Shared, SharedRates, alone, together
from correo.app.world import World
from correo.clock.system import SystemChance, SystemClock
from correo.config import read
from correo.mail.errors import Refused
from correo.mail.instant import HOUR, SECOND
from correo.net.board import Board
from correo.net.kin import Kin, make_inbox
from correo.storage.bus import QUEUE

CONFIG = """
hostname = "mail.example.org"
data_dir = "data"
[auth]
ban_after = 3
[limits]
memory = "1MiB"
connections = 3
"""
NOW = 1_800_000_000 * SECOND
STRANGER = Client("imap", "198.51.100.7")
ODD = "\udcff" + "x" * 100_000  # a login name of somebody who means no good


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board.make(2, 1, SystemChance().secret(32))
    yield board
    board.close()


@pytest.fixture
async def pair(board: Board, tmp_path: Path) -> tuple[Shared, Shared]:
    config = read(CONFIG, tmp_path / "correo.toml")
    inboxes = [make_inbox() for _ in range(2)]
    outboxes = [outbox for _, outbox in inboxes]
    first, second = (
        together(config, tmp_path, 2, seat, board, Kin(board, seat, outboxes, inboxes[seat][0]))
        for seat in range(2)
    )
    return first, second


async def until(condition: Callable[[], object]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")


def banned(shared: Shared, login: str = "") -> bool:
    try:
        shared.failures.check(STRANGER, login, NOW)
    except Refused:
        return True
    return False


async def test_failures_at_one_are_failures_at_the_other(pair: tuple[Shared, Shared]) -> None:
    first, second = pair
    for number in range(3):
        pair[number % 2].failures.failed(STRANGER, ODD, bytes([number]), NOW)
    await until(lambda: banned(first) and banned(second))


async def test_the_same_wrong_password_counts_once_at_both_together(pair: tuple[Shared, Shared]) -> None:
    first, second = pair
    assert first.failures_key == second.failures_key
    for number in range(10):
        pair[number % 2].failures.failed(STRANGER, "alice@example.org", b"the same", NOW)
        await asyncio.sleep(0.01)
    assert not banned(first)
    assert not banned(second)


async def test_who_is_at_home_at_one_is_at_the_other(pair: tuple[Shared, Shared]) -> None:
    first, second = pair
    home, name = Client("imap", "192.0.2.1"), "alice@example.org"
    first.failures.succeeded(home, name, NOW)
    for number in range(15):
        first.failures.failed(Client("imap", f"203.0.{number}.1"), name, bytes([number]), NOW)
    await until(lambda: banned(second, name))
    second.failures.check(home, name, NOW)


async def test_what_a_network_sends_is_added_up(pair: tuple[Shared, Shared]) -> None:
    limits, address = SendLimits(hour_messages=2), "192.0.2.1"
    for shared in pair:
        assert not shared.rates.exceeds(address, limits, 1, 1, NOW)
        assert shared.rates.reserve(address, limits, 1, NOW)
    await until(lambda: all(shared.rates.exceeds(address, limits, 1, 1, NOW) for shared in pair))
    assert not pair[0].rates.exceeds(address, limits, 1, 1, NOW + 3 * HOUR)
    pair[0].rates.give_back(address, 1, NOW)
    await until(lambda: not any(shared.rates.exceeds(address, limits, 1, 1, NOW) for shared in pair))


async def test_what_this_machine_sends_is_nobody_elses_business(board: Board) -> None:
    inboxes = [make_inbox() for _ in range(2)]
    board.sit(1)
    rates = SharedRates(Kin(board, 0, [outbox for _, outbox in inboxes]))
    for address in ("unix", "127.0.0.1", "::1"):
        rates.count(address, 1, 1, NOW)
    await asyncio.sleep(0)
    with pytest.raises(BlockingIOError):
        inboxes[1][0].recv(1)
    rates.count("198.51.100.7", 1, 1, NOW)
    await asyncio.sleep(0)
    assert b"198.51.100.7" in inboxes[1][0].recv(1_000)


async def test_a_login_delay_holds_for_all(pair: tuple[Shared, Shared]) -> None:
    first, second = pair
    assert first.delays.enter(5, NOW, 60 * SECOND)
    await until(lambda: not second.delays.enter(5, NOW + SECOND, 60 * SECOND))
    assert second.delays.enter(5, NOW + 60 * SECOND, 60 * SECOND)


async def test_room_and_memory_are_of_both(pair: tuple[Shared, Shared]) -> None:
    first, second = pair
    rooms = first.room(0), second.room(0)
    assert rooms[0].enter("192.0.2.1")
    assert rooms[1].enter("192.0.2.2")
    assert rooms[1].enter("192.0.2.3")
    assert not rooms[0].enter("192.0.2.4")
    assert first.budget.take(900_000)
    assert not second.budget.take(200_000)


async def test_the_bus_is_one(pair: tuple[Shared, Shared]) -> None:
    woken: list[int] = []
    pair[1].bus.subscribe(QUEUE, lambda: woken.append(1))
    pair[0].bus.publish(QUEUE)
    await until(lambda: woken == [1])


def test_without_room_for_the_file_the_dead_are_not_seen(tmp_path: Path) -> None:
    """A disk that is full, or cannot be written, is for the database to meet."""
    config = read(CONFIG, tmp_path / "correo.toml")
    world = World(SystemClock(), SystemChance())
    (tmp_path / "leases").mkdir()
    assert alone(config, world, tmp_path).leases is None
    assert alone(config, world).leases is None
    (tmp_path / "leases").rmdir()
    shared = alone(config, world, tmp_path)
    assert shared.leases is not None
    shared.close()
