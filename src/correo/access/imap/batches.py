"""The messages of a mailbox in batches of one size, newest first, as ranges of UIDs (RFC 10022). Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

LEAST = (
    500  # messages in a batch (RFC 10022 §3.1.3.2): with fewer they would be message numbers by another name
)
MAX_ASKED = 1_000  # different questions about one mailbox that are remembered; a client has use for a few


class Request(NamedTuple):
    """`first` and `last`: which batches, counted from 1, the newest."""

    size: int
    first: int = 1
    last: int = 0  # 0: all from the first on


class Known(NamedTuple):
    """The mailbox when it was asked about."""

    messages: int
    last_uid: int


Asked = dict[Request, Known]


def batches(uids: Sequence[int], request: Request) -> list[tuple[int, int]]:
    """The highest and lowest UID of each batch, without gaps between them; the last one ends with 1 (RFC 10022 §3.1.4)."""
    size = request.size
    stop = len(uids) - (request.first - 1) * size
    floor = max(0, len(uids) - request.last * size) if request.last else 0
    found: list[tuple[int, int]] = []
    while stop > floor:
        start = max(0, stop - size)
        high = uids[stop] - 1 if stop < len(uids) else uids[-1]
        found.append((high, uids[start] if start else 1))
        stop = start
    return found


def may_ask(asked: Asked, uids: Sequence[int], request: Request) -> bool:
    """Whether the answer is another than before by half a batch; if so, it is remembered (RFC 10022 §3.1.1, §6)."""
    known = asked.get(request)
    now = Known(len(uids), uids[-1] if uids else 0)
    if known is None:
        if len(asked) >= MAX_ASKED:
            return False
    elif 2 * max(_changed(known, now, uids)) <= request.size:
        return False
    asked[request] = now
    return True


def _changed(known: Known, now: Known, uids: Sequence[int]) -> tuple[int, int]:
    """How many messages came and went."""
    came = len(uids) - bisect_right(uids, known.last_uid)
    return came, known.messages - (now.messages - came)
