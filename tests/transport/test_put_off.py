"""What a sweep leaves alone, by one statement, and what the rules say of each recipient: the statement may only be stricter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from tests.transport.house import ANA, LATER, House, in_a_house

from correo.mail.instant import DAY, HOUR
from correo.mail.outcome import Outcome
from correo.mail.way import Way
from correo.queue import QueuedRecipient
from correo.queue.resting import postpone_waiting
from correo.storage.db import Tx
from correo.transport.resting import Rests
from correo.transport.routes import Route, Routes
from correo.transport.settling import Policy

NOW = 2
UNTIL = 10 * DAY
LIFETIME = 5 * DAY
DESTINATIONS = ("short.example", "usual.example")


def instant(random: Random) -> int:
    """Before, at, or after the end of the rest."""
    return random.choice([UNTIL - DAY, UNTIL - 1, UNTIL, UNTIL + 1, UNTIL + DAY])


async def vary(tx: Tx, random: Random) -> None:
    for (id,) in await tx.all("SELECT id FROM queue_message"):
        created = UNTIL - random.choice([HOUR, HOUR, HOUR, DAY, 2 * DAY, 10 * DAY])
        held = random.choice([0, 0, DAY])  # RFC 4865: what was held is given up as much later
        await tx.run(
            """UPDATE queue_message SET created = $1, expires = $2, deliver_by = $3, by_mode = $4, priority = $5, warn_at = $6
               WHERE id = $7""",
            created,
            random.choice([created + held + LIFETIME] * 4 + [instant(random)]),
            by := random.choice([0] * 4 + [instant(random)]),
            random.choice("RN") if by else "",
            random.choice([-3, 0, 0, 3]),
            random.choice([0, instant(random)]),
            id,
        )
    for (id,) in await tx.all("SELECT id FROM queue_recipient"):
        await tx.run(
            "UPDATE queue_recipient SET warned = $1, notify = $2, destination = $3, next_try = 1 WHERE id = $4",
            random.choice([0, 0, 1]),
            random.choice([-1, 0, 2, 4, 4, 7]),
            random.choice(DESTINATIONS),
            id,
        )


async def nothing_is_settled(attempts: Sequence[tuple[QueuedRecipient, Outcome]]) -> None:
    raise AssertionError


@in_a_house
async def test_nobody_is_put_off_beyond_what_his_sender_is_to_hear(house: House) -> None:
    random = Random(2)
    routes = Routes([("short.example", Route(Way.parse("mx"), lifetime=DAY))])
    schedule = replace(house.schedule, lifetime=LIFETIME, urgent_lifetime=2 * DAY)
    policy = Policy("mail.here.example", schedule, routes)
    rests = Rests(house.db, house.clock, policy, nothing_is_settled, lambda: None)
    for number in range(150):
        await house.put(f"u{number}@usual.example", sender=random.choice([ANA, ANA, None]))
    await house.db.write(vary, random)
    before = {one.id: one for one in await house.queued()}
    for destination in DESTINATIONS:
        lifetime, urgent = policy.lifetimes(destination)
        await house.db.write(
            postpone_waiting,
            destination,
            NOW,
            until=UNTIL,
            status=LATER.status,
            host="",
            lifetime=lifetime,
            urgent_lifetime=urgent,
        )
    after = await house.queued()
    moved = [before[one.id] for one in after if one.next_try == UNTIL]
    left = [before[one.id] for one in after if one.next_try != UNTIL]
    assert len(moved) > 20
    assert all(rests._word_at(one) > UNTIL for one in moved)
    # Those are claimed, and put off one by one.
    assert sum(rests._word_at(one) > UNTIL for one in left) < len(left) / 4
