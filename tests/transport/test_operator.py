from __future__ import annotations

from tests.transport.house import LATER, House, in_a_house

from correo.mail.address import Address
from correo.mail.instant import HOUR
from correo.queue import Selection, State
from correo.transport import operator
from correo.transport.settling import settle

EVERYTHING = Selection()


@in_a_house
async def test_hold_and_release_are_in_the_ledger(house: House) -> None:
    id = await house.put("bob@there.example", "eva@other.example")
    one = Selection(destination="there.example")
    now = house.clock.now()
    assert await house.db.write(operator.hold, one, house.chance, now) == 1
    assert await house.db.write(operator.hold, one, house.chance, now) == 0
    assert {entry.state for entry in await house.queued()} == {State.HELD, State.WAITING}
    assert await house.db.write(operator.release, EVERYTHING, house.chance, now) == 1
    assert (await house.events(id))[2:] == [
        ("bob@there.example", "held"),
        ("bob@there.example", "released"),
    ]
    assert (await house.balance()).difference == 0


@in_a_house
async def test_retry_makes_it_due(house: House) -> None:
    await house.put("bob@there.example")
    (bob,) = await house.claim()
    now = house.clock.now()
    await house.db.write(settle, [(bob, LATER)], house.policy, house.chance, now)
    assert await house.claim() == []
    assert await house.db.write(operator.retry, EVERYTHING, now) == 1
    assert len(await house.claim()) == 1


@in_a_house
async def test_withdrawn_mail_goes_back_with_the_last_answer(house: House) -> None:
    first = await house.put("bob@there.example", "eva@there.example")
    await house.put("zoe@there.example", sender=Address.parse("max@elsewhere.example"))
    lost = await house.put("tom@there.example", sender=None)
    bob, eva, *others = await house.claim()
    now = house.clock.now()
    await house.db.write(settle, [(bob, LATER), (eva, LATER)], house.policy, house.chance, now)
    for one in others:
        await house.db.write(settle, [(one, LATER)], house.policy, house.chance, now)
    house.clock.advance(HOUR)
    chosen = Selection(destination="there.example")
    withdrawn = await house.db.write(operator.withdraw, chosen, house.policy, house.chance, house.clock.now())
    assert withdrawn.recipients == 4
    assert len(withdrawn.settled.accepted) == 2
    (notice,) = await house.notices()
    assert b"bob@there.example" in notice
    assert b"eva@there.example" in notice
    assert b"the last answer was" in notice
    (left,) = await house.queued()
    assert left.address == "max@elsewhere.example"
    assert [event for _, event in await house.events(first)][-2:] == ["bounced", "bounced"]
    assert (await house.events(lost))[-1] == ("tom@there.example", "discarded")
    assert (await house.balance()).difference == 0
