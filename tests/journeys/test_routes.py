"""Mail that goes where the operator sends it."""

from __future__ import annotations

from tests.journeys.far import Far
from tests.journeys.server import Server
from tests.journeys.town import Town, live

from correo.mail.way import Way
from correo.queue import Selection
from correo.transport.routes import Route, Routes

ALICE, BOB, EVA = "alice@here.example", "bob@there.example", "eva@there.example"


async def house(town: Town, domain: str, way: str) -> Server:
    """With a route for mail to `domain`."""
    here = await town.server("mail.here.example", "here.example", "alice")
    await here.stop()
    here.routes = Routes([(domain, Route(Way.parse(way)))])
    await here.start()
    return here


@live
async def test_by_lmtp_to_the_server_that_keeps_it(town: Town) -> None:
    there = await town.server("mx.there.example", "there.example", "bob")
    here = await house(town, "there.example", f"lmtp:{there.address}")
    said = await here.send(ALICE, [BOB, EVA])
    assert len(await there.inbox(BOB)) == 1
    assert await here.events(said.id) == [
        f"accepted {BOB}",
        f"accepted {EVA}",
        f"relayed {BOB}",
        f"bounced {EVA}",
    ]
    (journey,) = [one for one in await there.trace(BOB) if one.protocol == "lmtp"]
    assert journey.entries[-1].event.value == "delivered"
    assert len(await here.inbox(ALICE)) == 1


@live
async def test_held_by_its_route_and_sent_another_way(town: Town) -> None:
    other = town.far("other.example", Far())
    here = await house(town, ".there.example", "hold")
    bob = "bob@sub.there.example"
    said = await here.send(ALICE, [bob])
    assert await here.queued() == [(bob, "held", 0)]
    await here.release(Selection())
    await town.wait("1m")
    assert await here.queued() == [(bob, "held", 0)]
    await here.reroute(Selection(destination="sub.there.example"), "mx:other.example")
    await town.wait("1m")
    assert [taken.recipients for taken in other.taken] == [(bob,)]
    assert (await here.events(said.id))[-2:] == [f"rerouted {bob}", f"relayed {bob}"]


@live
async def test_discarded_by_its_route(town: Town) -> None:
    here = await house(town, "there.example", "discard")
    said = await here.send(ALICE, [BOB])
    assert await here.events(said.id) == [f"accepted {BOB}", f"discarded {BOB}"]
    assert await here.inbox(ALICE) == []
    assert (await here.balance()).discarded == 1
