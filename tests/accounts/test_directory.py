"""Where mail for an address goes, and who may send as it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from correo import accounts
from correo.accounts import Credentials, LocalTarget, Resolution, Resolved
from correo.accounts.directory import MAX_DEPTH, MAX_EXPANSION
from correo.mail.address import Address
from correo.mail.errors import Kind, Refused
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite

NOW = 1_767_225_600_000_000
SECRET = Credentials("hash", "1$$$")

DOMAINS = ["example.com", "example.org", "münchen.example", "empty.example"]
ACCOUNTS = ["old@example.org", "bob@example.com", "Ann@example.com", "eva@example.com", "max@münchen.example"]
ALIASES = {
    "info@example.com": ["bob@example.com"],
    "deep@example.com": ["info@example.com"],
    "team@example.com": ["bob@example.com", "Ann+Team@example.com", "away@far.example"],
    "all@example.com": ["team@example.com", "max@münchen.example", "ann@example.com", "Away@FAR.example"],
    "bob+orders@example.com": ["eva@example.com"],
    "far@example.com": ["jürgen@far.example"],
    "loop1@example.com": ["loop2@example.com"],
    "loop2@example.com": ["loop1@example.com"],
    "spiral@example.com": ["spiral+x@example.com", "eva@example.com"],
    "stale@example.com": ["gone@example.com"],
    "partly@example.com": ["gone@example.com", "eva@example.com"],
    "@example.org": ["bob@example.com"],
    "sales@example.org": ["eva@example.com"],
    "@münchen.example": ["nobody@münchen.example"],
}


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Sqlite]:
    database = await Sqlite.open(tmp_path / "correo.db", now=NOW, threaded=False)
    await database.write(furnish)
    yield database
    await database.close()


async def furnish(tx: Tx) -> None:
    for domain in DOMAINS:
        await accounts.add_domain(tx, domain, NOW)
    for id, address in enumerate(ACCOUNTS, start=1):
        await accounts.add_account(
            tx, id=id, address=Address.parse(address), credentials=SECRET, now=NOW + id
        )
    for alias, targets in ALIASES.items():
        for moment, target in enumerate(targets):
            await accounts.add_alias(tx, alias, [target], NOW + moment)
    await accounts.set_enabled(tx, "eva@example.com", False)


def shown(resolution: Resolution) -> list[str]:
    """Each recipient as text: `account address [tag]` or `-> remote`."""
    if not isinstance(resolution, Resolved):
        return [type(resolution).__name__]
    return [
        f"{target.account.address} by {target.address}" + (f" [{target.tag}]" if target.tag else "")
        if isinstance(target, LocalTarget)
        else f"-> {target.address}"
        for target in resolution.recipients
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("bob@example.com", ["bob@example.com by bob@example.com"]),
        ("BOB@Example.COM", ["bob@example.com by BOB@Example.COM"]),
        ("bob+Lists.x@example.com", ["bob@example.com by bob+Lists.x@example.com [Lists.x]"]),
        ("bob++x+@example.com", ["bob@example.com by bob++x+@example.com [+x+]"]),
        ("bob+@example.com", ["bob@example.com by bob+@example.com"]),
        ("eva@example.com", ["eva@example.com by eva@example.com"]),  # disabled, and receives
        ("bob@far.example", ["NotLocal"]),
        ("nobody@example.com", ["NoSuchUser"]),
        ("nobody+bob@example.com", ["NoSuchUser"]),
        ("+bob@example.com", ["NoSuchUser"]),
        ("info@example.com", ["bob@example.com by bob@example.com"]),
        ("info+x@example.com", ["bob@example.com by bob@example.com [x]"]),
        ("bob+orders@example.com", ["eva@example.com by eva@example.com"]),
        ("bob+orders+x@example.com", ["bob@example.com by bob+orders+x@example.com [orders+x]"]),
        ("far@example.com", ["-> jürgen@far.example"]),
        ("far+x@example.com", ["-> jürgen@far.example"]),
        (
            "team@example.com",
            [
                "bob@example.com by bob@example.com",
                "ann@example.com by Ann+Team@example.com [Team]",
                "-> away@far.example",
            ],
        ),
        (
            "team+x@example.com",
            [
                "bob@example.com by bob@example.com [x]",
                "ann@example.com by Ann+Team@example.com [Team]",
                "-> away@far.example",
            ],
        ),
        (
            "all@example.com",
            [
                "bob@example.com by bob@example.com",
                "ann@example.com by Ann+Team@example.com [Team]",
                "-> away@far.example",
                "max@xn--mnchen-3ya.example by max@münchen.example",
            ],
        ),
        ("deep+x@example.com", ["bob@example.com by bob@example.com [x]"]),
        ("loop1@example.com", ["NoSuchUser"]),
        ("loop2@example.com", ["NoSuchUser"]),
        ("spiral@example.com", ["eva@example.com by eva@example.com"]),
        ("stale@example.com", ["NoSuchUser"]),
        ("partly@example.com", ["eva@example.com by eva@example.com"]),
        ("old@example.org", ["old@example.org by old@example.org"]),
        ("old+x@example.org", ["old@example.org by old+x@example.org [x]"]),
        ("sales@example.org", ["eva@example.com by eva@example.com"]),
        ("anything+x@example.org", ["bob@example.com by bob@example.com"]),
        ("postmaster@example.org", ["bob@example.com by bob@example.com"]),
        ("Postmaster@example.com", ["bob@example.com by bob@example.com"]),
        ("postmaster+x@example.com", ["bob@example.com by bob@example.com [x]"]),
        ("postmaster@empty.example", ["NoSuchUser"]),
        ("max@xn--mnchen-3ya.example", ["max@xn--mnchen-3ya.example by max@xn--mnchen-3ya.example"]),
        ("MAX@MÜNCHEN.example", ["max@xn--mnchen-3ya.example by MAX@MÜNCHEN.example"]),
        ("anyone@münchen.example", ["NoSuchUser"]),  # its catch-all leads to itself
        ('"bob"@example.com', ["bob@example.com by bob@example.com"]),
        ('""@example.com', ["NoSuchUser"]),
    ],
)
async def test_resolve(db: Sqlite, address: str, expected: list[str]) -> None:
    assert shown(await db.read(accounts.resolve, Address.parse(address))) == expected


@pytest.mark.parametrize(
    ("address", "alias"),
    [
        ("bob@example.com", False),
        ("bob+x@example.com", False),
        ("info@example.com", True),
        ("any@example.org", True),
        ("postmaster@example.com", True),
    ],
)
async def test_whether_it_is_an_alias(db: Sqlite, address: str, alias: bool) -> None:
    resolution = await db.read(accounts.resolve, Address.parse(address))
    assert isinstance(resolution, Resolved)
    assert resolution.alias is alias


async def test_an_account_wins_over_an_alias(db: Sqlite) -> None:
    """Both cannot be made through the operations; a database that has both nevertheless delivers to the account."""

    async def force(tx: Tx) -> None:
        await tx.run(
            "INSERT INTO accounts_alias VALUES ('bob@example.com', 'eva@example.com', 'eva@example.com', 1)"
        )

    await db.write(force)
    resolution = await db.read(accounts.resolve, Address.parse("bob@example.com"))
    assert shown(resolution) == ["bob@example.com by bob@example.com"]


async def test_the_postmaster_is_somebody_who_reads(db: Sqlite) -> None:
    address = Address.parse("postmaster@example.com")
    await db.write(accounts.set_enabled, "bob@example.com", False)
    assert shown(await db.read(accounts.resolve, address)) == ["ann@example.com by Ann@example.com"]
    await db.write(accounts.add_alias, "postmaster@example.com", ["max@münchen.example"], NOW)
    assert shown(await db.read(accounts.resolve, address)) == [
        "max@xn--mnchen-3ya.example by max@münchen.example"
    ]


async def chain(tx: Tx, length: int) -> None:
    for n in range(length - 1):
        await accounts.add_alias(tx, f"c{n}@example.com", [f"c{n + 1}@example.com"], NOW)
    await accounts.add_alias(tx, f"c{length - 1}@example.com", ["bob@example.com"], NOW)


async def test_depth_is_limited(db: Sqlite) -> None:
    await db.write(chain, MAX_DEPTH + 1)
    deepest_allowed = await db.read(accounts.resolve, Address.parse("c1@example.com"))
    assert shown(deepest_allowed) == ["bob@example.com by bob@example.com"]
    with pytest.raises(Refused) as caught:
        await db.read(accounts.resolve, Address.parse("c0@example.com"))
    assert caught.value.kind is Kind.TOO_MANY


async def crowd(tx: Tx, size: int) -> None:
    for n in range(0, size, 100):
        targets = [f"u{m}@far.example" for m in range(n, min(n + 100, size))]
        await accounts.add_alias(tx, f"part{n}@example.com", targets, NOW)
        await accounts.add_alias(tx, "crowd@example.com", [f"part{n}@example.com"], NOW)


async def test_number_is_limited(db: Sqlite) -> None:
    parts = MAX_EXPANSION // 100
    await db.write(crowd, MAX_EXPANSION - parts - 1)
    resolution = await db.read(accounts.resolve, Address.parse("crowd@example.com"))
    assert len(shown(resolution)) == MAX_EXPANSION - parts - 1
    await db.write(accounts.add_alias, "crowd@example.com", ["one.more@far.example"], NOW)
    with pytest.raises(Refused) as caught:
        await db.read(accounts.resolve, Address.parse("crowd@example.com"))
    assert caught.value.kind is Kind.TOO_MANY


@pytest.mark.parametrize(
    ("address", "owners"),
    [
        ("bob@example.com", {"bob"}),
        ("BOB+any@example.com", {"bob"}),
        ("bob+orders@example.com", {"eva"}),
        ("info@example.com", {"bob"}),
        ("all@example.com", {"bob", "ann", "max"}),
        ("whatever@example.org", {"bob"}),
        ("old@example.org", {"old"}),
        ("far@example.com", set()),
        ("loop1@example.com", set()),
        ("nobody@example.com", set()),
        ("away@far.example", set()),
        ("bob@far.example", set()),
    ],
)
async def test_owns(db: Sqlite, address: str, owners: set[str]) -> None:
    parsed = Address.parse(address)
    found = {
        account.address.partition("@")[0]
        for account in await db.read(accounts.list_accounts)
        if await db.read(accounts.owns, account.id, parsed)
    }
    assert found == owners


def node(n: int) -> str:
    return {0: "bob@example.com", 1: "ann@example.com"}.get(n, f"n{n}@example.com")


async def resolve_all(tx: Tx, graph: dict[int, list[int]]) -> dict[int, Resolution]:
    """Make the aliases, resolve each, and take them away again."""
    for n, targets in graph.items():
        await accounts.add_alias(tx, node(n), [node(target) for target in targets], NOW)
    resolutions = {n: await accounts.resolve(tx, Address.parse(node(n))) for n in graph}
    for n in graph:
        await accounts.remove_alias(tx, node(n))
    return resolutions


def reachable(graph: dict[int, list[int]], start: int) -> set[str]:
    """Which of the two accounts a walk through the aliases comes by."""
    seen, waiting = {start}, [start]
    while waiting:
        for target in graph.get(waiting.pop(), []):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return {node(n) for n in seen & {0, 1}}


# Aliases 2 to 9 lead to each other, to the accounts 0 and 1, or to 10, which is nobody: no way is longer than MAX_DEPTH.
_TARGETS = st.lists(st.integers(0, 10), min_size=1, max_size=4)
_GRAPHS = st.dictionaries(st.integers(2, 9), _TARGETS, min_size=1).map(
    lambda graph: {n: [target for target in targets if target != n] or [10] for n, targets in graph.items()}
)


@given(graph=_GRAPHS)
@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # each example leaves the database as it found it
async def test_whoever_can_be_reached_is_reached_once(db: Sqlite, graph: dict[int, list[int]]) -> None:
    for start, resolution in (await db.write(resolve_all, graph)).items():
        found = []
        if isinstance(resolution, Resolved):
            found = [t.account.address for t in resolution.recipients if isinstance(t, LocalTarget)]
        assert sorted(found) == sorted(reachable(graph, start))
