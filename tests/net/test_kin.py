"""Word between workers, here of one process, with the sockets and the board they really have."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator

import pytest

from correo.net.board import MEMORY, OPEN, Board, SharedBudget, SharedLimits
from correo.net.kin import WORDS, Kin, make_inbox
from correo.net.limits import network_of
from correo.storage.bus import QUEUE, account
from correo.storage.bus.family import FamilyBus

SEATS = 4
KEY = bytes(range(32))

Heard = list[tuple[str, bytes]]


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board.make(SEATS, 2, KEY)
    yield board
    board.close()


class House:
    """Workers in some of the seats, each with what it heard."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.inboxes = [make_inbox() for _ in range(SEATS)]
        self.outboxes = [outbox for _, outbox in self.inboxes]
        self.missed = [0] * SEATS

    def kin(self, seat: int) -> Kin:
        return Kin(self.board, seat, self.outboxes, self.inboxes[seat][0])

    def start(self, kin: Kin, seat: int) -> None:
        def missed() -> None:
            self.missed[seat] += 1

        kin.start(missed)

    def worker(self, seat: int, heard: Heard) -> tuple[Kin, Callable[[str, bytes], None]]:
        kin = self.kin(seat)
        tell = kin.share("subject", lambda name, data: heard.append((name, data)))
        self.start(kin, seat)
        return kin, tell


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object], count: int = 1000) -> None:
    for _ in range(count):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")


async def test_everybody_else_hears_it_in_order(board: Board) -> None:
    house = House(board)
    heard: list[Heard] = [[] for _ in range(3)]
    tells = [house.worker(seat, heard[seat])[1] for seat in range(3)]
    said = [(f"name {number}", bytes([number % 256])) for number in range(2 * WORDS + 7)]
    for one in said:
        tells[0](*one)
    await until(lambda: len(heard[1]) == len(heard[2]) == len(said))
    assert heard == [[], said, said]
    assert house.missed == [0] * SEATS


async def test_who_is_not_there_is_told_nothing_and_who_comes_hears_nothing_old(board: Board) -> None:
    house = House(board)
    kin, tell = house.worker(0, [])
    tell("before", b"")
    await turns()
    with pytest.raises(BlockingIOError):
        house.inboxes[1][0].recv(100)
    house.outboxes[1].send(b"for somebody who sat here")
    heard: Heard = []
    house.worker(1, heard)
    tell("after", b"x")
    await until(lambda: heard)
    assert heard == [("after", b"x")]
    assert house.missed == [0] * SEATS
    kin.close()


async def test_who_does_not_read_holds_nobody_up_and_learns_that_he_missed_something(board: Board) -> None:
    house = House(board)
    _, tell = house.worker(0, [])
    slow: Heard = []
    busy = house.kin(1)
    busy.share("subject", lambda name, data: slow.append((name, data)))
    board.sit(1)  # and does not read yet
    third: Heard = []
    house.worker(2, third)
    for number in range(3000):
        tell(str(number), b"")
        await turns(2)
    await until(lambda: len(third) == 3000)
    inbox = house.inboxes[1][0]
    asyncio.get_running_loop().add_reader(inbox, busy._hear)
    busy._heard["missed"] = lambda: slow.append(("missed", b""))
    await until(lambda: slow and slow[-1][0] == "missed")
    assert 0 < len(slow) < 3000
    tell("again", b"")
    await until(lambda: slow[-1][0] == "again")


async def test_the_alarm_reaches_all(board: Board) -> None:
    house = House(board)
    house.worker(0, [])
    house.worker(3, [])
    Kin(board, -1, house.outboxes).alarm()
    await until(lambda: house.missed == [1, 0, 0, 1])


async def test_what_is_not_understood_was_missed(board: Board) -> None:
    house = House(board)
    heard: Heard = []
    house.worker(0, heard)
    other = house.kin(1)
    other.share("of a later version", lambda: None)()
    other.share("subject", lambda: None)()
    house.outboxes[0].send(b"\xff")
    await until(lambda: house.missed[0] == 2)
    assert heard == []


async def test_what_cannot_be_said_was_missed(board: Board) -> None:
    house = House(board)
    _, tell = house.worker(0, [])
    heard: Heard = []
    house.worker(1, heard)
    tell("\udc80", b"")
    await until(lambda: house.missed[1] == 1)
    tell("large", bytes(100_000))
    await until(lambda: house.missed[1] == 2)
    tell("and on", b"")
    await until(lambda: heard)
    assert heard == [("and on", b"")]


async def test_a_bus_of_several(board: Board) -> None:
    house = House(board)
    called: list[tuple[int, str]] = []
    buses = []
    for seat in range(2):
        kin = house.kin(seat)
        bus = FamilyBus(lambda hear, kin=kin: kin.share("changed", hear))  # type: ignore[misc]
        bus.subscribe(QUEUE, lambda seat=seat: called.append((seat, "queue")))  # type: ignore[misc]
        bus.subscribe(account(1 << 62), lambda seat=seat: called.append((seat, "account")))  # type: ignore[misc]
        kin.start(bus.publish_all)
        buses.append(bus)
    buses[0].publish(account(1 << 62))
    assert called == [(0, "account")]
    await until(lambda: called == [(0, "account"), (1, "account")])
    buses[1].publish_all()  # is for those at home: the others have their own reasons
    await turns()
    assert called[2:] == [(1, "queue"), (1, "account")]


def test_limits_hold_for_all_together(board: Board) -> None:
    here, there = SharedLimits(5, 2, board, 0, 1), SharedLimits(5, 2, board, 1, 1)
    other = SharedLimits(5, 2, board, 1, 0)
    assert here.enter("192.0.2.1")
    assert there.enter("192.0.2.1")
    assert not here.enter("192.0.2.1")
    assert not there.enter("192.0.2.1")
    assert other.enter("192.0.2.1"), "another listener"
    assert here.enter("198.51.100.9")
    assert there.enter("127.0.0.1")
    assert there.enter("127.0.0.1"), "this machine has no limit of its own"
    assert not here.enter("203.0.113.5"), "five in all"
    there.leave("127.0.0.1")
    there.leave("192.0.2.1")
    assert here.enter("192.0.2.1")
    for address in ("192.0.2.1", "192.0.2.1", "198.51.100.9"):
        here.leave(address)
    assert (
        board.elsewhere(1, OPEN + 1) == board.elsewhere(1, board.column_of(1, network_of("192.0.2.1"))) == 0
    )


def test_who_died_takes_no_room(board: Board) -> None:
    here, there = SharedLimits(1, 1, board, 0, 0), SharedLimits(1, 1, board, 1, 0)
    memory = SharedBudget(100, board, 0), SharedBudget(100, board, 1)
    board.sit(1)
    assert there.enter("192.0.2.1")
    assert memory[1].take(80)
    assert not here.enter("192.0.2.1")
    assert not memory[0].take(30)
    board.wipe(1)
    assert not board.taken(1)
    assert here.enter("192.0.2.1")
    assert memory[0].take(30)
    memory[0].give(30)
    assert board.elsewhere(1, MEMORY) == 0


def test_the_board_is_the_same_by_its_descriptor(board: Board) -> None:
    again = Board(board.descriptor, SEATS, 2)
    board.put(3, MEMORY, 7)
    assert again.elsewhere(0, MEMORY) == 7
    assert again.secret == KEY


def test_packets_keep_their_limits() -> None:
    inbox, outbox = make_inbox()
    with inbox, outbox:
        outbox.send(b"one")
        outbox.send(b"two")
        assert (inbox.recv(100), inbox.recv(100)) == (b"one", b"two")
        assert inbox.type == socket.SOCK_SEQPACKET
