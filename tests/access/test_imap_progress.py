"""INPROGRESS on virtual time (RFC 9585): how often, and with what."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from correo.access.imap.progress import EVERY, Progress
from correo.clock.virtual import VirtualClock, VirtualLoop
from correo.clock.virtual import run as run_virtually
from correo.mail.instant import SECOND


class Wire:
    """What was sent, and how often it was flushed."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.flushed = 0
        self.broken = False

    async def flush(self) -> None:
        self.flushed += 1
        if self.broken:
            raise ConnectionResetError


def play(dialog: Callable[[Progress, Wire, VirtualClock], Awaitable[None]]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        clock, wire = VirtualClock(loop), Wire()
        await dialog(Progress(clock, wire.sent.append), wire, clock)

    run_virtually(main())


def test_nothing_is_told_before_its_time_and_then_not_too_often() -> None:
    async def dialog(progress: Progress, wire: Wire, clock: VirtualClock) -> None:
        progress.begin("a1", wire.flush)
        for done in range(100):
            await progress.at(done, 100)
            await asyncio.sleep(0.3)
        assert wire.sent == [
            b'* OK [INPROGRESS ("a1" 34 100)] Still at it\r\n',
            b'* OK [INPROGRESS ("a1" 68 100)] Still at it\r\n',
        ]
        assert wire.flushed == 2

    play(dialog)


def test_only_while_a_command_is_carried_out() -> None:
    async def dialog(progress: Progress, wire: Wire, clock: VirtualClock) -> None:
        await asyncio.sleep(60)
        await progress.at(1, 2)
        progress.begin("a", wire.flush)
        progress.end()
        await asyncio.sleep(60)
        await progress.at(1, 2)
        progress.begin("b", wire.flush)  # the time before does not count
        await progress.at(1, 2)
        assert wire.sent == []

    play(dialog)


def test_parts_are_counted_together_and_never_reach_the_goal() -> None:
    async def dialog(progress: Progress, wire: Wire, clock: VirtualClock) -> None:
        progress.begin("a", wire.flush)
        progress.expect(10)
        progress.passed(6)
        await asyncio.sleep(EVERY / SECOND)
        await progress.at(2, 4)
        progress.passed(4)
        await asyncio.sleep(EVERY / SECOND)
        await progress.at(3, 4)  # messages came meanwhile
        progress.begin("b", wire.flush)
        await asyncio.sleep(EVERY / SECOND)
        await progress.at(0, 0)
        assert wire.sent == [
            b'* OK [INPROGRESS ("a" 8 10)] Still at it\r\n',
            b'* OK [INPROGRESS ("a" 9 10)] Still at it\r\n',
            b'* OK [INPROGRESS ("b" 0 1)] Still at it\r\n',
        ]

    play(dialog)


def test_work_that_nobody_can_look_into() -> None:
    async def work() -> str:
        await asyncio.sleep(35)
        return "done"

    async def dialog(progress: Progress, wire: Wire, clock: VirtualClock) -> None:
        progress.begin("a", wire.flush)
        start = clock.now()
        assert await progress.through(work()) == "done"
        assert clock.now() - start == 35 * SECOND
        assert wire.sent == [b'* OK [INPROGRESS ("a" NIL NIL)] Still at it\r\n'] * 3

    play(dialog)


def test_its_failure_is_the_failure_of_the_work() -> None:
    async def work() -> None:
        await asyncio.sleep(15)
        raise KeyError("here")

    async def dialog(progress: Progress, wire: Wire, clock: VirtualClock) -> None:
        progress.begin("a", wire.flush)
        with pytest.raises(KeyError):
            await progress.through(work())

    play(dialog)


def test_who_is_gone_waits_for_nothing() -> None:
    ended: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(True)

    async def dialog(progress: Progress, wire: Wire, clock: VirtualClock) -> None:
        progress.begin("a", wire.flush)
        wire.broken = True
        start = clock.now()
        with pytest.raises(ConnectionResetError):
            await progress.through(work())
        assert clock.now() - start == EVERY
        waiting = asyncio.ensure_future(progress.through(work()))
        await asyncio.sleep(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert ended == [True, True]

    play(dialog)


def test_a_tag_that_would_end_the_response_code_is_not_named() -> None:
    async def dialog(progress: Progress, wire: Wire, clock: VirtualClock) -> None:
        progress.begin("a]b", wire.flush)
        await asyncio.sleep(EVERY / SECOND)
        await progress.at(1, 2)
        await progress.through(asyncio.sleep(EVERY / SECOND + 1))
        assert wire.sent == [
            b"* OK [INPROGRESS (NIL 1 2)] Still at it\r\n",
            b"* OK [INPROGRESS] Still at it\r\n",
        ]

    play(dialog)
