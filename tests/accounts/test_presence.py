"""Who has to leave when an account is shut out, whenever that is heard of."""

from __future__ import annotations

from pathlib import Path

from correo import accounts
from correo.accounts import Account, Cost
from correo.accounts.login import find_login
from correo.accounts.presence import Presence, Visit
from correo.accounts.shut_out import KEPT, ShutOut, shut_out, shut_out_since
from correo.clock.virtual import START, SeededChance
from correo.mail.address import Address
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

ALICE = "alice@example.org"
CHEAP = Cost(passes=1, memory=8, lanes=1, iterations=4096)


def account(id: int, as_of: int | None) -> Account:
    return Account(id, ALICE, ALICE, "example.org", True, as_of=as_of)


def test_those_who_came_before_leave() -> None:
    woken: list[str] = []
    presence = Presence()
    old, new, other, vouched = (Visit(presence, lambda: woken.append("woken")) for _ in range(4))
    old.begin(account(1, 4))
    new.begin(account(1, 5))
    other.begin(account(2, 4))
    vouched.begin(account(1, None))
    presence.hear([ShutOut(5, 1)])
    assert [visit.over for visit in (old, new, other, vouched)] == [True, False, False, True]
    assert len(woken) == 2
    assert presence.seen == 5


def test_what_was_heard_while_somebody_logged_in() -> None:
    presence = Presence()
    presence.hear([ShutOut(5, 1)])
    late, early = Visit(presence), Visit(presence)
    late.begin(account(1, 4))
    early.begin(account(1, 5))
    assert late.over
    assert not early.over


def test_who_has_gone_is_not_told() -> None:
    presence = Presence()
    visit = Visit(presence)
    visit.end()
    visit.begin(account(1, 0))
    visit.begin(account(2, 0))  # logged out, and in again as somebody else
    presence.hear([ShutOut(1, 1)])
    assert not visit.over
    visit.end()
    visit.end()
    presence.hear([ShutOut(2, 2)])
    assert not visit.over
    assert presence._visits == {}


def test_where_changes_were_missed_everybody_leaves() -> None:
    """More than are kept came between two looks."""
    presence = Presence()
    early, late = Visit(presence), Visit(presence)
    early.begin(account(1, 2))
    presence.hear([ShutOut(4, 9)])  # the first look: what was before it concerns nobody who is here
    over = [early.over]
    late.begin(account(3, 7))
    presence.hear([ShutOut(6, 9), ShutOut(7, 9)])
    assert [*over, early.over, late.over] == [False, True, False]


def test_what_is_remembered_has_a_bound() -> None:
    presence = Presence()
    presence.hear([ShutOut(number, number) for number in range(1, KEPT + 10)])
    assert len(presence._last) == KEPT


async def test_what_shuts_out(tmp_path: Path) -> None:
    db = await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False)
    chance = SeededChance(1)
    credentials = accounts.make_credentials("secret", chance, CHEAP)
    seen = 0

    async def news() -> list[int]:
        nonlocal seen
        found = await db.read(shut_out_since, seen)
        seen = max((one.number for one in found), default=seen)
        return [one.account_id for one in found]

    await db.write(accounts.add_domain, "example.org", START)
    await db.write(
        accounts.add_account, id=7, address=Address.parse(ALICE), credentials=credentials, now=START
    )
    await db.write(accounts.set_admin, ALICE, True)
    await db.write(accounts.set_enabled, ALICE, True)
    await db.write(accounts.set_app_only, ALICE, False)
    assert await news() == []
    await db.write(accounts.set_app_only, ALICE, True)
    assert await news() == [7]
    await db.write(accounts.set_enabled, ALICE, False)
    assert await news() == [7]
    await db.write(accounts.set_credentials, ALICE, credentials)
    assert await news() == [7]
    stored = (await db.read(find_login, ALICE))[1]
    assert stored
    assert stored.account.as_of == seen
    await db.write(accounts.remove_account, ALICE)
    assert await news() == [7]
    await db.close()


async def test_the_table_has_a_bound(tmp_path: Path) -> None:
    async def often(tx: Tx) -> None:
        for number in range(KEPT + 10):
            await shut_out(tx, number)

    db = await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False)
    await db.write(often)
    found = await db.read(shut_out_since, 0)
    assert len(found) == KEPT
    assert found[-1] == ShutOut(KEPT + 10, KEPT + 9)
    await db.close()
