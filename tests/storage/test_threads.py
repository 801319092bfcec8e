"""Threads that are there from the beginning, or not at all."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from correo.storage.threads import NoThreads, started


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
