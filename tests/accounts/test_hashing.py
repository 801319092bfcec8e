"""So many at a time, so many waiting, the rest refused."""

from __future__ import annotations

import asyncio
import threading

import pytest

from correo.accounts.hashing import WAITING_PER_THREAD, Hashing
from correo.mail.errors import Kind, Refused


async def test_inline() -> None:
    hashing = Hashing(0)
    assert await hashing.run(threading.get_ident) == threading.get_ident()
    hashing.close()


async def test_in_threads() -> None:
    hashing = Hashing(1)
    assert await hashing.run(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await hashing.run(divmod, 1, 0)
    hashing.close()


@pytest.mark.parametrize("threads", [1, 2])
async def test_bounds(threads: int) -> None:
    hashing = Hashing(threads)
    gate = threading.Event()
    lock = threading.Lock()
    running = most = 0

    def work(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait()
        with lock:
            running -= 1
        return number

    room = threads * (1 + WAITING_PER_THREAD)
    inside = [asyncio.ensure_future(hashing.run(work, number)) for number in range(room)]
    await asyncio.sleep(0)  # one turn of the loop, in which they all enter
    with pytest.raises(Refused) as caught:
        await hashing.run(work, room)
    assert caught.value.kind is Kind.UNAVAILABLE

    # Who gives up makes room.
    inside.pop().cancel()
    await asyncio.sleep(0)
    late = asyncio.ensure_future(hashing.run(work, room))
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*inside, late) == [*range(room - 1), room]
    assert most <= threads
    hashing.close()
