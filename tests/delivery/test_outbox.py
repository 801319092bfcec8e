"""What waits in the queue, shown in an Outbox, and taken back there: two accounts of one house, and what each transaction does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.delivery.house import ANA, EVA, NOW, TEXT, House, build

from correo import ledger, mailbox
from correo.delivery import outbox
from correo.mail.errors import Kind, Refused
from correo.mail.flags import FLAGGED, SEEN
from correo.mail.message import read_header
from correo.mailbox import ALL_RIGHTS, OWNER, Mailbox
from correo.mailbox.restoring import UID_LEAP, leap
from correo.storage.db import Tx


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await build(tmp_path)
    yield house
    assert (await house.db.read(ledger.balance)).difference == 0
    await house.db.close()


async def test_everybody_sees_his_own(house: House) -> None:
    await house.send("bob@there.example")
    await house.send("bob@there.example", account=EVA)
    await house.send("bob@there.example", account=0)
    await house.send("eva@here.example")  # which waits for nobody
    assert await house.look() == [1]
    assert await house.look(EVA) == [1]


async def test_somebody_of_this_machine_sees_what_bears_his_name(house: House) -> None:
    await house.send("bob@there.example", account=0, submitter="eva@here.example")
    await house.send("bob@there.example", account=0, submitter="root@here.example")
    assert (await house.look(), await house.look(EVA)) == ([], [1])


async def test_what_stands_differently_is_another_message(house: House) -> None:
    await house.send("bob@there.example")
    await house.send("max@there.example")
    assert await house.look() == [1, 2]
    claimed = await house.claim()
    assert await house.look() == [1, 2]
    await house.defer(claimed[1])
    assert await house.look() == [1, 3]
    await house.relay(claimed[0])
    assert await house.look() == [3]


async def test_what_is_marked_stays_as_it_is_until_it_has_left(house: House) -> None:
    await house.send("bob@there.example")
    await house.look()
    await house.mark(1)
    claimed = await house.claim()
    await house.defer(*claimed)
    assert await house.look() == [1]
    assert (await house.remove(1, only_deleted=True)).uids == [1]
    assert await house.look() == []


async def test_many_come_in_lots(house: House) -> None:
    for number in range(2 * outbox.LOT + 3):
        await house.send(f"user{number}@there.example")
    assert await house.look() == list(range(1, 2 * outbox.LOT + 4))


async def test_a_mailing_is_read_apart(house: House) -> None:
    number = await house.send(*(f"user{number}@there.example" for number in range(outbox.MANY + 1)))
    assert await house.db.read(outbox.differing, ANA) == outbox.MANY + 1
    assert await house.look() == [1]
    assert await house.remove(1) == outbox.Removed([1], [], [number])
    assert await house.queued() == []


async def test_removing_takes_back_what_waits(house: House) -> None:
    number = await house.send("bob@there.example", "max@there.example")
    other = await house.send("eva@elsewhere.example")
    await house.look()
    assert await house.remove() == outbox.Removed([1, 2], [], [number, other])
    assert await house.queued() == []
    (journey,) = await house.db.read(ledger.trace, ledger.show_id(number), 1)
    ends = [
        (one.recipient, one.event.value, one.detail) for one in journey.entries if one.event in ledger.ENDS
    ]
    assert ends == [(f"{who}@there.example", "discarded", outbox.CANCELLED) for who in ("bob", "max")]


async def test_only_what_is_marked_goes_where_that_is_asked(house: House) -> None:
    await house.send("bob@there.example")
    number = await house.send("max@there.example")
    await house.look()
    assert await house.remove(only_deleted=True) == outbox.NOTHING
    await house.mark(2)
    assert await house.remove(1, only_deleted=True) == outbox.NOTHING
    assert await house.remove(only_deleted=True) == outbox.Removed([2], [], [number])
    assert await house.queued() == ["bob@there.example"]


async def test_nothing_of_a_message_goes_while_one_of_its_recipients_is_served(house: House) -> None:
    first = await house.send("bob@there.example", "max@there.example")
    claimed = await house.claim()
    await house.defer(claimed[0])
    second = await house.send("eva@there.example")
    await house.look()
    assert await house.remove() == outbox.Removed([2], [1], [second])
    assert await house.copy(1, remove=True) == outbox.Taken((await _drafts(house)).uidvalidity, [], [1], [])
    assert await house.queued() == ["bob@there.example", "max@there.example"]
    await house.relay(claimed[1])
    assert (await house.look())[-1:] == [3]
    assert await house.remove() == outbox.Removed([3], [], [first])


async def test_what_has_left_meanwhile_is_not_there(house: House) -> None:
    await house.send("bob@there.example")
    await house.look()
    (claimed,) = await house.claim()
    await house.relay(claimed)
    assert (await house.copy(1, remove=True)).pairs == []
    assert await house.drafts() == []
    assert await house.remove() == outbox.Removed([1], [], [])  # and nobody is told that it was taken back


@pytest.mark.parametrize("remove", [False, True])
async def test_a_copy_is_what_was_submitted(house: House, remove: bool) -> None:
    await house.send("bob@there.example")
    await house.send("max@there.example")
    await house.look()
    await house.mark(2, bits=FLAGGED)
    assert (await house.copy(2, 9, remove=remove)).pairs == [(2, 1)]
    assert await house.drafts() == [(TEXT, SEEN | FLAGGED)]
    assert len(await house.queued()) == 2 - remove
    assert await house.look() == ([1] if remove else [1, 2])


async def test_what_the_disk_has_damaged_hides_nothing_else(house: House) -> None:
    await house.send("bob@there.example")
    await house.db.write(_damage)
    await house.send("max@there.example")
    assert await house.look() == [1, 2]
    first, _ = await house.db.read(mailbox.messages, (await house.box()).id)
    header, _ = read_header(await house.db.read(mailbox.raw, first.content_id))
    assert (header.first(b"x-correo-recipient") or b"").startswith(b"bob@there.example; waiting")
    with pytest.raises(Refused) as refused:
        await house.copy(1, remove=True)
    assert refused.value.kind is Kind.BROKEN
    assert (await house.remove(1)).uids == [1]
    assert await house.queued() == ["max@there.example"]


async def _damage(tx: Tx) -> None:
    """What is shorter than a header can be packed to cannot be one."""
    await tx.run("UPDATE mailbox_content SET header = $1", b"\0\xff")


async def test_after_a_restore_it_goes_on_with_uids_that_nobody_knows(house: House) -> None:
    await house.send("bob@there.example")
    await house.look()
    before = await house.box()
    await house.db.write(leap, NOW)
    await house.send("max@there.example")
    first, second = await house.look()
    assert (first, second) == (1, before.uidnext + UID_LEAP)
    assert (await house.box()).uidvalidity == before.uidvalidity
    assert (await house.remove()).uids == [first, second]
    assert await house.queued() == []


async def test_a_copy_that_finds_no_room_takes_nothing_back(house: House) -> None:
    await house.send("bob@there.example")
    await house.look()
    await house.db.write(mailbox.set_limits, ANA, messages=0, size=None, mailboxes=None)
    with pytest.raises(Refused) as refused:
        await house.copy(1, remove=True)
    assert refused.value.kind is Kind.OVER_QUOTA
    assert (await house.queued(), await house.look()) == (["bob@there.example"], [1])


async def test_without_an_outbox_there_is_nothing_to_do(house: House) -> None:
    await house.send("bob@there.example")
    await house.db.write(mailbox.open_outbox, ANA, "", house.chance, NOW)
    assert await house.db.read(outbox.differing, ANA) == []
    await house.db.write(outbox.bring, ANA, [1], house.chance, NOW)
    with pytest.raises(Refused):
        await house.db.write(
            outbox.copy,
            5,
            [(1, 1)],
            await _drafts(house),
            house.chance,
            NOW,
            remove=True,
            rights=ALL_RIGHTS,
            reader=OWNER,
        )


async def _drafts(house: House) -> Mailbox:
    found = await house.db.read(mailbox.find, ANA, "Drafts")
    assert found is not None
    return found
