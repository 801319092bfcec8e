"""Every SMTP and LMTP transcript, in every framing.

Header lines of this protocol: `listener: mx|submission|lmtp` (mx), `limit: errors 3` (a field of receive.Limits), `starttls: no`,
`plaintext: yes`, `memory: 1000` (octets of the budget), `tls: yes` (the connection is under TLS from the start).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.transcripts.runner import SPLITS, Script, World, play, scripts, tls_of

from correo.net import Stream
from correo.net.limits import Budget
from correo.receive.options import Limits, Profile, ReceiveOptions, Services
from correo.receive.session import SmtpSession

PROFILES = {"mx": Profile.MX, "submission": Profile.SUBMISSION, "lmtp": Profile.LMTP}


def options_of(script: Script) -> ReceiveOptions:
    limits = Limits()
    for line in script.header.get("limit", []):
        name, value = line.split()
        limits = replace(limits, **{name: type(getattr(limits, name))(value)})
    return ReceiveOptions(
        hostname="mail.example.org",
        profile=PROFILES[script.one("listener", "mx")],
        starttls=script.one("starttls", "yes") == "yes",
        allow_plaintext=script.one("plaintext", "no") == "yes",
        limits=limits,
    )


class Smtp:
    """The factory, and the memory its sessions share."""

    def __init__(self, script: Script) -> None:
        self.budget = Budget(int(script.one("memory", "1000000")))

    def __call__(self, world: World, script: Script, stream: Stream) -> SmtpSession:
        services = Services(world.db, world.bus, world.clock, world.chance, world.logins, self.budget)
        tls = tls_of(script)
        return SmtpSession(options_of(script), services, stream.peer, tls)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("script", scripts("smtp"), ids=lambda script: script.path.stem)
def test_transcript(script: Script, split: str, tmp_path: Path) -> None:
    factory = Smtp(script)
    play(script, factory, split, tmp_path)
    assert factory.budget.used == 0, "a session kept memory that it had taken"
