"""Where we go is watched as where others come from: in both directions, without our password, messages as a size."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transport.test_remote import MESSAGE, ONE, RELAY, Server, World, relay, virtually

from correo.clock.virtual import SeededChance
from correo.dns.zone import ZoneResolver
from correo.mail.outcome import Delivered
from correo.net.tap import Glimpse, Taps, Wants
from correo.transport.remote import Options, RemoteTransport


class Watcher:
    def __init__(self, **wanted: Any) -> None:
        self.wants = Wants(**wanted)
        self.seen: list[Glimpse] = []

    def show(self, glimpse: Glimpse) -> None:
        self.seen.append(glimpse)

    @property
    def lines(self) -> list[str]:
        return [f"{one.who} {one.text}" for one in self.seen]


def watched(world: World, **options: Any) -> Taps:
    taps = Taps(world.clock)
    world.transport = RemoteTransport(
        ZoneResolver(world.zone, world.clock),
        world.dialer,
        world.clock,
        SeededChance(1),
        Options("mail.here.example", ipv6=False, **options),
        taps=taps,
    )
    return taps


@virtually
async def test_a_delivery_is_shown() -> None:
    world = World(ONE)
    world.server("10.0.0.1", Server(extensions=("CHUNKING",), answers={"BDAT": "250 2.0.0 queued"}))
    watcher = Watcher(hosts=frozenset({"mx.there.example"}), protocols=frozenset({"outgoing"}))
    taps = watched(world, idle=0)
    taps.watch(watcher)
    assert isinstance(await world.one(), Delivered)
    await world.transport.close()
    assert watcher.lines[:4] == [
        "* connected",
        "S 220 mx.there.example ESMTP",
        "C EHLO mail.here.example",
        "S 250-mx.there.example",
    ]
    assert [line for line in watcher.lines if "MAIL" in line] == ["C MAIL FROM:<ana@here.example>"]
    size = len(MESSAGE)
    at = watcher.lines.index(f"C BDAT {size} LAST")
    assert watcher.lines[at + 1] == f"C <{size} octets of message>"
    assert not any("hello" in line for line in watcher.lines)
    assert watcher.lines[-1] == "* closed"
    assert {one.peer for one in watcher.seen} == {"mx.there.example"}


@virtually
async def test_messages_are_shown_where_that_is_wanted() -> None:
    world = World(ONE)
    world.server("10.0.0.1")
    watcher = Watcher(data=True)
    watched(world).watch(watcher)
    assert isinstance(await world.one(), Delivered)
    assert "C Subject: hello" in watcher.lines
    assert "C ..dots and" in watcher.lines


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("answer", ["235 2.7.0 welcome", "535 5.7.8 not with secret or AGFuYQBzZWNyZXQ="])
def test_our_password_is_never_shown(mechanism: str, answer: str) -> None:
    @virtually
    async def scenario() -> None:
        world = World(RELAY)
        challenges: list[str] = ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", answer]
        answers: dict[str, str | list[str]] = {"AUTH PLAIN": answer, "AUTH LOGIN": challenges[0]}
        answers |= {"YW5h": challenges[1], "c2VjcmV0": answer}
        world.server("10.0.0.5", Server(extensions=(f"AUTH {mechanism}",), answers=answers), port=587)
        watcher = Watcher()
        watched(world, smarthost=relay()).watch(watcher)
        await world.one()
        await world.transport.close()
        said = "\n".join(watcher.lines)
        assert f"C AUTH {mechanism}" in said
        for secret in ("secret", "AGFuYQBzZWNyZXQ=", "c2VjcmV0"):
            assert secret not in said

    scenario()


@virtually
async def test_who_begins_to_watch_sees_what_comes_next() -> None:
    world = World(ONE)
    world.server("10.0.0.1")
    taps, watcher = watched(world, idle=60), Watcher()
    assert isinstance(await world.one(), Delivered)
    taps.watch(watcher)
    assert isinstance(await world.one(), Delivered)
    assert watcher.lines[0].startswith("* open since ")
    assert watcher.lines[1].startswith("C ")
    assert any(line.startswith(("C MAIL", "C RSET")) for line in watcher.lines)
    await world.transport.close()
