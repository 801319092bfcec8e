"""Every SMTP and LMTP transcript, in every framing.

Header lines of this protocol: `listener: mx|submission|lmtp` (mx), `limit: errors 3` (a field of receive.Limits; `sending 2,9,0,0`), `starttls: no`,
`plaintext: yes`, `memory: 1000` (octets of the budget), `tls: yes` (the connection is under TLS from the start),
`option: expn yes` (a field of receive.ReceiveOptions: yes or no, a number, or addresses), `user: www-data @example.org` (the client
came by a local socket, is this user, and may send under these names besides his own in example.org).
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from tests.transcripts.runner import SPLITS, Script, World, play, scripts, tls_of

from correo.accounts import SendLimits
from correo.net import Peer, Stream
from correo.net.limits import Budget
from correo.net.networks import Networks
from correo.receive.local import LocalSenders
from correo.receive.options import Limits, Profile, ReceiveOptions, Services
from correo.receive.rates import NetworkRates
from correo.receive.session import SmtpSession

PROFILES = {"mx": Profile.MX, "submission": Profile.SUBMISSION, "lmtp": Profile.LMTP}


def options_of(script: Script) -> ReceiveOptions:
    limits = Limits()
    for line in script.header.get("limit", []):
        name, value = line.split()
        limits = replace(limits, **{name: _limit(getattr(limits, name), value)})
    options: dict[str, Any] = {}
    for line in script.header.get("option", []):
        name, *words = line.split()
        options[name] = _value(name, words)
    return ReceiveOptions(
        hostname="mail.example.org",
        profile=PROFILES[script.one("listener", "mx")],
        starttls=script.one("starttls", "yes") == "yes",
        allow_plaintext=script.one("plaintext", "no") == "yes",
        limits=limits,
        **options,
    )


def _limit(usual: Any, value: str) -> Any:
    if isinstance(usual, SendLimits):
        return SendLimits(*map(int, value.split(",")))
    return type(usual)(value)


def _value(name: str, words: list[str]) -> bool | int | Networks:
    kind = {one.name: one.type for one in fields(ReceiveOptions)}[name]
    if kind == "bool":
        return words == ["yes"]
    return int(words[0]) if kind == "int" else Networks.of(words)


class Smtp:
    """The factory, and the memory its sessions share."""

    def __init__(self, script: Script) -> None:
        self.budget = Budget(int(script.one("memory", "1000000")))
        self.rates = NetworkRates()

    def __call__(self, world: World, script: Script, stream: Stream) -> SmtpSession:
        services = Services(
            world.db, world.bus, world.clock, world.chance, world.logins, self.budget, self.rates
        )
        tls = tls_of(script)
        options, peer = options_of(script), stream.peer
        if user := script.one("user", ""):
            name, *granted = user.split()
            senders = LocalSenders(frozenset({"example.org"}), {name: tuple(granted)}, lambda uid: name)
            options, peer = replace(options, local=senders), Peer("unix", 0, 1000)
        return SmtpSession(options, services, peer, tls, stream.wake)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("script", scripts("smtp"), ids=lambda script: script.path.stem)
def test_transcript(script: Script, split: str, tmp_path: Path) -> None:
    factory = Smtp(script)
    play(script, factory, split, tmp_path)
    assert factory.budget.used == 0, "a session kept memory that it had taken"
