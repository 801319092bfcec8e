"""Every IMAP transcript, in every framing.

Header lines of this protocol: `starttls: no`, `plaintext: no` (both are yes otherwise), `tls: yes` (the connection is under TLS from
the start), `append: 1000` (octets of the longest message APPEND takes), `memory: 1000`
(octets of literals that all connections together may have in the air).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.transcripts.runner import SPLITS, Script, World, play, scripts

from correo.access.imap.octets import Octets
from correo.access.imap.session import ImapOptions, ImapSession, Services
from correo.net import Stream
from correo.net.limits import Budget
from correo.net.memory import TLS


class Imap:
    """The factory, and the memory its sessions share."""

    def __init__(self, script: Script) -> None:
        self.budget = Budget(int(script.one("memory", "10000000")))

    def __call__(self, world: World, script: Script, stream: Stream) -> ImapSession:
        options = ImapOptions(
            hostname="mail.example.org",
            starttls=script.one("starttls", "yes") == "yes",
            allow_plaintext=script.one("plaintext", "yes") == "yes",
            idle=1800.0,
            login_time=60.0,
            append_limit=int(script.one("append", "100000")),
        )
        services = Services(
            world.db, world.bus, world.clock, world.chance, world.logins, options, Octets(), self.budget
        )
        tls = TLS if script.one("tls", "no") == "yes" else None
        return ImapSession(services, stream.peer, tls, stream.wake)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("script", scripts("imap"), ids=lambda script: script.path.stem)
def test_transcript(script: Script, split: str, tmp_path: Path) -> None:
    factory = Imap(script)
    play(script, factory, split, tmp_path)
    assert factory.budget.used == 0, "a session kept memory that it had taken"
