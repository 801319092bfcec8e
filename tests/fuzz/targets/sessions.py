"""Whole sessions of every listener, with a real mailbox, queue and database behind them, and other clients beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tests.fuzz.arena import assault
from tests.fuzz.dialogs import ANYWHERE, LOGINS, WORDS, dialogs
from tests.fuzz.target import APART, Target

PIECES = 12  # in which a client sends what it has to say; the rest comes with the last
COVERS = {
    "mx": ("correo.receive",),
    "submission": ("correo.receive",),
    "lmtp": ("correo.receive",),
    "pop3": ("correo.access.pop3", "correo.wire.pop3"),
    "imap": ("correo.access.imap", "correo.wire.imap"),
}


def _run(kind: str) -> Callable[[bytes], None]:
    def run(octets: bytes) -> None:
        pieces = [piece for piece in octets.split(APART, PIECES) if piece]
        assault(kind, pieces, hang_up=not octets.endswith(APART))

    return run


def _seeds(kind: str) -> Callable[[], Iterable[bytes]]:
    def seeds() -> Iterator[bytes]:
        for lines in dialogs(kind):
            whole = b"".join(lines)
            if len(whole) < 1_000:
                yield whole
                yield LOGINS[kind] + whole
                yield LOGINS[kind] + APART + APART.join(lines)

    return seeds


TARGETS = tuple(
    Target(
        f"session-{kind}",
        COVERS[kind],
        _run(kind),
        _seeds(kind),
        (APART, LOGINS[kind], *WORDS[kind], *ANYWHERE),
        flood=0,
    )
    for kind in COVERS
)
