"""Every POP3 transcript, in every framing.

Header lines of this protocol: `starttls: no`, `plaintext: no` (both are yes otherwise), `tls: yes` (the connection is under TLS from the start),
`keep: 30d` (so long deleted messages are kept), `delay: 1m` (from one login to the next), `language: de` (the one we prefer).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.transcripts.runner import SPLITS, Script, World, play, scripts, tls_of

from correo.access.pop3.delays import Delays
from correo.access.pop3.locks import Locks
from correo.access.pop3.session import Pop3Options, Pop3Session, Services
from correo.mail.instant import parse_duration
from correo.net import Stream


class Pop3:
    """The factory, and the locks its sessions share."""

    def __init__(self) -> None:
        self.locks = Locks()
        self.delays = Delays()

    def __call__(self, world: World, script: Script, stream: Stream) -> Pop3Session:
        options = Pop3Options(
            hostname="mail.example.org",
            starttls=script.one("starttls", "yes") == "yes",
            allow_plaintext=script.one("plaintext", "yes") == "yes",
            idle=600.0,
            login_time=60.0,
            login_delay=parse_duration(script.one("delay", "0s")),
            keep_deleted=parse_duration(script.one("keep", "0s")),
            language=script.one("language", "en"),
        )
        services = Services(
            world.db, world.bus, world.clock, world.logins, world.chance, self.locks, options, self.delays
        )
        return Pop3Session(services, stream.peer, tls_of(script), stream.wake)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("script", scripts("pop3"), ids=lambda script: script.path.stem)
def test_transcript(script: Script, split: str, tmp_path: Path) -> None:
    factory = Pop3()
    play(script, factory, split, tmp_path)
    assert not factory.locks.held, "a session kept its maildrop locked"
