"""Each outcome, in queue, ledger and the sender's inbox."""

from __future__ import annotations

from dataclasses import replace

from tests.transport.house import HOST, LATER, NEVER, OK, House, in_a_house

from correo import mailbox, queue
from correo.mail.address import Address
from correo.mail.instant import DAY, HOUR, MINUTE, rfc5322_date
from correo.mail.outcome import Discarded, Held, Outcome
from correo.mail.status import Status
from correo.mail.terms import Terms
from correo.mail.way import Way
from correo.queue import QueuedRecipient, State
from correo.queue.schedule import Schedule
from correo.storage.db import Tx
from correo.transport.routes import Route, Routes
from correo.transport.settling import Policy, Settled, settle


async def settled(house: House, *attempts: tuple[QueuedRecipient, Outcome]) -> Settled:
    return await house.db.write(settle, attempts, house.policy, house.chance, house.clock.now())


@in_a_house
async def test_delivered(house: House) -> None:
    id = await house.put("bob@there.example")
    (bob,) = await house.claim()
    await settled(house, (bob, OK))
    assert await house.queued() == []
    assert await house.events(id) == [("bob@there.example", "accepted"), ("bob@there.example", "relayed")]
    assert (await house.balance()).difference == 0


@in_a_house
async def test_content_is_freed_with_the_last_recipient(house: House) -> None:
    await house.put("bob@there.example", "eva@there.example")
    bob, eva = await house.claim()
    await settled(house, (bob, OK))
    assert await house.db.read(_orphans) == 0
    await settled(house, (eva, NEVER))
    assert await house.db.read(_orphans) == 1
    freed = await house.db.write(mailbox.collect, house.clock.now() + DAY, 10)
    assert freed.freed == 1


@in_a_house
async def test_deferred(house: House) -> None:
    id = await house.put("bob@there.example")
    (bob,) = await house.claim()
    await settled(house, (bob, LATER))
    (waiting,) = await house.queued()
    assert (waiting.attempts, waiting.status, waiting.host) == (1, LATER.status, HOST)
    pause = waiting.next_try - house.clock.now()
    assert 4.5 * MINUTE <= pause <= 5.5 * MINUTE
    assert (await house.events(id))[-1] == ("bob@there.example", "deferred")
    assert await house.notices() == []


@in_a_house
async def test_a_route_ends_where_the_operator_wants(house: House) -> None:
    id = await house.put("bob@there.example", "eva@there.example")
    bob, eva = await house.claim()
    await settled(
        house,
        (bob, Held(Status(450, "4.7.0", "its route"))),
        (eva, Discarded(Status(250, "2.0.0", "its route"))),
    )
    (held,) = await house.queued()
    assert (held.folded, held.state, str(held.status)) == (
        "bob@there.example",
        State.HELD,
        "450 4.7.0 its route",
    )
    assert (await house.events(id))[-2:] == [
        ("bob@there.example", "held"),
        ("eva@there.example", "discarded"),
    ]
    assert await house.notices() == []
    assert (await house.balance()).difference == 0


@in_a_house
async def test_a_route_has_times_of_its_own(house: House) -> None:
    await house.put("bob@there.example", "eva@other.example")
    bob, eva = await house.claim()
    way = Way.parse("mx")
    routes = Routes([("there.example", Route(way, retry=(HOUR,), lifetime=2 * DAY))])
    policy = Policy("mail.here.example", house.schedule, routes)
    assert policy.gives_up(bob) - bob.message.created == 2 * DAY
    assert policy.gives_up(eva) - eva.message.created == 5 * DAY
    await house.db.write(settle, [(bob, LATER), (eva, LATER)], policy, house.chance, house.clock.now())
    pauses = {one.folded: one.next_try - house.clock.now() for one in await house.queued()}
    assert 0.9 * HOUR <= pauses["bob@there.example"] <= 1.1 * HOUR
    assert pauses["eva@other.example"] <= 5.5 * MINUTE
    house.clock.advance(2 * DAY)
    again = await house.claim()
    await house.db.write(settle, [(one, LATER) for one in again], policy, house.chance, house.clock.now())
    assert [one.folded for one in await house.queued()] == ["eva@other.example"]


@in_a_house
async def test_a_warning_says_how_long_its_route_tries(house: House) -> None:
    await house.put("bob@there.example")
    routes = Routes([("there.example", Route(Way.parse("mx"), lifetime=2 * DAY))])
    policy = Policy("mail.here.example", house.schedule, routes)
    until = rfc5322_date(house.clock.now() + 2 * DAY)
    house.clock.advance(4 * HOUR)
    (bob,) = await house.claim()
    await house.db.write(settle, [(bob, LATER)], policy, house.chance, house.clock.now())
    (notice,) = await house.notices()
    assert f"Will-Retry-Until: {until}\r\n".encode() in notice


@in_a_house
async def test_the_time_of_a_route_begins_when_the_sender_holds_it_no_more(house: House) -> None:
    await house.put("bob@there.example")
    (bob,) = await house.claim()
    routes = Routes([("there.example", Route(Way.parse("mx"), lifetime=2 * DAY))])
    policy = Policy("mail.here.example", house.schedule, routes)
    held = replace(bob, message=replace(bob.message, expires=bob.message.expires + 10 * DAY))
    assert policy.gives_up(held) - bob.message.created == 12 * DAY


@in_a_house
async def test_urgent_mail_has_times_of_its_own(house: House) -> None:
    await house.put("bob@there.example")
    (usual,) = await house.claim()
    urgent = replace(usual, message=replace(usual.message, terms=Terms(priority=4)))
    slow = replace(usual, message=replace(usual.message, terms=Terms(priority=-4)))
    schedule = Schedule(urgent_retry=(MINUTE,), urgent_lifetime=HOUR)
    policy = Policy("mail.here.example", schedule)
    assert policy.retry(urgent) == (MINUTE,)
    assert policy.retry(usual) == policy.retry(slow) == schedule.retry
    assert policy.gives_up(urgent) - usual.message.created == HOUR
    assert policy.gives_up(usual) == policy.gives_up(slow) == usual.message.expires
    assert Policy("mail.here.example", Schedule()).gives_up(urgent) == usual.message.expires
    routes = Routes([("there.example", Route(Way.parse("mx"), retry=(2 * HOUR,), lifetime=DAY))])
    routed = replace(policy, routes=routes)
    assert (routed.retry(urgent), routed.gives_up(urgent) - usual.message.created) == ((2 * HOUR,), DAY)


@in_a_house
async def test_failed_recipients_share_one_notice(house: House) -> None:
    id = await house.put("bob@there.example", "eva@there.example", "zoe@there.example")
    bob, eva, zoe = await house.claim()
    result = await settled(house, (bob, NEVER), (eva, OK), (zoe, NEVER))
    (notice,) = await house.notices()
    assert notice.startswith(b"Return-Path: <>\r\nFrom: Mail Delivery System")
    assert b"bob@there.example" in notice
    assert b"zoe@there.example" in notice
    assert b"eva@there.example" not in notice
    assert b"\r\nSubject: hello\r\n" in notice
    assert b"Return-Path: <ana" not in notice
    assert result.accepted[0].accounts == {house.account}
    assert [event for _, event in await house.events(id)][3:] == ["relayed", "bounced", "bounced"]
    balance = await house.balance()
    assert (balance.difference, balance.bounced, balance.relayed, balance.delivered) == (0, 2, 1, 1)


@in_a_house
async def test_a_notice_to_a_sender_elsewhere_is_queued_with_the_null_sender(house: House) -> None:
    await house.put("bob@there.example", sender=Address.parse("max@elsewhere.example"))
    (bob,) = await house.claim()
    result = await settled(house, (bob, NEVER))
    assert result.accepted[0].queued == 1
    (notice,) = await house.queued()
    assert (notice.address, notice.message.sender) == ("max@elsewhere.example", "")
    assert notice.message.expires == house.clock.now() + 5 * DAY


@in_a_house
async def test_a_failure_of_a_notice_is_discarded_by_name(house: House) -> None:
    id = await house.put("bob@there.example", sender=None)
    (bob,) = await house.claim()
    result = await settled(house, (bob, NEVER))
    assert result.accepted == []
    assert await house.queued() == []
    assert (await house.events(id))[-1] == ("bob@there.example", "discarded")
    assert (await house.balance()).difference == 0


@in_a_house
async def test_a_temporary_failure_at_the_end_of_its_time_is_final(house: House) -> None:
    id = await house.put("bob@there.example")
    house.clock.advance(5 * DAY)
    (bob,) = await house.claim()
    await settled(house, (bob, LATER))
    (notice,) = await house.notices()
    assert b"Status: 4.7.1\r\n" in notice
    assert b"Action: failed\r\n" in notice
    assert (await house.events(id))[-1] == ("bob@there.example", "bounced")


@in_a_house
async def test_the_sender_is_warned_once(house: House) -> None:
    id = await house.put("bob@there.example")
    for _ in range(2):
        house.clock.advance(4 * HOUR)
        (bob,) = await house.claim()
        await settled(house, (bob, LATER))
    (notice,) = await house.notices()
    assert b"Action: delayed\r\n" in notice
    (waiting,) = await house.queued()
    assert waiting.warned
    events = [event for _, event in await house.events(id)]
    assert events == ["accepted", "deferred", "warned", "deferred"]


@in_a_house
async def test_nobody_is_warned_about_a_notice(house: House) -> None:
    await house.put("bob@there.example", sender=None)
    house.clock.advance(4 * HOUR)
    (bob,) = await house.claim()
    assert (await settled(house, (bob, LATER))).accepted == []


@in_a_house
async def test_who_lost_the_lease_writes_nothing(house: House) -> None:
    id = await house.put("bob@there.example")
    (bob,) = await house.claim("slow")
    await house.db.write(queue.recover, house.clock.now() + HOUR)
    await house.claim("quick")
    for outcome in (OK, LATER, NEVER):
        assert (await settled(house, (bob, outcome))).lost == 1
    assert len(await house.events(id)) == 1
    assert await house.notices() == []
    assert (await house.balance()).difference == 0


async def _orphans(tx: Tx) -> int:
    return len(await tx.all("SELECT content_id FROM mailbox_orphan"))
