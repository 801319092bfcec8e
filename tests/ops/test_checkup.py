"""What `correo check` finds in the DNS and on the ports."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import pytest

from correo.clock.virtual import VirtualClock
from correo.dns.zone import Zone, ZoneResolver
from correo.net.stream import SocketDialer
from correo.ops.checkup import Finding, Level, by_importance, ok, problem, warning
from correo.ops.checkup.data import check_data
from correo.ops.checkup.names import MAX_DOMAINS, check_names
from correo.ops.checkup.ports import check_listener, is_loopback

GOOD = """
mail.example.com.  A    203.0.113.5
example.com.       MX   10 mail.example.com.
example.com.       TXT  "v=spf1 mx -all"
"""
# 203.0.113.0/24 is for documents and counts as private, so reverse names are tried with an address that is neither.
PUBLIC = GOOD.replace("203.0.113.5", "9.9.9.9")


async def found(zone: str, *domains: str) -> dict[Level, list[str]]:
    resolver = ZoneResolver(Zone(zone), VirtualClock())
    findings = await check_names("mail.example.com", domains or ("example.com",), resolver)
    sorted_: dict[Level, list[str]] = {level: [] for level in Level}
    for one in by_importance(findings):
        sorted_[one.level].append(f"{one.about}: {one.words}")
    return sorted_


async def test_all_is_well() -> None:
    levels = await found(PUBLIC + "9.9.9.9.in-addr.arpa. PTR mail.example.com.\n")
    assert levels[Level.PROBLEM] == levels[Level.WARNING] == []
    assert len(levels[Level.OK]) == 4


@pytest.mark.parametrize(
    ("zone", "level", "words"),
    [
        (PUBLIC, Level.WARNING, "leads back to no name"),
        (
            PUBLIC + "9.9.9.9.in-addr.arpa. PTR pool-9.example.net.\n",
            Level.WARNING,
            "leads to pool-9.example.net",
        ),
        (GOOD, Level.WARNING, "private address"),
        (GOOD.replace("mail.example.com.  A", "other.example.com.  A"), Level.PROBLEM, "has no address"),
        (GOOD.replace("10 mail", "10 mx"), Level.PROBLEM, "goes to mx.example.com and not here"),
        (GOOD.replace("v=spf1", "v=spam"), Level.WARNING, "has no SPF record"),
        ("mail.example.com. A 203.0.113.5\nexample.com. A 203.0.113.5\n", Level.PROBLEM, "has no MX"),
        ("mail.example.com. A 203.0.113.5\n", Level.PROBLEM, "has no MX"),
        ("mail.example.com. FAIL\nexample.com. FAIL\n", Level.WARNING, "could not be looked up"),
    ],
)
async def test_each_fault_is_named(zone: str, level: Level, words: str) -> None:
    assert any(words in one for one in (await found(zone))[level])


async def test_a_domain_that_does_not_exist_is_told_of_once() -> None:
    levels = await found(PUBLIC, "example.net")
    about = [one for one in levels[Level.PROBLEM] + levels[Level.WARNING] if "dns example.net" in one]
    assert len(about) == 1
    assert "register it" in about[0]


async def test_a_provider_with_many_domains_waits_for_a_bounded_number() -> None:
    levels = await found(PUBLIC, *(f"d{number}.example" for number in range(MAX_DOMAINS + 30)))
    assert len(levels[Level.PROBLEM]) == MAX_DOMAINS
    assert any(f"first {MAX_DOMAINS}" in one for one in levels[Level.WARNING])


def test_the_most_important_comes_first() -> None:
    mixed = [ok("a", ""), problem("b", ""), warning("c", ""), problem("d", "")]
    assert [one.about for one in by_importance(mixed)] == ["b", "d", "c", "a"]


async def listener(address: str, tls: str = "starttls") -> Finding:
    return await check_listener("smtp", address, tls, "mail.example.com", SocketDialer())


async def test_a_free_port_and_an_address_of_another_machine(tmp_path: Path) -> None:
    assert (await listener("127.0.0.1:0")).level is Level.OK
    assert "ip address" in (await listener("192.0.2.1:2525")).words
    assert (await listener(f"unix:{tmp_path}/lmtp")).level is Level.OK
    assert (await listener(f"unix:{tmp_path}/no/lmtp")).level is Level.PROBLEM


async def test_our_own_server_is_recognised() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP Correo\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert (await listener(f"127.0.0.1:{port}")).level is Level.OK
    assert (await listener(f"127.0.0.1:{port}", "implicit")).level is Level.PROBLEM  # that is no TLS
    server.close()


class Slow(asyncio.Protocol):
    """A server of ours that lets others wait."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        asyncio.get_running_loop().call_later(0.3, transport.write, b"220 mail.example.com ESMTP\r\n")


async def test_a_server_of_ours_that_lets_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("correo.ops.checkup.ports.PATIENCE", 0.1)
    server = await asyncio.get_running_loop().create_server(Slow, "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    dialer = SocketDialer()
    finding = await check_listener("smtp", address, "none", "mail.example.com", dialer)
    assert finding.level is Level.PROBLEM
    finding = await check_listener("smtp", address, "none", "mail.example.com", dialer, wait=5.0)
    assert finding.level is Level.OK
    server.close()


async def test_a_stranger_that_hangs_up_is_a_stranger() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken.listen(0)
        closer = threading.Thread(target=lambda: taken.accept()[0].close())
        closer.start()
        finding = await listener(f"127.0.0.1:{port}")
        closer.join()
    assert (finding.level, "it does not answer" in finding.words) == (Level.PROBLEM, True)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.2:25", True),
        ("[::1]:25", True),
        ("unix:/run/lmtp", True),
        ("localhost:25", True),
        ("0.0.0.0:25", False),
        ("[::]:25", False),
        ("mail.example.com:25", False),
    ],
)
def test_loopback(address: str, loopback: bool) -> None:
    assert is_loopback(address) == loopback


def test_data_that_is_not_there_yet(tmp_path: Path) -> None:
    missing = check_data(tmp_path / "none", tmp_path / "none" / "correo.db")
    assert [one.level for one in missing.findings] == [Level.WARNING]
    (tmp_path / "data").mkdir(mode=0o700)
    empty = check_data(tmp_path / "data", tmp_path / "data" / "correo.db")
    assert "correo domain add" in empty.findings[-1].words
    assert list((tmp_path / "data").iterdir()) == []
