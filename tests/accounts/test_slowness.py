"""Answers to failed logins come late, by every way to fail; bans are the same for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from correo import accounts
from correo.accounts import Challenge, Client, Cost, Denied, LoggedIn, Logins, Patience, Ways
from correo.clock.virtual import START, SeededChance, VirtualClock, VirtualLoop, run
from correo.mail.address import Address
from correo.mail.errors import Kind, Refused
from correo.storage.db.sqlite import Sqlite
from correo.wire.sasl import Channel

CHEAP = Cost(passes=1, memory=8, lanes=1, iterations=4096)
ALICE, PASSWORD = "alice@example.org", "correct horse"
TLS = Channel(tls=True, passwords=True)
HERE = Client("imap", "192.0.2.1")

Play = Callable[[Logins, Callable[[Awaitable[Kind]], Awaitable[tuple[Kind, float]]]], Awaitable[None]]


async def _play(folder: Path, play: Play) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    db = await Sqlite.open(folder / "correo.db", now=START, threaded=False)
    chance = SeededChance(1)
    patience = Patience(failures=6)
    logins = Logins(db, VirtualClock(loop), chance, concurrency=0, cost=CHEAP, ways=Ways(), patience=patience)
    await db.write(accounts.add_domain, "example.org", START)
    credentials = accounts.make_credentials(PASSWORD, chance, CHEAP)
    await db.write(
        accounts.add_account, id=1, address=Address.parse(ALICE), credentials=credentials, now=START
    )

    async def timed(work: Awaitable[Kind]) -> tuple[Kind, float]:
        began = loop.time()
        return await work, round(loop.time() - began, 3)

    await play(logins, timed)
    logins.close()
    await db.close()


async def by_password(logins: Logins, password: str) -> Kind:
    try:
        await logins.password(ALICE, password, HERE)
    except Refused as refused:
        return refused.kind
    return Kind.EXISTS  # for "it opens"


async def by_scram(logins: Logins) -> Kind:
    exchange = logins.authentication(TLS, HERE)
    step = await exchange.begin("SCRAM-SHA-256", b"n,,n=alice@example.org,r=abc")
    if isinstance(step, Challenge):
        nonce = step.data.split(b",")[0]
        step = await exchange.respond(b"c=biws," + nonce + b",p=" + b"A" * 43 + b"=")
    assert isinstance(step, Denied)
    return step.kind


def test_guesses_become_slow_and_are_then_not_looked_at(tmp_path: Path) -> None:
    async def play(logins: Logins, timed: Callable[[Awaitable[Kind]], Awaitable[tuple[Kind, float]]]) -> None:
        wrong = Kind.BAD_CREDENTIALS
        assert [await timed(by_password(logins, f"guess {n}")) for n in range(2)] == [(wrong, 0), (wrong, 0)]
        kind, first = await timed(by_scram(logins))
        assert kind is wrong
        assert 0.9 < first <= 1
        kind, second = await timed(by_scram(logins))
        assert kind is wrong
        assert first < second <= 2
        for number in range(3):
            await by_password(logins, f"another {number}")
        assert await timed(by_password(logins, PASSWORD)) == (Kind.TOO_MANY, 0)
        assert await timed(by_scram(logins)) == (Kind.TOO_MANY, 0)
        await asyncio.sleep(15 * 60)
        assert await timed(by_password(logins, PASSWORD)) == (Kind.EXISTS, 0)

    run(_play(tmp_path, play))


def test_who_knows_the_password_does_not_wait(tmp_path: Path) -> None:
    async def play(logins: Logins, timed: Callable[[Awaitable[Kind]], Awaitable[tuple[Kind, float]]]) -> None:
        for number in range(4):
            await by_password(logins, f"guess {number}")
        assert await timed(by_password(logins, PASSWORD)) == (Kind.EXISTS, 0)

    run(_play(tmp_path, play))


def test_every_spelling_of_a_login_name_is_counted_as_one(tmp_path: Path) -> None:
    async def play(logins: Logins, timed: Callable[[Awaitable[Kind]], Awaitable[tuple[Kind, float]]]) -> None:
        spellings = ("alice", "ALICE@example.org", "a\u00adlice", "\uff41lice@example.org")

        async def guess(number: int) -> None:
            client = Client("imap", f"198.51.{number}.1")
            login = spellings[number % len(spellings)]
            if number % 8 < 4:
                await _enter(logins, login, f"guess {number}", client)
            else:
                exchange = logins.authentication(TLS, client)
                step = await exchange.begin("SCRAM-SHA-256", f"n,,n={login},r=abc".encode())
                assert isinstance(step, Challenge)
                nonce = step.data.split(b",")[0]
                await exchange.respond(b"c=biws," + nonce + b",p=" + b"A" * 43 + b"=")

        await asyncio.gather(*(guess(number) for number in range(5 * 6)))
        for spelling in (*spellings, "al\u00adi\u00adce"):
            assert await _enter(logins, spelling, PASSWORD, HERE) is Kind.TOO_MANY
        assert await _enter(logins, "bob", "guess", HERE) is Kind.BAD_CREDENTIALS

    run(_play(tmp_path, play))


def test_who_is_vouched_for_is_at_home(tmp_path: Path) -> None:
    async def play(logins: Logins, timed: Callable[[Awaitable[Kind]], Awaitable[tuple[Kind, float]]]) -> None:
        strangers = [Client("imap", f"198.51.{number}.1") for number in range(5 * 6)]
        await asyncio.gather(*(_enter(logins, ALICE, f"guess {who.address}", who) for who in strangers))
        assert await by_password(logins, PASSWORD) is Kind.TOO_MANY
        shown = Channel(tls=True, passwords=True, certificate=(ALICE,))
        step = await logins.authentication(shown, HERE).begin("EXTERNAL", b"")
        assert isinstance(step, LoggedIn)
        assert await by_password(logins, PASSWORD) is Kind.EXISTS

    run(_play(tmp_path, play))


async def _enter(logins: Logins, login: str, password: str, client: Client) -> Kind:
    try:
        await logins.password(login, password, client)
    except Refused as refused:
        return refused.kind
    return Kind.EXISTS
