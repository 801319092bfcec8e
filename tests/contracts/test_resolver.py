"""What every `Resolver` promises: the fake, the client over real sockets, and the cache in front of either."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from correo.clock.virtual import SeededChance, VirtualClock
from correo.dns import Answer, DnsFailure, Mx, Rdtype, Resolver, Soa, Status, Tlsa
from correo.dns.cache import CachingResolver
from correo.dns.client import StubResolver
from correo.dns.server import DnsServer
from correo.dns.zone import Zone, ZoneResolver
from correo.mail.instant import HOUR, SECOND

CLOCK = VirtualClock()

ZONE = rf"""
example.com.         7200 SOA  ns.example.com. root.example.com. 7 7200 3600 1209600 300
example.com.              NS   ns.example.com.
example.com.         3600 MX   10 mx1.example.com.
example.com.         3600 MX   20 MX2.Example.COM.
example.com.              TXT  "v=spf1 mx " "-all"
mx1.example.com.      120 A    192.0.2.25
mx1.example.com.      120 A    192.0.2.26
mx1.example.com.          AAAA 2001:db8:0::25
_25._tcp.mx1.example.com. TLSA 3 1 1 {"00" * 31}ff
deep.below.example.com.   A    192.0.2.1
25.2.0.192.example.com.   PTR  mx1.example.com.
www.example.com.       60 CNAME alias.example.com.
alias.example.com.   9000 CNAME mx1.example.com.
dangling.example.com.     CNAME nothing.example.com.
away.example.com.         CNAME www.elsewhere.test.
loop.example.com.         CNAME pool.example.com.
pool.example.com.         CNAME loop.example.com.
nullmx.example.com.       MX   0 .
broken.example.com.       FAIL
half.example.com.         A    192.0.2.9
half.example.com.         FAIL AAAA
octets.example.com.       TXT  "\000\255\"\\"
""" + "\n".join(f'long.example.com. TXT "{number:03d}{"x" * 597}"' for number in range(40))


def build(zone: Zone, port: int) -> dict[str, Callable[[], Resolver]]:
    def direct() -> Resolver:
        return ZoneResolver(zone, CLOCK)

    def wire() -> Resolver:
        return StubResolver([f"127.0.0.1:{port}"], CLOCK, SeededChance())

    return {
        "zone": direct,
        "wire": wire,
        "cached zone": lambda: CachingResolver(direct(), CLOCK),
        "cached wire": lambda: CachingResolver(wire(), CLOCK),
    }


@pytest.fixture(params=["zone", "wire", "cached zone", "cached wire"])
async def resolver(request: pytest.FixtureRequest) -> AsyncIterator[Resolver]:
    zone = Zone(ZONE, authentic=True)
    server = DnsServer(zone)
    port = await server.start()
    yield build(zone, port)[request.param]()
    await server.close()


async def twice(resolver: Resolver, name: str, rdtype: Rdtype) -> Answer:
    """The second answer must be like the first, also where it comes from memory."""
    first = await resolver.lookup(name, rdtype)
    assert await resolver.lookup(name, rdtype) == first
    return first


@pytest.mark.parametrize(
    ("name", "rdtype", "records"),
    [
        (
            "example.com",
            "MX",
            (
                Mx(10, "mx1.example.com"),
                Mx(20, "mx2.example.com"),
            ),
        ),
        ("nullmx.example.com", "MX", (Mx(0, "."),)),
        (
            "mx1.example.com",
            "A",
            (
                "192.0.2.25",
                "192.0.2.26",
            ),
        ),
        ("mx1.example.com", "AAAA", ("2001:db8::25",)),
        ("example.com", "TXT", (b"v=spf1 mx -all",)),
        ("octets.example.com", "TXT", (b'\x00\xff"\\',)),
        ("25.2.0.192.example.com", "PTR", ("mx1.example.com",)),
        ("alias.example.com", "CNAME", ("mx1.example.com",)),
        ("example.com", "NS", ("ns.example.com",)),
        ("example.com", "SOA", (Soa("ns.example.com", "root.example.com", 7, 7200, 3600, 1209600, 300),)),
        ("_25._tcp.mx1.example.com", "TLSA", (Tlsa(3, 1, 1, bytes(31) + b"\xff"),)),
        ("half.example.com", "A", ("192.0.2.9",)),
    ],
)
async def test_records(resolver: Resolver, name: str, rdtype: Rdtype, records: tuple[object, ...]) -> None:
    answer = await twice(resolver, name, rdtype)
    assert answer.status is Status.OK
    assert (answer.name, answer.rdtype) == (name, rdtype)
    assert answer.records == records


async def test_names_are_folded(resolver: Resolver) -> None:
    answer = await twice(resolver, "MX1.Example.Com.", "AAAA")
    assert answer.name == "mx1.example.com"
    assert answer.records == ("2001:db8::25",)


async def test_a_lifetime_is_that_of_the_records(resolver: Resolver) -> None:
    answer = await twice(resolver, "example.com", "MX")
    assert answer.expires == CLOCK.now() + HOUR


async def test_cnames_are_followed_and_the_shortest_lifetime_counts(resolver: Resolver) -> None:
    answer = await twice(resolver, "www.example.com", "A")
    assert answer.status is Status.OK
    assert answer.name == "www.example.com"
    assert set(answer.records) == {"192.0.2.25", "192.0.2.26"}
    assert answer.expires == CLOCK.now() + 60 * SECOND


async def test_a_name_without_the_type(resolver: Resolver) -> None:
    answer = await twice(resolver, "mx1.example.com", "MX")
    assert answer.status is Status.NO_DATA
    assert answer.records == ()
    assert answer.expires == CLOCK.now() + 300 * SECOND  # the SOA's minimum, not its lifetime


async def test_an_alias_without_the_type(resolver: Resolver) -> None:
    assert (await twice(resolver, "www.example.com", "TXT")).status is Status.NO_DATA


async def test_a_name_exists_if_one_below_it_does(resolver: Resolver) -> None:
    assert (await twice(resolver, "below.example.com", "A")).status is Status.NO_DATA


@pytest.mark.parametrize("name", ["nothing.example.com", "dangling.example.com", "x.nothing.example.com"])
async def test_no_such_domain(resolver: Resolver, name: str) -> None:
    answer = await twice(resolver, name, "A")
    assert answer.status is Status.NO_SUCH_DOMAIN
    assert answer.records == ()
    assert answer.expires == CLOCK.now() + 300 * SECOND


@pytest.mark.parametrize(
    "name",
    ["", "..", "a..example.com", ".example.com", "x" * 64 + ".com", "a." * 127 + "com", "a b.com", "a\0.com"],
)
async def test_what_cannot_be_a_name_does_not_exist(resolver: Resolver, name: str) -> None:
    answer = await twice(resolver, name, "MX")
    assert answer.status is Status.NO_SUCH_DOMAIN
    assert answer.expires > CLOCK.now()


@pytest.mark.parametrize(
    ("name", "rdtype"),
    [
        ("broken.example.com", "A"),
        ("half.example.com", "AAAA"),
        ("loop.example.com", "A"),
        ("away.example.com", "A"),
        ("www.elsewhere.test", "A"),
    ],
)
async def test_uncertainty_is_a_failure(resolver: Resolver, name: str, rdtype: Rdtype) -> None:
    for _ in range(2):
        with pytest.raises(DnsFailure) as caught:
            await resolver.lookup(name, rdtype)
        assert caught.value.name
        assert caught.value.rdtype == rdtype
        assert caught.value.reason


async def test_answers_too_large_for_a_datagram(resolver: Resolver) -> None:
    answer = await twice(resolver, "long.example.com", "TXT")
    assert [text[:3] for text in answer.of(bytes)] == [f"{number:03d}".encode() for number in range(40)]
    assert {len(text) for text in answer.of(bytes)} == {600}


async def test_authentic_answers(resolver: Resolver) -> None:
    assert (await twice(resolver, "example.com", "MX")).authentic
    assert (await twice(resolver, "mx1.example.com", "MX")).authentic


async def test_the_name_at_the_end_of_the_aliases(resolver: Resolver) -> None:
    assert (await resolver.lookup("www.example.com", "A")).canonical == "mx1.example.com"
    assert (await resolver.lookup("mx1.example.com", "A")).canonical == ""
