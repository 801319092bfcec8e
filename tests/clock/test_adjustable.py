"""Time that passes as usual, and can be moved on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any

from correo.clock.adjustable import AdjustableClock, AdjustableLoop

DAY = 86_400.0
START = 1_700_000_000_000_000


def run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=AdjustableLoop) as runner:
        runner.run(main)


def loop() -> AdjustableLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, AdjustableLoop)
    return running


def test_what_is_due_on_the_way_happens_on_the_way() -> None:
    async def story() -> None:
        clock = AdjustableClock(loop(), START)
        happened: list[tuple[str, int]] = []

        async def every(name: str, days: float, times: int) -> None:
            for _ in range(times):
                await asyncio.sleep(days * DAY)
                happened.append((name, round((clock.now() - START) / DAY / 1e6)))

        tasks = [asyncio.ensure_future(every("two", 2, 3)), asyncio.ensure_future(every("three", 3, 1))]
        await loop().advance(5 * DAY)
        assert happened == [("two", 2), ("three", 3), ("two", 4)]
        await loop().advance(1.5 * DAY)  # a sleep begins a little after the one before has ended
        assert happened[-1] == ("two", 6)
        await asyncio.gather(*tasks)

    run(story())


def test_time_passes_by_itself_too() -> None:
    async def story() -> None:
        clock = AdjustableClock(loop(), START)
        before = clock.now()
        await loop().advance(DAY)
        moved = clock.now() - before
        assert 0 <= moved - DAY * 1e6 < 60e6
        while clock.now() == before + moved:
            await asyncio.sleep(0)

    run(story())


def test_what_follows_at_once_is_done_too() -> None:
    """Timers that are due at the very end, and all that they set off."""

    async def story() -> None:
        done: list[int] = []

        async def chain(left: int) -> None:
            done.append(left)
            if left:
                await asyncio.sleep(0)
                await asyncio.ensure_future(chain(left - 1))

        async def later() -> None:
            await asyncio.sleep(DAY)
            await chain(20)

        task = asyncio.ensure_future(later())
        await asyncio.sleep(0)  # so that its timer is set before ours
        await loop().advance(DAY)
        assert done[-1] == 0
        await task

    run(story())


def test_several_may_move_it() -> None:
    async def story() -> None:
        clock = AdjustableClock(loop(), START)
        await asyncio.gather(loop().advance(2 * DAY), loop().advance(3 * DAY), loop().rest())
        assert 3 * DAY * 1e6 <= clock.now() - START < 4 * DAY * 1e6

    run(story())


def test_rest_waits_for_what_can_be_done_now() -> None:
    async def story() -> None:
        done: list[str] = []

        async def work() -> None:
            for _ in range(10):
                await asyncio.sleep(0)
            done.append("now")
            await asyncio.sleep(DAY)
            done.append("tomorrow")

        task = asyncio.ensure_future(work())
        await loop().rest()
        assert done == ["now"]
        task.cancel()

    run(story())


def test_sockets_are_heard_while_time_is_moved() -> None:
    async def story() -> None:
        heard = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            heard.set()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        await loop().advance(DAY)
        assert heard.is_set()
        writer.close()
        server.close()

    run(story())


def test_clients_who_never_pause_do_not_stop_time() -> None:
    async def story() -> None:
        calls = 0

        def read() -> None:
            nonlocal calls
            calls += 1  # and leaves what is there, so that there is always something

        clock = AdjustableClock(loop(), START)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.send(b"x")
            loop().add_reader(ours, read)
            async with asyncio.timeout(2 * DAY):
                await loop().advance(DAY)
            loop().remove_reader(ours)
        assert clock.now() - START >= DAY * 1e6
        assert 0 < calls < 1000

    run(story())


def test_what_came_before_is_heard_before() -> None:
    async def story() -> None:
        heard: list[bytes] = []
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.send(b"x")
            clock = AdjustableClock(loop(), START)
            reading = asyncio.ensure_future(loop().sock_recv(ours, 1))
            reading.add_done_callback(
                lambda done: heard.append(done.result()) if clock.now() < START + DAY * 1e6 else None
            )
            await asyncio.sleep(0)
            await loop().advance(DAY)
        assert heard == [b"x"]

    run(story())
