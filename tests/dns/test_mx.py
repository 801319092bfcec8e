from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

import pytest

from correo.clock.virtual import SeededChance, VirtualClock
from correo.dns import Answer, DnsFailure, Rdtype
from correo.dns.mx import (
    MAX_ADDRESSES,
    MAX_HOSTS,
    Host,
    Hosts,
    LoopsBack,
    MailHosts,
    NoMailHosts,
    NoSuchDomain,
    NullMx,
    mail_hosts,
)
from correo.dns.zone import Zone, ZoneResolver

ZONE = """
example.com.       MX    20 backup.example.com.
example.com.       MX    10 mx.example.com.
mx.example.com.    A     192.0.2.10
backup.example.com. A    192.0.2.20
backup.example.com. AAAA 2001:db8::20
"""


async def find(
    text: str,
    domain: str = "example.com",
    *,
    ipv6: bool = True,
    own_names: Collection[str] = (),
    seed: int = 0,
) -> MailHosts:
    resolver = ZoneResolver(Zone(text), VirtualClock())
    return await mail_hosts(resolver, domain, SeededChance(seed), ipv6=ipv6, own_names=own_names)


async def names_found(text: str, seed: int = 0, own_names: Collection[str] = ()) -> list[str]:
    found = await find(text, seed=seed, own_names=own_names)
    assert isinstance(found, Hosts)
    return [host.name for host in found.hosts]


async def test_in_order_of_preference() -> None:
    assert await find(ZONE) == Hosts(
        (
            Host("mx.example.com", 10, ("192.0.2.10",)),
            Host("backup.example.com", 20, ("2001:db8::20", "192.0.2.20")),
        )
    )


async def test_without_ipv6() -> None:
    found = await find(ZONE, ipv6=False)
    assert isinstance(found, Hosts)
    assert found.hosts[1].addresses == ("192.0.2.20",)


async def test_the_spelling_of_the_domain_does_not_matter() -> None:
    assert await find(ZONE, "EXAMPLE.com.") == await find(ZONE)
    assert isinstance(await find("xn--bcher-kva.example A 192.0.2.1", "Bücher.example"), Hosts)


async def test_equals_are_tried_at_random() -> None:
    text = "\n".join(
        f"example.com. MX 10 mx{n}.example.com.\nmx{n}.example.com. A 192.0.2.{n}" for n in (1, 2, 3)
    )
    first: Counter[str] = Counter()
    orders: Counter[tuple[str, ...]] = Counter()
    for seed in range(600):
        order = await names_found(
            text + "\nexample.com. MX 5 best.example.com.\nbest.example.com. A 192.0.2.9", seed
        )
        assert order[0] == "best.example.com"
        first[order[1]] += 1
        orders[tuple(order[1:])] += 1
    assert len(orders) == 6
    assert all(150 < count < 250 for count in first.values())  # 200 expected, sigma 11.5
    assert all(60 < count < 140 for count in orders.values())  # 100 expected, sigma 9.1


async def test_a_host_named_twice_counts_once_where_it_is_best() -> None:
    text = ZONE + "example.com. MX 5 backup.example.com."
    assert await names_found(text) == ["backup.example.com", "mx.example.com"]


async def test_without_mx_the_domain_is_its_own_host() -> None:
    assert await find("example.com. A 192.0.2.1") == Hosts((Host("example.com", 0, ("192.0.2.1",)),))


async def test_a_null_mx() -> None:
    assert await find("example.com. MX 0 .\nexample.com. A 192.0.2.1") == NullMx()


async def test_a_null_mx_beside_others_is_ignored() -> None:
    assert await names_found(ZONE + "example.com. MX 0 .") == ["mx.example.com", "backup.example.com"]


async def test_a_domain_that_is_an_alias() -> None:
    text = "example.com. CNAME example.net.\nexample.net. MX 10 mx.example.net.\nmx.example.net. A 192.0.2.1"
    assert await names_found(text) == ["mx.example.net"]


async def test_a_host_that_is_an_alias() -> None:
    text = "example.com. MX 10 mx.example.com.\nmx.example.com. CNAME real.example.com.\nreal.example.com. A 192.0.2.1"
    assert await find(text) == Hosts(
        (Host("mx.example.com", 10, ("192.0.2.1",), canonical="real.example.com"),)
    )


async def test_no_such_domain() -> None:
    assert await find(ZONE, "nothing.test") == NoSuchDomain()


async def test_neither_mx_nor_address() -> None:
    found = await find("example.com. TXT nothing")
    assert isinstance(found, NoMailHosts)
    assert "neither" in found.reason


async def test_mx_without_addresses_do_not_fall_back_to_the_domain() -> None:
    found = await find("example.com. MX 10 nowhere.example.com.\nexample.com. A 192.0.2.1")
    assert isinstance(found, NoMailHosts)
    assert not isinstance(found, LoopsBack)


@pytest.mark.parametrize(
    "exchange", ["localhost.", "192.0.2.1.", "a*b.example.com.", "mail.localhost.", "300.example.1."]
)
async def test_exchanges_that_are_no_hosts_are_never_used(exchange: str) -> None:
    bad = f"example.com. MX 5 {exchange}\n{exchange} A 127.0.0.1\n"
    assert isinstance(await find(bad), NoMailHosts)
    assert await names_found(bad + ZONE) == ["mx.example.com", "backup.example.com"]


@pytest.mark.parametrize(
    "address", ["A 0.0.0.0", "AAAA ::", "A 224.0.0.1", "AAAA ff02::1", "AAAA ::ffff:127.0.0.1"]
)
async def test_addresses_that_are_of_no_host_are_never_used(address: str) -> None:
    assert isinstance(await find(f"example.com. {address}"), NoMailHosts)


async def test_own_name_drops_itself_and_what_is_not_preferred() -> None:
    text = ZONE + "example.com. MX 20 us.example.com.\nus.example.com. A 192.0.2.30"
    assert await names_found(text, own_names=("US.example.com",)) == ["mx.example.com"]


async def test_own_name_that_is_the_best() -> None:
    assert isinstance(await find(ZONE, own_names=("mx.example.com",)), LoopsBack)
    assert isinstance(await find("example.com. A 192.0.2.1", own_names={"example.com"}), LoopsBack)
    assert isinstance(await find("", "[192.0.2.1]", own_names={"[192.0.2.1]"}), LoopsBack)


async def test_the_failure_of_the_mx_is_a_failure() -> None:
    with pytest.raises(DnsFailure):
        await find(ZONE + "example.com. FAIL MX")


async def test_the_failure_of_one_host_leaves_the_others() -> None:
    assert await names_found(ZONE + "mx.example.com. FAIL") == ["backup.example.com"]


async def test_the_failure_of_one_family_leaves_the_other() -> None:
    found = await find(ZONE + "backup.example.com. FAIL AAAA\nmx.example.com. FAIL AAAA")
    assert isinstance(found, Hosts)
    assert [host.addresses for host in found.hosts] == [("192.0.2.10",), ("192.0.2.20",)]


async def test_no_addresses_at_all_and_a_failure_is_a_failure() -> None:
    with pytest.raises(DnsFailure):
        await find(
            "example.com. MX 10 a.example.com.\nexample.com. MX 20 b.example.com.\nb.example.com. FAIL"
        )
    with pytest.raises(DnsFailure):
        await find("example.com. TXT x\nexample.com. FAIL AAAA")


async def test_limits() -> None:
    lines = [f"example.com. MX {n} mx{n}.example.com.\nmx{n}.example.com. A 192.0.2.{n}" for n in range(50)]
    assert await names_found("\n".join(lines)) == [f"mx{n}.example.com" for n in range(MAX_HOSTS)]
    many = "\n".join(f"example.com. A 192.0.2.{n}\nexample.com. AAAA 2001:db8::{n}" for n in range(1, 20))
    found = await find(many)
    assert isinstance(found, Hosts)
    assert found.hosts[0].addresses == (
        "2001:db8::1",
        "192.0.2.1",
        "2001:db8::2",
        "192.0.2.2",
        "2001:db8::3",
    )
    assert len(found.hosts[0].addresses) == MAX_ADDRESSES


@pytest.mark.parametrize(
    ("literal", "address"),
    [("[192.0.2.1]", "192.0.2.1"), ("[IPv6:2001:DB8::1]", "2001:db8::1"), ("[ipv6:::1]", "::1")],
)
async def test_address_literals(literal: str, address: str) -> None:
    assert await find("", literal) == Hosts((Host(literal.lower(), 0, (address,)),))


@pytest.mark.parametrize(
    "domain",
    ["[IPv6:zz]", "[IPv6:1::2::3]", "[192.0.2.01]", "[0.0.0.0]", "[tag:x]", "a..b", "", "a b", "[", "[]"],
)
async def test_malformed_domains_have_no_hosts(domain: str) -> None:
    assert isinstance(await find("", domain), NoMailHosts)


async def test_an_ipv6_literal_without_ipv6() -> None:
    assert isinstance(await find("", "[IPv6:2001:db8::1]", ipv6=False), NoMailHosts)


@pytest.mark.parametrize("signed", [True, False])
async def test_what_dnssec_says_is_handed_on(signed: bool) -> None:
    for text in (ZONE, "example.com. A 192.0.2.1"):
        resolver = ZoneResolver(Zone(text, authentic=signed), VirtualClock())
        found = await mail_hosts(resolver, "example.com", SeededChance())
        assert isinstance(found, Hosts)
        assert found.secure is signed
        assert {host.secure for host in found.hosts} == {signed}


async def test_hosts_may_be_secure_where_their_addresses_are_not() -> None:
    class Half(ZoneResolver):
        async def lookup(self, name: str, rdtype: Rdtype) -> Answer:
            answer = await super().lookup(name, rdtype)
            return replace(answer, authentic=rdtype == "MX")

    found = await mail_hosts(Half(Zone(ZONE), VirtualClock()), "example.com", SeededChance())
    assert isinstance(found, Hosts)
    assert found.secure
    assert not any(host.secure for host in found.hosts)
