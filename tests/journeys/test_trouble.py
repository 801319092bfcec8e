"""The DNS fails, hosts are dead, the operator steps in, the server stops in the middle: nothing is lost and nothing doubled."""

from __future__ import annotations

from tests.journeys.far import HUSH, Far
from tests.journeys.server import Server
from tests.journeys.town import Town, live

from correo.queue import Selection

ALICE, BOB, EVA = "alice@here.example", "bob@there.example", "eva@there.example"


async def house(town: Town) -> Server:
    return await town.server("mail.here.example", "here.example", "alice")


@live
async def test_the_dns_is_down_for_a_day(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example")
    town.zone.fail("there.example")
    said = await here.send(ALICE, [BOB])
    await town.wait("1d")
    assert there.connections == 0
    town.zone.heal("there.example")
    await town.wait("4h30m")
    assert len(there.taken) == 1
    (journey,) = await here.trace(said.id)
    deferred = [entry.detail for entry in journey.entries if entry.event.value == "deferred"]
    assert all(detail.startswith("451 4.4.3") for detail in deferred)
    assert len(await here.inbox(ALICE)) == 1  # the warning, and no bounce


@live
async def test_hosts_are_tried_in_the_order_of_their_preference(town: Town) -> None:
    here = await house(town)
    last = town.far("there.example", hostname="mx3.there.example", preference=30)
    second = town.far("there.example", hostname="mx2.there.example", preference=20)
    dead = town.address()
    town.publish("there.example", "mx1.there.example", dead, preference=10)
    await here.send(ALICE, [BOB])
    await town.wait("1m")
    assert (len(second.taken), last.connections) == (1, 0)


@live
async def test_a_host_that_never_answers_costs_half_a_minute(town: Town) -> None:
    here = await house(town)
    silent = town.address()
    town.network.silent.add(silent)
    town.publish("there.example", "mx1.there.example", silent)
    second = town.far("there.example", hostname="mx2.there.example", preference=20)
    await here.send(ALICE, [BOB])
    await town.wait("29s")
    assert second.taken == []
    await town.wait("2s")
    assert len(second.taken) == 1


@live
async def test_held_mail_waits_for_the_operator(town: Town) -> None:
    here = await house(town)
    town.zone.fail("there.example")
    there = town.far("there.example")
    said = await here.send(ALICE, [BOB, EVA])
    assert await here.hold(Selection(address=BOB)) == 1
    town.zone.heal("there.example")
    await town.wait("1d")
    assert [taken.recipients for taken in there.taken] == [(EVA,)]
    assert await here.release(Selection(destination="there.example")) == 1
    await town.wait("1s")
    assert [taken.recipients for taken in there.taken] == [(EVA,), (BOB,)]
    bob = [event.split()[0] for event in await here.events(said.id) if event.endswith(BOB)]
    assert bob == ["accepted", "deferred", "held", "released", "relayed"]


def mute() -> Far:
    return Far(lambda line: HUSH)


@live
async def test_what_the_operator_returns_goes_back_and_what_he_retries_is_tried(town: Town) -> None:
    here = await house(town)
    town.zone.fail("there.example")
    there = town.far("there.example")
    said = await here.send(ALICE, [BOB, EVA])
    assert await here.withdraw(Selection(address=BOB)) == 1
    (notice,) = await here.inbox(ALICE)
    assert b"Final-Recipient: rfc822; bob@there.example" in notice
    assert b"eva@" not in notice.partition(b"text/rfc822-headers")[0]
    town.zone.heal("there.example")
    assert await here.retry(Selection(address=EVA)) == 1
    await town.wait("1s")
    assert [taken.recipients for taken in there.taken] == [(EVA,)]
    assert f"bounced {BOB}" in await here.events(said.id)


@live
async def test_stopped_in_the_middle_and_started_again(town: Town) -> None:
    here = await house(town)
    there, silent = town.far("there.example"), town.far("slow.example", mute())
    said = await here.send(ALICE, ["max@slow.example", BOB])
    assert silent.connections == 1
    await here.stop()
    await here.start(working=False)
    assert await here.queued() == [("max@slow.example", "waiting", 0)]
    here.work()
    await town.wait("1m")
    assert silent.connections == 2
    await here.stop()
    voice = Far()
    town.network.listen(town.hosts["mx.slow.example"], 25, voice.serve)
    await here.start()
    await town.wait("1s")
    assert [taken.recipients for taken in there.taken] == [(BOB,)]
    assert [taken.recipients for taken in voice.taken] == [("max@slow.example",)]
    assert "deferred max@slow.example" not in await here.events(said.id)


@live
async def test_a_worker_that_vanished_leaves_its_work_to_others_when_its_lease_ends(town: Town) -> None:
    here = await house(town)
    there = town.far("there.example", mute())
    await here.send(ALICE, [BOB])
    await here.vanish()
    voice = Far()
    town.network.listen(town.hosts["mx.there.example"], 25, voice.serve)
    await here.start()
    assert await here.queued() == [(BOB, "active", 0)]
    await town.wait("4m")
    assert voice.taken == []
    await town.wait("2m")
    assert (there.connections, len(voice.taken)) == (1, 1)


@live
async def test_clients_are_told_when_the_server_stops(town: Town) -> None:
    here = await house(town)
    smtp, imap, pop3 = await here.smtp(), await here.imap(ALICE), await here.pop3(ALICE)
    await smtp.ask(f"MAIL FROM:<{BOB}>")
    await here.stop()
    assert (await smtp.reply()).code == 421
    assert (await imap.line()).startswith("* BYE")
    assert (await pop3.line()).startswith("-ERR [SYS/TEMP]")
    await here.start()


@live
async def test_mail_goes_on_while_one_destination_is_stuck(town: Town) -> None:
    here = await house(town)
    town.far("stuck.example", mute())
    there = town.far("there.example")
    for number in range(60):
        await here.send(ALICE, [f"user{number}@stuck.example"])
    await here.send(ALICE, [BOB])
    assert len(there.taken) == 1
