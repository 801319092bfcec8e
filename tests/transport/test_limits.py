"""What servers announce by LIMITS is obeyed (RFC 9422)."""

from __future__ import annotations

import pytest
from tests.transport.test_remote import ONE, Server, World, virtually

from correo.mail.address import Address
from correo.mail.outcome import Deferred, Delivered, Failed
from correo.transport.remote import MAX_RENEWALS
from correo.wire.smtp.dialog import Extensions
from correo.wire.smtp.reply import Reply

PEOPLE = [Address.parse(f"p{number}@there.example") for number in range(5)]


def announcing(limits: str, **more: object) -> Server:
    return Server(extensions=("PIPELINING", f"LIMITS {limits}"), **more)  # type: ignore[arg-type]


def said(server: Server, verb: str) -> int:
    return sum(line.startswith(verb) for line in server.log)


@virtually
async def test_recipients_are_spread_over_transactions() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1", announcing("RCPTMAX=2"))
    outcomes = await world.deliver(*PEOPLE)
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert (server.connections, len(server.messages), said(server, "RCPT")) == (1, 3, 5)


@virtually
async def test_a_connection_is_used_for_as_many_messages_as_it_is_good_for() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1", announcing("MAILMAX=1 RCPTMAX=2"))
    outcomes = await world.deliver(*PEOPLE)
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert (server.connections, len(server.messages)) == (3, 3)
    await world.deliver(PEOPLE[0])
    assert server.connections == 4  # none was kept


@virtually
async def test_domains_of_a_connection() -> None:
    world = World("", smarthost=None)
    world = World(ONE)
    server = world.server("10.0.0.1", announcing("RCPTDOMAINMAX=1"))
    mixed = [Address.parse(f"u@{name}.example") for name in ("there", "there", "a", "a", "b")]
    mixed[0] = PEOPLE[0]
    outcomes = await world.deliver(*mixed)
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert (server.connections, len(server.messages)) == (3, 3)


@virtually
async def test_who_was_refused_is_not_asked_again() -> None:
    world = World(ONE)
    answers: dict[str, str | list[str]] = {
        f"RCPT TO:<{PEOPLE[0]}>": "550 5.1.1 no",
        f"RCPT TO:<{PEOPLE[1]}>": "450 4.2.1 later",
    }
    server = world.server("10.0.0.1", announcing("MAILMAX=1 RCPTMAX=2", answers=answers))
    outcomes = await world.deliver(*PEOPLE)
    assert [type(outcome) for outcome in outcomes] == [Failed, Deferred, Delivered, Delivered, Delivered]
    assert said(server, "RCPT") == 5


@virtually
async def test_a_server_that_is_good_for_next_to_nothing_gets_the_rest_later() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1", announcing("MAILMAX=1 RCPTMAX=1"))
    people = [Address.parse(f"p{number}@there.example") for number in range(MAX_RENEWALS + 2)]
    outcomes = await world.deliver(*people)
    assert [type(outcome) for outcome in outcomes] == [Delivered] * MAX_RENEWALS + [Deferred] * 2
    assert len(server.messages) == MAX_RENEWALS


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("RCPTMAX=20 MAILMAX=5", 20),
        ("mailmax=5 rcptmax=20", 20),
        ("FUTURE=whatever RCPTMAX=20", 20),
        ("RCPTMAX=0", 0),
        ("RCPTMAX=1000000", 0),
        ("RCPTMAX=-1", 0),
        ("RCPTMAX=", 0),
        ("RCPTMAX", 0),
        ("", 0),
    ],
)
def test_limits_as_they_are_read(words: str, expected: int) -> None:
    assert Extensions.of(Reply(250, ("mx.there.example", f"LIMITS {words}"))).limit("RCPTMAX") == expected
