from __future__ import annotations

import pytest

from correo.clock.virtual import VirtualClock
from correo.dns import DnsFailure, Mx, Soa, Status, Tlsa
from correo.dns.zone import DEFAULT_TTL, BadZone, Found, Trouble, Zone, ZoneResolver
from correo.mail.instant import SECOND


def found(zone: Zone, name: str, rdtype: str) -> Found:
    result = zone.find(name, rdtype)
    assert isinstance(result, Found)
    return result


@pytest.mark.parametrize(
    ("line", "rdtype", "record"),
    [
        ("a. A 192.0.2.1", "A", "192.0.2.1"),
        ("A 60 aaaa 2001:DB8:0:0::1", "AAAA", "2001:db8::1"),
        ("a\tMX\t10\tMX.example.", "MX", Mx(10, "mx.example")),
        ("a MX 0 .", "MX", Mx(0, ".")),
        ('a TXT "one; " two "three" ; comment', "TXT", b"one; twothree"),
        ('a TXT ""', "TXT", b""),
        (r'a TXT "\"\\\065\255"', "TXT", b'"\\A\xff'),
        ("a TXT é", "TXT", "é".encode()),
        ("a CNAME b.", "CNAME", "b"),
        ("a SOA ns. root. 1 2 3 4 5", "SOA", Soa("ns", "root", 1, 2, 3, 4, 5)),
        ("a TLSA 3 1 0 0A 0b", "TLSA", Tlsa(3, 1, 0, b"\x0a\x0b")),
    ],
)
def test_lines(line: str, rdtype: str, record: object) -> None:
    assert [line.record for line in found(Zone(line), "a", rdtype).lines] == [record]


def test_lifetimes() -> None:
    zone = Zone("a 60 A 192.0.2.1\na A 192.0.2.2")
    assert [line.ttl for line in found(zone, "a", "A").lines] == [60, DEFAULT_TTL]


@pytest.mark.parametrize(
    "line",
    [
        "a",
        "a 60",
        "a A",
        "a A 192.0.2.256",
        "a AAAA 192.0.2.1",
        "a MX 10",
        "a MX ten mx.",
        "a MX 65536 mx.",
        "a MX -1 mx.",
        "a MX 10 a..b",
        "a..b A 192.0.2.1",
        "a SRV 0 0 0 b.",
        'a TXT "open',
        r'a TXT "\256"',
        f"a TXT {'x' * 60_001}",
        "a SOA ns. root. 1 2 3 4",
        "a SOA ns. root. 1 2 3 4 4294967296",
        "a 2147483648 A 192.0.2.1",
        "a TLSA 3 1 1 00",
        "a TLSA 3 1 0 zz",
        "a FAIL SRV",
    ],
)
def test_malformed_lines_say_where(line: str) -> None:
    with pytest.raises(BadZone, match=r"^line 3: "):
        Zone(f"; comment\n\n{line}")


def test_records_can_be_added_and_removed() -> None:
    zone = Zone("a A 192.0.2.1\na A 192.0.2.1\na TXT x\na.b A 192.0.2.1")
    assert len(found(zone, "a", "A").lines) == 1
    zone.remove("A.", "A")
    assert found(zone, "a", "A").status is Status.NO_DATA
    zone.remove("a")
    assert found(zone, "a", "A").status is Status.NO_SUCH_DOMAIN
    assert found(zone, "b", "A").status is Status.NO_DATA
    zone.add("a 5 A 192.0.2.9")
    assert found(zone, "a", "A").status is Status.OK
    zone.remove("nobody")
    with pytest.raises(BadZone):
        zone.remove("a..b")


def test_names_can_fail_and_heal() -> None:
    zone = Zone("a A 192.0.2.1\nb CNAME a\nc FAIL")
    zone.fail("a", "A")
    assert zone.find("a", "A") is Trouble.FAILING
    assert zone.find("b", "A") is Trouble.FAILING
    assert zone.find("c", "A") is Trouble.FAILING
    assert found(zone, "a", "TXT").status is Status.NO_DATA
    zone.heal("a")
    assert found(zone, "b", "A").status is Status.OK
    assert zone.find("c", "A") is Trouble.FAILING


def test_a_zone_with_an_soa_refuses_what_is_not_under_it() -> None:
    zone = Zone("example. 9 SOA . . 1 2 3 4 5\nsub.example. SOA . . 1 2 3 4 7\nx.test A 192.0.2.1")
    assert zone.find("x.test", "A") is Trouble.OUTSIDE
    assert zone.find("badexample", "A") is Trouble.OUTSIDE
    assert zone.find(".", "A") is Trouble.OUTSIDE
    assert found(zone, "a.example", "A").ttl == 5
    assert found(zone, "a.b.sub.example", "A").ttl == 7
    zone.remove("sub.example", "SOA")
    assert found(zone, "a.sub.example", "A").ttl == 5
    zone.remove("example")
    assert found(zone, "x.test", "A").status is Status.OK


def test_an_alias_that_leads_outside_is_all_that_is_known() -> None:
    zone = Zone("example. SOA . . 1 2 3 4 5\na.example CNAME elsewhere.test")
    result = found(zone, "a.example", "A")
    assert (result.status, result.tail, len(result.lines)) == (Status.OK, "elsewhere.test", 1)


def test_aliases_in_a_circle_fail() -> None:
    assert Zone("a CNAME b\nb CNAME a").find("a", "A") is Trouble.FAILING
    assert Zone("a CNAME a").find("a", "A") is Trouble.FAILING


async def test_changes_are_seen_at_once() -> None:
    zone, clock = Zone(), VirtualClock()
    resolver = ZoneResolver(zone, clock)
    assert (await resolver.lookup("a", "A")).status is Status.NO_SUCH_DOMAIN
    zone.add("a 7 A 192.0.2.1")
    answer = await resolver.lookup("a", "A")
    assert answer.records == ("192.0.2.1",)
    assert answer.expires == clock.now() + 7 * SECOND
    assert not answer.authentic
    zone.fail("a")
    with pytest.raises(DnsFailure, match="A a: "):
        await resolver.lookup("a", "A")
