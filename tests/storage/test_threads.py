"""Threads that are there from the beginning, or not at all."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from correo.storage.threads import Hand, NoThreads, started


def names(prefix: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)]


def test_all_threads_are_there_before_any_work_is() -> None:
    pool = started(3, "early")
    assert len(names("early")) == 3
    assert [pool.submit(lambda: 7).result() for _ in range(10)] == [7] * 10
    assert len(names("early")) == 3
    pool.shutdown()
    assert not names("early")


@pytest.mark.parametrize("left", [0, 1, 2])
def test_where_the_system_has_too_few_none_is_kept(monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    start = threading.Thread.start
    began: list[threading.Thread] = []

    def scarce(thread: threading.Thread, *rest: Any) -> None:
        if len(began) == left:
            raise RuntimeError("can't start new thread")
        began.append(thread)
        start(thread, *rest)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    with pytest.raises(NoThreads, match="scarce-pool"):
        started(3, "scarce-pool")
    assert len(began) == left
    assert not names("scarce-pool")


async def test_a_hand_does_one_thing_after_the_other_in_its_thread() -> None:
    hand = Hand("handy")
    order: list[int] = []

    def note(number: int) -> str:
        order.append(number)
        return threading.current_thread().name

    assert await asyncio.gather(*(hand.do(note, number) for number in range(50))) == ["handy"] * 50
    assert order == list(range(50))
    assert names("handy") == ["handy"]
    hand.shutdown()
    assert not names("handy")


async def test_after_its_end_a_hand_refuses_and_nobody_waits() -> None:
    hand = Hand("ended")
    hand.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        await asyncio.wait_for(hand.do(len, "late"), 5)
    with pytest.raises(RuntimeError, match="shutdown"):
        hand.submit(lambda: None)


async def test_what_a_hand_met_is_raised_where_it_is_awaited() -> None:
    hand = Hand("clumsy")

    def fail(reason: str) -> None:
        raise KeyError(reason)

    with pytest.raises(KeyError, match="dropped"):
        await hand.do(fail, "dropped")
    assert await hand.do(len, "and goes on") == 11
    hand.shutdown()


async def test_who_is_cancelled_learns_how_it_ended_all_the_same() -> None:
    """As often as he is: a COMMIT that is under way must not be taken for one that was not made."""
    hand = Hand("steady")
    go = threading.Event()
    task = asyncio.create_task(hand.do(lambda: go.wait(10)))
    for _ in range(3):
        await asyncio.sleep(0.001)
        task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    go.set()
    assert await task is True
    hand.shutdown()


def test_a_hand_has_done_all_before_it_is_shut_down() -> None:
    """Also what nobody waits for, and after something that failed."""
    hand = Hand("last")
    go = threading.Event()
    done: list[int] = []
    hand.submit(lambda: go.wait(10))
    hand.submit(lambda: done.append(1 // 0))
    for number in range(5):
        hand.submit(lambda number=number: done.append(number))  # type: ignore[misc]
    assert not done
    go.set()
    hand.shutdown()
    assert done == list(range(5))


def test_a_hand_outlives_the_loop_that_asked_it() -> None:
    hand = Hand("patient")
    go = threading.Event()
    loop = asyncio.new_event_loop()
    asked = loop.create_task(hand.do(lambda: go.wait(10)))
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    go.set()
    assert asyncio.run(hand.do(len, "next")) == 4
    hand.shutdown()
    assert not asked.done()
    asked._log_destroy_pending = False  # type: ignore[attr-defined]  # we know


def test_where_the_system_has_no_thread_there_is_no_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    def scarce(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", scarce)
    with pytest.raises(NoThreads, match="nobody"):
        Hand("nobody")
