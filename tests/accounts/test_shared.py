"""Shared accounts, as which nobody logs in, and administrators."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from correo import accounts
from correo.accounts import Account, Cost, Logins, Resolved, make_credentials
from correo.accounts.login import find_login
from correo.clock.virtual import START, SeededChance, VirtualClock
from correo.mail.address import Address
from correo.mail.errors import Kind, Refused
from correo.storage.db.sqlite import Sqlite

CHEAP = Cost(passes=1, memory=8, lanes=1, iterations=4096)
SUPPORT = "support@example.com"


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Sqlite]:
    """The shared account is the oldest."""
    database = await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False)
    await database.write(accounts.add_domain, "example.com", START)
    await database.write(accounts.add_domain, "example.org", START)
    support = Address.parse("Support@example.com")
    await database.write(accounts.add_account, id=1, address=support, now=START, shared=True)
    await database.write(
        accounts.add_account,
        id=2,
        address=Address.parse("bob@example.com"),
        credentials=make_credentials("builder", SeededChance(), CHEAP),
        now=START,
    )
    yield database
    await database.close()


async def refusal(work: Awaitable[object]) -> Kind:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.kind


async def receives(db: Sqlite, address: str) -> list[str]:
    found = await db.read(accounts.resolve, Address.parse(address))
    assert isinstance(found, Resolved)
    return [target.account.address for target in found.recipients if isinstance(target, accounts.LocalTarget)]


async def test_they_are_accounts_like_any_other_to_mail(db: Sqlite) -> None:
    account = Account(1, SUPPORT, "Support@example.com", "example.com", True, shared=True)
    assert await db.read(accounts.get_account, SUPPORT) == account
    assert await db.read(accounts.account_by_id, 1) == account
    assert await receives(db, "support+web@example.com") == [SUPPORT]
    assert await db.read(accounts.list_shared, "example.com") == [account]
    assert await db.read(accounts.list_shared, "example.org") == []


@pytest.mark.parametrize("password", ["", "builder", "support"])
async def test_nobody_logs_in(db: Sqlite, password: str) -> None:
    logins = Logins(db, VirtualClock(), SeededChance(), concurrency=0, cost=CHEAP)
    assert await refusal(logins.password(SUPPORT, password)) is Kind.BAD_CREDENTIALS
    # To every mechanism it is a name without an account, for which keys are made up.
    assert await db.read(find_login, SUPPORT) == (SUPPORT, None)
    logins.close()


async def test_what_is_for_people_is_refused(db: Sqlite) -> None:
    fresh = make_credentials("secret", SeededChance(), CHEAP)
    for work in (
        db.write(accounts.set_credentials, SUPPORT, fresh),
        db.write(accounts.set_enabled, SUPPORT, False),
        db.write(accounts.set_admin, SUPPORT, True),
    ):
        assert await refusal(work) is Kind.NO_PERMISSION
    with pytest.raises(ValueError, match="credentials"):
        await db.write(accounts.add_account, id=3, address=Address.parse("x@example.com"), now=START)


async def test_the_postmaster_is_not_shared_if_there_is_somebody_else(db: Sqlite) -> None:
    assert await receives(db, "postmaster@example.com") == ["bob@example.com"]
    await db.write(accounts.set_enabled, "bob@example.com", False)
    assert await receives(db, "postmaster@example.com") == ["bob@example.com"]
    await db.write(accounts.remove_account, "bob@example.com")
    assert await receives(db, "postmaster@example.com") == [SUPPORT]


async def test_administrators(db: Sqlite) -> None:
    async def admin() -> bool:
        account = await db.read(accounts.get_account, "bob@example.com")
        assert account is not None
        return account.admin

    assert not await admin()
    await db.write(accounts.set_admin, "bob@example.com", True)
    assert await admin()
    await db.write(accounts.set_admin, "bob@example.com", False)
    assert not await admin()
    assert await refusal(db.write(accounts.set_admin, "eve@example.com", True)) is Kind.NOT_FOUND
