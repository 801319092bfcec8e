"""The end of a session: who has read the answer to QUIT may come back at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.transcripts.runner import Script, World, play, read
from tests.transcripts.test_pop3 import Pop3

from correo.access.pop3.session import Pop3Session
from correo.net import Flush, Stream
from correo.wire.pop3.server import Command, Event

DIALOG = """
tls: yes
setup: domain example.org
setup: account alice@example.org secret
mailbox: alice@example.org INBOX 1
S: +OK ...
C: USER alice
S: +OK ...
C: PASS secret
S: +OK ...
"""


class Watched(Pop3):
    """Notes whether the maildrop was open to others when QUIT had been answered."""

    def __init__(self) -> None:
        super().__init__()
        self.free: list[bool] = []

    def __call__(self, world: World, script: Script, stream: Stream) -> Pop3Session:
        session = super().__call__(world, script, stream)
        handle = session.handle

        async def watched(event: Event, flush: Flush) -> None:
            await handle(event, flush)
            if isinstance(event, Command) and event.verb == "QUIT":
                self.free.append(not self.locks.held)

        session.handle = watched  # type: ignore[method-assign]
        return session


@pytest.mark.parametrize("marked", ["", "C: DELE 1\nS: +OK ...\n"])
def test_the_maildrop_is_free_before_quit_is_answered(marked: str, tmp_path: Path) -> None:
    script = tmp_path / "script.txt"
    script.write_text(f"{DIALOG}{marked}C: QUIT\nS: +OK ...\n")
    factory = Watched()
    play(read(script), factory, "whole", tmp_path)
    assert factory.free == [True]
