"""Mail that goes another way: which, and how."""

from __future__ import annotations

import pytest
from tests.transport.test_remote import ANA, BOB, EVA, MESSAGE, ONE, ZOE, Server, World, virtually

from correo.mail.address import Address
from correo.mail.outcome import Deferred, Delivered, Discarded, Failed, Held
from correo.mail.way import Way, as_destination
from correo.net.memory import MemoryDialer
from correo.transport.routes import Route, Routes

RELAY = Route(Way.parse("smtp:10.1.1.1:2525"), name="relay")
MAX = Address.parse("max@sub.there.example")


def routes(**ways: str) -> Routes:
    """`there="smtp:..."` is there.example, `_there` all below it, `everything` the rest."""

    def domain(word: str) -> str:
        return "*" if word == "everything" else word.replace("_", ".") + ".example"

    return Routes((domain(word), Route(Way.parse(text))) for word, text in ways.items())


@pytest.mark.parametrize(
    ("destination", "found"),
    [
        ("there.example", "mx:a.example"),
        ("sub.there.example", "mx:b.example"),
        ("deep.sub.there.example", "mx:b.example"),
        ("x.there.example", "mx:b.example"),
        ("notthere.example", "hold"),
        ("[192.0.2.1]", "hold"),
        (">smtp:relay.example:26 there.example", "smtp:relay.example:26"),
        (">route:gone there.example", "route:gone"),
    ],
)
def test_what_fits_best(destination: str, found: str) -> None:
    made = routes(there="mx:a.example", _there="mx:b.example", everything="hold")
    route = made.find(destination)
    assert route is not None
    assert str(route.way) == found


def test_most_mail_has_no_route() -> None:
    assert Routes().find("there.example") is None
    assert routes(_there="hold").find("there.example") is None


def test_a_route_by_its_name() -> None:
    made = Routes([("other.example", RELAY)])
    assert made.find(as_destination(Way.parse("route:relay"), "there.example")) is RELAY


@virtually
async def test_to_another_host() -> None:
    world = World(ONE, routes=Routes([("there.example", RELAY)]))
    relay = world.server("10.1.1.1", port=2525)
    outcome = await world.one()
    assert isinstance(outcome, Delivered)
    assert outcome.host == "10.1.1.1 [10.1.1.1]:2525"
    assert relay.messages
    assert world.transport.lane("there.example") != world.transport.lane("other.example")


@virtually
async def test_the_operators_way_for_one_message() -> None:
    world = World(ONE)
    world.server("10.0.0.1", Server(greeting="554 no"))
    relay = world.server("10.1.1.1", port=2525)
    assert isinstance(await world.one(), Failed)
    destination = as_destination(RELAY.way, "there.example")
    assert isinstance(await world.one(destination=destination), Delivered)
    assert relay.messages
    assert world.transport.lane(destination) == world.transport.lane(as_destination(RELAY.way, "far.example"))


@virtually
async def test_to_the_mail_hosts_of_another_domain() -> None:
    zone = ONE + "backup.example MX 10 mx.backup.example\nmx.backup.example A 10.0.0.9\n"
    world = World(zone, routes=routes(there="mx:backup.example"))
    backup = world.server("10.0.0.9")
    assert isinstance(await world.one(), Delivered)
    assert len(backup.messages) == 1


@virtually
async def test_to_its_own_mail_hosts_despite_a_smarthost() -> None:
    from correo.transport.smarthost import Smarthost

    world = World(ONE, smarthost=Smarthost.parse("10.1.1.1:2525"), routes=routes(there="mx"))
    own, relay = world.server("10.0.0.1"), world.server("10.1.1.1", port=2525)
    assert isinstance(await world.one(), Delivered)
    assert isinstance(await world.one(Address.parse("bob@other.example")), Delivered)
    assert (len(own.messages), len(relay.messages)) == (1, 1)


@virtually
async def test_lanes_of_a_route_to_mail_hosts_stay_apart() -> None:
    world = World(ONE, routes=routes(everything="mx"))
    lane = world.transport.lane
    assert lane("there.example") != lane("other.example")
    assert lane(">mx there.example") != lane(">mx other.example")


@virtually
async def test_routes_to_one_host_that_differ_in_anything_share_no_connection() -> None:
    way = Way.parse("smtp:10.1.1.1:2525")
    alike = [Route(way), Route(way, user="ana"), Route(way, tls="verified"), Route(way, source="192.0.2.9")]
    named = [Route(way, name="spare"), Route(Way.parse("smtp:10.1.1.1:2526"), name="other")]
    table = [(f"d{at}.example", route) for at, route in enumerate([*alike, *named])]
    world = World(ONE, routes=Routes(table))
    assert len({world.transport.lane(domain) for domain, _ in table}) == len(table)
    world.server("10.1.1.1", Server(extensions=("PIPELINING",)), port=2525)
    assert isinstance(await world.one(Address.parse("bob@d0.example")), Delivered)
    assert isinstance(await world.one(Address.parse("bob@d2.example")), Deferred)  # there is no TLS


@virtually
async def test_discard_and_hold_dial_nobody() -> None:
    world = World(ONE, routes=routes(there="discard", _there="hold"))
    assert isinstance(await world.one(), Discarded)
    held = await world.one(MAX)
    assert isinstance(held, Held)
    assert "reroute" in held.status.text
    assert world.dialer.dialled == []


@virtually
async def test_a_route_that_is_gone_keeps_the_mail() -> None:
    world = World(ONE)
    outcome = await world.one(destination=">route:relay there.example")
    assert isinstance(outcome, Deferred)
    assert "relay" in outcome.status.text


@virtually
async def test_lmtp_has_an_answer_for_each() -> None:
    world = World(ONE, routes=routes(there="lmtp:10.1.1.1"))
    server = Server(
        greeting="220 mail.here.example LMTP",  # on the machine itself it has our name
        answers={
            "LHLO": "250-store\r\n250 PIPELINING",
            "EHLO": "500 what",
            "RCPT TO:<eva": "550 5.1.1 who",
            ".": "250 2.0.0 bob has it\r\n452 4.2.2 zoe is full",
        },
    )
    world.server("10.1.1.1", server, port=24)
    bob, eva, zoe = await world.deliver(BOB, EVA, ZOE)
    assert isinstance(bob, Delivered)
    assert isinstance(eva, Failed)
    assert isinstance(zoe, Deferred)
    assert (bob.status.text, zoe.status.enhanced) == ("bob has it", "4.2.2")
    assert server.log[0] == "LHLO mail.here.example"


@virtually
async def test_a_relay_that_cannot_be_found_is_no_fault_of_the_mail() -> None:
    world = World(ONE, routes=routes(there="smtp:nowhere.example"))
    outcome = await world.one()
    assert isinstance(outcome, Deferred)
    assert outcome.unreachable


@virtually
async def test_a_route_that_wants_proof_of_its_relay() -> None:
    world = World(ONE, routes=Routes([("there.example", Route(Way.parse("smtp:10.1.1.1"), tls="verified"))]))
    world.server("10.1.1.1", Server(extensions=("PIPELINING",)))
    outcome = await world.one()
    assert isinstance(outcome, Deferred)
    assert "TLS" in outcome.status.text
    assert not outcome.unreachable


@virtually
async def test_tls_never() -> None:
    world = World(ONE, routes=Routes([("there.example", Route(Way.parse("mx"), tls="none"))]))
    server = world.server("10.0.0.1", Server(extensions=("STARTTLS",)))
    assert isinstance(await world.one(), Delivered)
    assert "STARTTLS" not in server.log


@virtually
async def test_from_another_address() -> None:
    from correo.clock.virtual import SeededChance
    from correo.dns.zone import ZoneResolver
    from correo.transport import Outgoing
    from correo.transport.remote import Options, RemoteTransport

    world = World(ONE)
    world.server("10.0.0.1")
    asked: list[str] = []

    def dial_from(address: str) -> MemoryDialer:
        asked.append(address)
        return MemoryDialer(world.network, address)

    routed = Routes([("there.example", Route(Way.parse("mx"), source="192.0.2.99"))])
    options = Options("mail.here.example", ipv6=False, routes=routed)
    resolver = ZoneResolver(world.zone, world.clock)
    transport = RemoteTransport(
        resolver, world.dialer, world.clock, SeededChance(1), options, None, dial_from
    )
    outgoing = Outgoing(ANA, world._content, len(MESSAGE), "7BIT", utf8=False)
    for _ in range(3):
        assert isinstance((await transport.deliver(outgoing, [BOB]))[0], Delivered)
    assert asked == ["192.0.2.99"]
    assert world.dialer.dialled == []
    await transport.close()
