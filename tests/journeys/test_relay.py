"""Mail that goes to other servers: at once, later, in parts."""

from __future__ import annotations

from collections import Counter

from tests.journeys.far import HANG_UP, Far
from tests.journeys.server import Server
from tests.journeys.town import Town, live

from correo.receive.options import Limits

ALICE, BOB, EVA = "alice@here.example", "bob@there.example", "eva@there.example"


async def house(town: Town) -> Server:
    return await town.server("mail.here.example", "here.example", "alice")


@live
async def test_submitted_here_read_there(town: Town) -> None:
    here = await house(town)
    there = await town.server("mx.there.example", "there.example", "bob")
    text = town.letter(ALICE, [BOB])
    said = await here.send(ALICE, [BOB], text)
    (stored,) = await there.inbox(BOB)
    assert stored.endswith(text)
    assert stored.count(b"\r\nReceived: ") == 2
    assert stored.count(b"Return-Path: ") == 1
    assert await here.events(said.id) == [f"accepted {BOB}", f"relayed {BOB}"]
    (journey,) = await here.trace(said.id)
    assert journey.entries[-1].host.startswith("mx.there.example [")
    assert journey.entries[-1].detail.startswith("250 2.0.0 Ok: queued as ")
    assert journey.entries[-1].detail.endswith("TLSv1.3 TLS_IN_MEMORY")


@live
async def test_an_alias_to_one_here_and_one_elsewhere(town: Town) -> None:
    here = await house(town)
    there = await town.server("mx.there.example", "there.example", "bob")
    await here.alias("team@here.example", ALICE, BOB)
    said = await here.receive("someone@elsewhere.example", ["team@here.example"])
    assert len(await here.inbox(ALICE)) == len(await there.inbox(BOB)) == 1
    assert await here.events(said.id) == [
        "accepted team@here.example",
        "expanded team@here.example",
        f"delivered {ALICE}",
        f"relayed {BOB}",
    ]


@live
async def test_a_server_that_is_down_for_three_hours_gets_it_then(town: Town) -> None:
    here = await house(town)
    there = await town.server("mx.there.example", "there.example", "bob")
    await there.stop()
    said = await here.send(ALICE, [BOB])
    await town.wait("3h")
    assert (await here.balance()).queued_in_queue == 1
    await there.start()
    await town.wait("2h20m")  # the longest pause by then, and its jitter
    assert len(await there.inbox(BOB)) == 1
    events = await here.events(said.id)
    # 0, 5m, 15m, 35m, 1h15m, 2h15m, 4h15m: six or seven tries, the fifth and sixth apart by up to 10 %.
    assert events == [f"accepted {BOB}", *[f"deferred {BOB}"] * 6, f"relayed {BOB}"]
    # Four hours had gone by before the try that would have told Alice.
    assert await here.inbox(ALICE) == []


@live
async def test_greylisting_costs_five_minutes(town: Town) -> None:
    here = await house(town)
    tries: Counter[str] = Counter()

    def answer(line: str) -> str | None:
        tries[line] += line.startswith("RCPT")
        return "451 4.7.1 come back later" if tries[line] == 1 else None

    there = town.far("there.example", Far(answer))
    await here.send(ALICE, [BOB])
    assert there.taken == []
    await town.wait("5m31s")
    assert [taken.recipients for taken in there.taken] == [(BOB,)]


@live
async def test_each_recipient_has_an_answer_of_his_own(town: Town) -> None:
    here = await house(town)
    full = True

    def answer(line: str) -> str | None:
        return "452 4.2.2 mailbox full" if full and line.startswith(f"RCPT TO:<{EVA}") else None

    there = town.far("there.example", Far(answer))
    said = await here.send(ALICE, [BOB, EVA])
    assert [taken.recipients for taken in there.taken] == [(BOB,)]
    full = False
    await town.wait("10m")
    assert [taken.recipients for taken in there.taken] == [(BOB,), (EVA,)]
    assert sorted(await here.events(said.id)) == sorted(
        [f"accepted {BOB}", f"accepted {EVA}", f"relayed {BOB}", f"deferred {EVA}", f"relayed {EVA}"]
    )


@live
async def test_a_server_that_hangs_up_in_the_middle_of_the_message(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example", Far(drop_after=40))
    await here.send(ALICE, [BOB])
    await town.wait("12m")
    assert there.connections >= 2
    assert there.taken == []
    there.drop_after = None
    await town.wait("20m")
    assert len(there.taken) == 1


@live
async def test_a_server_that_hangs_up_instead_of_saying_whether_it_took_it_may_get_it_twice(
    town: Town,
) -> None:
    here = await house(town)
    rude = True

    def answer(line: str) -> str | None:
        return HANG_UP if rude and line == "." else None

    there = town.far("there.example", Far(answer))
    said = await here.send(ALICE, [BOB])
    assert (await here.balance()).queued_in_queue == 1
    rude = False
    await town.wait("6m")
    assert len(there.taken) == 1
    assert (await here.events(said.id))[-1] == f"relayed {BOB}"


@live
async def test_dots_and_long_messages_arrive_as_they_were(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example")
    body = b"".join(b"." * (number % 70) + b" line %d\r\n" % number for number in range(5000))
    text = town.letter(ALICE, [BOB]) + body
    await here.send(ALICE, [BOB], text)
    assert there.taken[0].text.endswith(text)


@live
async def test_two_hundred_recipients_in_twenty_domains(town: Town) -> None:
    here = await house(town)
    fars = {f"d{number}.example": town.far(f"d{number}.example") for number in range(20)}
    recipients = [f"user{number}@d{number % 20}.example" for number in range(200)]
    said = await here.send(ALICE, recipients)
    assert len(said.recipients) == 200
    await town.wait("1m")
    for domain, far in fars.items():
        assert far.connections == 1
        (taken,) = far.taken
        assert len(taken.recipients) == 10
        assert all(recipient.endswith(domain) for recipient in taken.recipients)
    balance = await here.balance()
    assert (balance.accepted, balance.relayed, balance.queued_in_queue) == (200, 200, 0)


@live
async def test_a_message_that_goes_in_circles_comes_back(town: Town) -> None:
    few = Limits(received=11)
    here = await town.server("mail.here.example", "here.example", "alice", limits=few)
    there = await town.server("mx.there.example", "there.example", "bob", limits=few)
    await here.alias("round@here.example", "round@there.example")
    await there.alias("round@there.example", "round@here.example")
    await here.send(ALICE, ["round@here.example"])
    await town.wait("1m")
    (bounce,) = await here.inbox(ALICE)
    assert b"5.4.6" in bounce
    # Each Received field was one hop: with eleven it was taken, with twelve no more.
    _, _, returned = bounce.partition(b"Content-Type: text/rfc822-headers")
    assert returned.count(b"\r\nReceived: ") == 12
    for server in (here, there):
        assert (await server.balance()).queued_in_queue == 0
