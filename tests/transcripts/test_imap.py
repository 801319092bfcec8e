"""Every IMAP transcript, in every framing.

Header lines of this protocol: `starttls: no`, `plaintext: no` (both are yes otherwise), `tls: yes` (the connection is under TLS from
the start), `append: 1000` (octets of the longest message APPEND takes).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.transcripts import runner
from tests.transcripts.runner import SPLITS, Script, World, play, scripts

from correo.access.imap.octets import Octets
from correo.access.imap.session import ImapOptions, ImapSession, Services
from correo.net import Peer
from correo.net.memory import TLS


class Stream(runner.Splitting):
    """The stream the runner made last, so that the session it makes next can be woken."""

    last: Stream

    def __init__(self, local: Peer, peer: Peer) -> None:
        super().__init__(local, peer)
        Stream.last = self


def imap(world: World, script: Script, peer: Peer) -> ImapSession:
    options = ImapOptions(
        hostname="mail.example.org",
        starttls=script.one("starttls", "yes") == "yes",
        allow_plaintext=script.one("plaintext", "yes") == "yes",
        idle=1800.0,
        login_time=60.0,
        append_limit=int(script.one("append", "100000")),
    )
    services = Services(world.db, world.bus, world.clock, world.chance, world.logins, options, Octets())
    tls = TLS if script.one("tls", "no") == "yes" else None
    return ImapSession(services, peer, tls, Stream.last.wake)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("script", scripts("imap"), ids=lambda script: script.path.stem)
def test_transcript(script: Script, split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "Splitting", Stream)
    play(script, imap, split, tmp_path)
