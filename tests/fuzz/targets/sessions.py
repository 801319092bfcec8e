"""Whole sessions of every listener, with a real mailbox, queue and database behind them, and other clients beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from random import Random

from tests.fuzz.arena import SECOND, assault
from tests.fuzz.dialogs import ANYWHERE, LOGINS, WORDS, dialogs
from tests.fuzz.grammar import changes, scene
from tests.fuzz.sentences import SENTENCES
from tests.fuzz.target import APART, Target

PIECES = 24  # in which a client sends what it has to say; the rest comes with the last
SCENES = 40  # to begin with, besides the dialogs of the transcripts
COVERS = {
    "mx": ("correo.receive",),
    "submission": ("correo.receive",),
    "lmtp": ("correo.receive",),
    "pop3": ("correo.access.pop3", "correo.wire.pop3"),
    "imap": ("correo.access.imap", "correo.wire.imap"),
}


def _run(kind: str) -> Callable[[bytes], None]:
    def run(octets: bytes) -> None:
        """Logged in where the input does not begin with APART; one that ends with APART stays, one that ends with SECOND goes at once."""
        pieces = [piece for piece in octets.split(APART, PIECES) if piece]
        login = [] if octets.startswith(APART) else [LOGINS[kind]]
        at_once = octets.endswith(SECOND)
        assault(kind, [*login, *pieces], hang_up=not octets.endswith(APART), at_once=at_once)

    return run


def _seeds(kind: str) -> Callable[[], Iterable[bytes]]:
    def seeds() -> Iterator[bytes]:
        for lines in dialogs(kind):
            whole = b"".join(lines)
            if len(whole) < 1_000:
                yield APART + whole
                yield APART.join(lines)
        dice = Random(kind)
        yield from (scene(dice, SENTENCES[kind], 1_000) for _ in range(SCENES))

    return seeds


TARGETS = tuple(
    Target(
        f"session-{kind}",
        COVERS[kind],
        _run(kind),
        _seeds(kind),
        (APART, LOGINS[kind], *WORDS[kind], *ANYWHERE),
        flood=0,
        change=changes((APART, *WORDS[kind], *ANYWHERE), SENTENCES[kind]),
    )
    for kind in COVERS
)
