"""Domains, accounts and aliases as an operator keeps them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from correo import accounts
from correo.accounts import Account, Alias, Credentials, Domain
from correo.accounts.account import renew_credentials, stored_login
from correo.accounts.aliases import MAX_TARGETS
from correo.mail.address import Address
from correo.mail.errors import Kind, Refused
from correo.storage.db.sqlite import Sqlite

NOW = 1_767_225_600_000_000
SECRET = Credentials("hash", "1$$$")


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Sqlite]:
    database = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    await database.write(accounts.add_domain, "Example.COM", NOW)
    yield database
    await database.close()


async def add(db: Sqlite, id: int, address: str) -> Account:
    return await db.write(
        accounts.add_account, id=id, address=Address.parse(address), credentials=SECRET, now=NOW
    )


async def refusal(work: Awaitable[object]) -> Kind:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value.kind


async def test_domains(db: Sqlite) -> None:
    await db.write(accounts.add_domain, "münchen.example.", NOW)
    await add(db, 1, "bob@example.com")
    assert await db.read(accounts.list_domains) == [
        Domain("example.com", NOW, 1),
        Domain("xn--mnchen-3ya.example", NOW, 0),
    ]
    assert await db.read(accounts.is_local, "example.com")
    assert not await db.read(accounts.is_local, "example.org")
    assert await refusal(db.write(accounts.add_domain, "EXAMPLE.com", NOW)) is Kind.EXISTS
    assert await refusal(db.write(accounts.add_domain, "no domain", NOW)) is Kind.BAD_NAME


async def test_a_domain_in_use_stays(db: Sqlite) -> None:
    await add(db, 1, "bob@example.com")
    await db.write(accounts.add_alias, "@example.com", ["bob@example.com"], NOW)
    assert await refusal(db.write(accounts.remove_domain, "example.com")) is Kind.HAS_CHILDREN
    await db.write(accounts.remove_alias, "@example.com")
    assert await refusal(db.write(accounts.remove_domain, "example.com")) is Kind.HAS_CHILDREN
    await db.write(accounts.remove_account, "bob@example.com")
    await db.write(accounts.remove_domain, "Example.com")
    assert await refusal(db.write(accounts.remove_domain, "example.com")) is Kind.NOT_FOUND


async def test_accounts(db: Sqlite) -> None:
    bob = await add(db, 1, "Bob@Example.com")
    assert bob == Account(1, "bob@example.com", "Bob@Example.com", "example.com", True)
    ann = await add(db, 2, "ann@example.com")
    assert await db.read(accounts.get_account, "bob@example.com") == bob
    assert await db.read(accounts.get_account, "eve@example.com") is None
    assert await db.read(accounts.account_by_id, 2) == ann
    assert await db.read(accounts.account_by_id, 3) is None
    assert await db.read(accounts.list_accounts) == [ann, bob]
    assert await db.read(accounts.list_accounts, "EXAMPLE.COM") == [ann, bob]
    assert await db.read(accounts.list_accounts, "example.org") == []


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("BOB@example.com", Kind.EXISTS),
        ("info@EXAMPLE.com", Kind.EXISTS),
        ("bob@example.org", Kind.NOT_FOUND),
        ("bob+tag@example.com", Kind.BAD_NAME),
        ('""@example.com', Kind.BAD_NAME),
        ("ﬁsh@example.com", Kind.BAD_NAME),  # a client would log in as fish
        ("a\u05d0@example.com", Kind.BAD_NAME),
    ],
)
async def test_account_refused(db: Sqlite, address: str, kind: Kind) -> None:
    await add(db, 1, "bob@example.com")
    await db.write(accounts.add_alias, "info@example.com", ["bob@example.com"], NOW)
    assert await refusal(add(db, 2, address)) is kind
    assert len(await db.read(accounts.list_accounts)) == 1


async def test_enabling(db: Sqlite) -> None:
    await add(db, 1, "bob@example.com")
    for enabled in (False, True):
        await db.write(accounts.set_enabled, "bob@example.com", enabled)
        account = await db.read(accounts.get_account, "bob@example.com")
        assert account
        assert account.enabled is enabled
    assert await refusal(db.write(accounts.set_enabled, "eve@example.com", True)) is Kind.NOT_FOUND


async def test_a_renewed_hash_never_undoes_a_change(db: Sqlite) -> None:
    await add(db, 1, "bob@example.com")
    changed, renewed = Credentials("changed", "2$$$"), Credentials("renewed", "3$$$")
    assert await db.write(renew_credentials, 1, SECRET, renewed)
    await db.write(accounts.set_credentials, "bob@example.com", changed)
    assert not await db.write(renew_credentials, 1, renewed, SECRET)
    stored = await db.read(stored_login, "bob@example.com")
    assert stored
    assert stored.credentials == changed


async def test_what_is_not_there_is_not_found(db: Sqlite) -> None:
    assert await refusal(db.write(accounts.set_credentials, "eve@example.com", SECRET)) is Kind.NOT_FOUND
    assert await refusal(db.write(accounts.remove_account, "eve@example.com")) is Kind.NOT_FOUND
    assert await refusal(db.write(accounts.remove_alias, "eve@example.com")) is Kind.NOT_FOUND
    assert await refusal(db.write(accounts.remove_alias, "nonsense")) is Kind.BAD_NAME


async def test_an_account_takes_the_aliases_to_it_along(db: Sqlite) -> None:
    bob = await add(db, 1, "bob@example.com")
    await db.write(accounts.add_alias, "info@example.com", ["Bob+Info@example.com", "ann@example.com"], NOW)
    # These lead elsewhere: the tagged name is an alias of its own.
    await db.write(accounts.add_alias, "bob+shop@example.com", ["ann@example.com"], NOW)
    await db.write(accounts.add_alias, "shop@example.com", ["bob+shop@example.com"], NOW)
    await db.write(accounts.add_alias, "boss@example.com", ["bob@example.com"], NOW)
    await db.write(accounts.add_alias, "other@example.com", ["bobby@example.com", "bob@example.org"], NOW)
    assert await db.write(accounts.remove_account, "bob@example.com") == bob
    assert await db.read(accounts.list_aliases) == [
        Alias("bob+shop@example.com", ("ann@example.com",)),
        Alias("info@example.com", ("ann@example.com",)),
        Alias("other@example.com", ("bob@example.org", "bobby@example.com")),
        Alias("shop@example.com", ("bob+shop@example.com",)),
    ]


async def test_aliases(db: Sqlite) -> None:
    info = await db.write(accounts.add_alias, "Info@Example.com", ["Bob@example.com", "x@far.example"], NOW)
    assert info == Alias("info@example.com", ("Bob@example.com", "x@far.example"))
    again = ["bob@EXAMPLE.com", "ann@example.com", "ann@example.com"]
    info = await db.write(accounts.add_alias, "info@example.com", again, NOW + 1)
    assert info.targets == ("Bob@example.com", "x@far.example", "ann@example.com")
    catch_all = await db.write(accounts.add_alias, "@EXAMPLE.com", ["bob@example.com"], NOW)
    assert await db.read(accounts.list_aliases) == [catch_all, info]

    await db.write(accounts.remove_alias, "INFO@example.com", "X@far.example")
    kind = await refusal(db.write(accounts.remove_alias, "info@example.com", "x@far.example"))
    assert kind is Kind.NOT_FOUND
    await db.write(accounts.remove_alias, "info@example.com")
    assert await db.read(accounts.list_aliases) == [catch_all]


@pytest.mark.parametrize(
    ("address", "targets", "kind"),
    [
        ("bob@example.com", ["ann@example.com"], Kind.EXISTS),
        ("info@example.org", ["bob@example.com"], Kind.NOT_FOUND),
        ("@example.org", ["bob@example.com"], Kind.NOT_FOUND),
        ("info", ["bob@example.com"], Kind.BAD_NAME),
        ("@", ["bob@example.com"], Kind.BAD_NAME),
        ('""@example.com', ["bob@example.com"], Kind.BAD_NAME),
        ("info@example.com", [], Kind.BAD_NAME),
        ("info@example.com", ["bob"], Kind.BAD_NAME),
        ("info@example.com", ["bob@example.com", "@example.com"], Kind.BAD_NAME),
        ("info@example.com", ["INFO@example.com"], Kind.BAD_NAME),
        ("info@example.com", [f"u{n}@far.example" for n in range(MAX_TARGETS + 1)], Kind.TOO_MANY),
    ],
)
async def test_alias_refused(db: Sqlite, address: str, targets: list[str], kind: Kind) -> None:
    await add(db, 1, "bob@example.com")
    assert await refusal(db.write(accounts.add_alias, address, targets, NOW)) is kind
    assert await db.read(accounts.list_aliases) == []
