"""What is remembered of strangers, and for speed, is bounded: however many come, the oldest are forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sized
from typing import Any

import pytest

from correo.access.imap import answers, octets
from correo.accounts import failures, recent
from correo.clock.virtual import VirtualClock, run
from correo.dns import DnsFailure, Rdtype
from correo.dns.cache import CachingResolver
from correo.net import handshakes
from correo.receive import rates
from correo.transport import lanes

BOUND, MANY = 50, 400


def address(number: int) -> str:
    return f"198.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"


def failed_logins() -> list[Sized]:
    kept = failures.Failures()
    for number in range(MANY):
        client = failures.Client("imap", address(number * 256))
        kept.failed(client, f"somebody{number}", b"%d" % number, number)
        kept.succeeded(client, f"somebody{number}", number)
    return [kept._records, kept._names, kept._wrong, kept._homes]


def sent() -> list[Sized]:
    kept = rates.NetworkRates()
    for number in range(MANY):
        kept.count(address(number), 1, 1, number)
    return [kept]


def logins() -> list[Sized]:
    kept = recent.RecentLogins(b"key")
    for number in range(MANY):
        kept.add(b"%d" % number, number)
    return [kept._added]


def failed_handshakes() -> list[Sized]:
    kept = handshakes.FailedHandshakes(VirtualClock())
    for number in range(MANY):
        kept.note("imap", address(number), TimeoutError())
    return [kept._written]


def lanes_of_destinations() -> list[Sized]:
    async def many() -> list[Sized]:
        kept = lanes.Lanes(10)
        for number in range(MANY):
            kept.lane(f"far{number}.example", lanes.Limits(5))
        return [kept._lanes]

    found: list[Sized] = run(many())
    return found


@pytest.mark.parametrize("remember", [failed_logins, sent, logins, failed_handshakes, lanes_of_destinations])
def test_so_many_are_remembered_and_no_more(
    remember: Callable[[], list[Sized]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in (
        (failures, "MOST"),
        (rates, "MOST"),
        (recent, "MAX_ENTRIES"),
        (handshakes, "MOST"),
        (lanes, "MAX_LANES"),
    ):
        monkeypatch.setattr(module, name, BOUND)
    for kept in remember():
        assert BOUND - BOUND // 10 <= len(kept) <= BOUND


def test_answers_of_the_dns_take_so_much_memory() -> None:
    class Nobody:
        async def lookup(self, name: str, rdtype: Rdtype) -> Any:
            raise DnsFailure(name, rdtype, "nobody answers")

    async def ask() -> int:
        resolver = CachingResolver(Nobody(), VirtualClock(), capacity=20_000)
        for number in range(MANY):
            with pytest.raises(DnsFailure):
                await resolver.lookup(f"far{number}.example", "MX")
        assert resolver._octets <= 20_000
        return len(resolver._entries)

    assert 10 < asyncio.run(ask()) < MANY


def test_octets_and_answers_take_so_much_memory() -> None:
    messages, told = octets.Octets(most=1_000), answers.Answers(most=1_000, least=1)
    for number in range(MANY):
        messages.hold(number, bytes(90))
        name = answers.Name(number, b"", 0, 1, 2, 1, False)
        told.keep(name, answers.Answer(1, bytes(90), frozenset()))
    assert len(messages._held) == len(told._held) == 11
    messages.hold(MANY, bytes(1_001))
    assert messages.get(MANY) is None
