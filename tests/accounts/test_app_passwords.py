"""App passwords: for which protocol, how long, by which mechanism, and what a new password of the account leaves of them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple, Unpack

import pytest
from scramp import ScramClient

from correo import accounts
from correo.accounts import Account, AppPassword, Challenge, Client, Cost, Denied, LoggedIn, Logins, Ways
from correo.accounts.account import StoredLogin, stored_login
from correo.accounts.app_passwords import LAZY, MOST, derive, digest_of
from correo.accounts.credentials import outdated
from correo.accounts.hashing import Hashing
from correo.accounts.login import USUAL
from correo.clock.virtual import START, SeededChance, VirtualClock
from correo.mail.address import Address
from correo.mail.errors import Kind, Refused
from correo.mail.instant import DAY
from correo.storage.db.sqlite import Sqlite
from correo.wire.sasl import Channel

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

CHEAP = Cost(passes=1, memory=8, lanes=1, iterations=4096)
OTHER = Cost(passes=1, memory=16, lanes=1, iterations=5000)
ALICE, PASSWORD, APP = "alice@example.org", "correct horse", "k7hw2-abcde"
IMAP, SMTP, POP3 = (Client(protocol) for protocol in ("imap", "smtp", "pop3"))
TLS = Channel(tls=True, passwords=True)


class House:
    def __init__(self, db: Sqlite) -> None:
        self.db = db
        self.clock = VirtualClock()
        self.chance = SeededChance(1)
        self.logins = self.another(CHEAP)

    def another(self, cost: Cost) -> Logins:
        ways = Ways((*USUAL, "SCRAM-SHA-1"))
        return Logins(self.db, self.clock, self.chance, concurrency=0, cost=cost, ways=ways)

    async def stored(self) -> StoredLogin:
        stored = await self.db.read(stored_login, ALICE)
        assert stored is not None
        return stored

    async def add(self, name: str, password: str, *scopes: str, expires: int | None = None) -> None:
        scram = derive(password, (await self.stored()).credentials)
        await self.db.write(
            accounts.add_app_password,
            1,
            id=self.chance.id(START),
            name=name,
            password=password,
            scram=scram,
            scopes=scopes,
            expires=expires,
            now=START,
        )

    async def apps(self) -> tuple[AppPassword, ...]:
        return await self.db.read(accounts.app_passwords, 1)

    async def enter(self, password: str, client: Client) -> Account | Kind:
        try:
            return await self.logins.password(ALICE, password, client)
        except Refused as refused:
            return refused.kind

    async def scram(self, password: str, client: Client, mechanism: str = "SCRAM-SHA-256") -> bool:
        """Whether the password opens; the server must have proved that it knows it, too."""
        own = ScramClient([mechanism], ALICE, password)
        exchange = self.logins.authentication(TLS, client)
        step = await exchange.begin(mechanism, own.get_client_first().encode())
        assert isinstance(step, Challenge)
        own.set_server_first(step.data.decode())
        step = await exchange.respond(own.get_client_final().encode())
        if isinstance(step, Denied):
            return False
        assert isinstance(step, Challenge)
        own.set_server_final(step.data.decode())
        return isinstance(await exchange.respond(b""), LoggedIn)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False))
    await house.db.write(accounts.add_domain, "example.org", START)
    credentials = accounts.make_credentials(PASSWORD, house.chance, accounts.cost_for(["SCRAM-SHA-1"], CHEAP))
    await house.db.write(
        accounts.add_account, id=1, address=Address.parse(ALICE), credentials=credentials, now=START
    )
    yield house
    house.logins.close()
    await house.db.close()


async def test_for_its_protocols_and_for_its_time(house: House) -> None:
    await house.add("phone", APP, "imap", "smtp", expires=START + DAY)
    assert isinstance(await house.enter(APP, IMAP), Account)
    assert isinstance(await house.enter(APP, SMTP), Account)
    assert await house.enter(APP, POP3) is Kind.BAD_CREDENTIALS
    assert await house.enter(APP, Client()) is Kind.BAD_CREDENTIALS
    assert isinstance(await house.enter(PASSWORD, POP3), Account)
    (app,) = await house.apps()
    assert (app.serves("imap", START + DAY - 1), app.serves("imap", START + DAY)) == (True, False)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256"])
async def test_scram_takes_every_password_of_the_account(house: House, mechanism: str) -> None:
    await house.add("phone", APP, "imap")
    await house.add("desk", "zzzzz-12345", "pop3")
    assert await house.scram(PASSWORD, IMAP, mechanism)
    assert await house.scram(APP, IMAP, mechanism)
    assert not await house.scram(APP, POP3, mechanism)
    assert await house.scram("zzzzz-12345", POP3, mechanism)
    assert not await house.scram("wrong", IMAP, mechanism)
    used = {app.name: app.used is not None for app in await house.apps()}
    assert used == {"phone": True, "desk": True}


async def test_scram_sha_1_has_the_accounts_own_password_alone(house: House) -> None:
    await house.add("phone", APP, "imap")
    assert await house.scram(PASSWORD, IMAP, "SCRAM-SHA-1")
    assert not await house.scram(APP, IMAP, "SCRAM-SHA-1")


async def test_app_passwords_only(house: House) -> None:
    await house.add("phone", APP, "imap")
    await house.db.write(accounts.set_app_only, ALICE, True)
    assert await house.enter(PASSWORD, IMAP) is Kind.BAD_CREDENTIALS
    assert not await house.scram(PASSWORD, IMAP)
    assert not await house.scram(PASSWORD, IMAP, "SCRAM-SHA-1")
    account = await house.enter(APP, IMAP)
    assert isinstance(account, Account)
    assert account.app_only
    assert await house.scram(APP, IMAP)
    assert not await house.scram(APP, POP3), "with no key that serves, made-up ones are shown"
    await house.db.write(accounts.set_app_only, ALICE, False)
    assert isinstance(await house.enter(PASSWORD, IMAP), Account)


async def test_a_new_password_leaves_them_as_they_are(house: House) -> None:
    await house.add("phone", APP, "imap")
    fresh = (await house.stored()).renewed("another", house.chance, OTHER)
    await house.db.write(accounts.set_credentials, ALICE, fresh)
    assert not await house.scram(PASSWORD, IMAP)
    assert await house.scram("another", IMAP)
    assert await house.scram(APP, IMAP)


async def test_another_cost_leaves_them_as_they_are(house: House) -> None:
    await house.add("phone", APP, "imap")
    house.logins = house.another(OTHER)
    assert isinstance(await house.enter(PASSWORD, IMAP), Account)
    stored = await house.stored()
    assert "m=16" in stored.credentials.password, "the hash was made anew"
    assert not outdated(stored.credentials, stored.cost(house.logins._cost)), "and is not made anew each time"
    assert await house.scram(APP, IMAP)
    assert await house.scram(PASSWORD, IMAP)


async def test_one_with_another_salt_goes_on_without_scram(house: House) -> None:
    await house.add("phone", APP, "imap")
    fresh = accounts.make_credentials("another", house.chance, CHEAP)
    await house.db.write(accounts.set_credentials, ALICE, fresh)
    assert isinstance(await house.enter(APP, IMAP), Account)
    assert not await house.scram(APP, IMAP)
    assert await house.scram("another", IMAP)


async def test_one_that_was_taken_back_in_the_middle_opens_nothing(house: House) -> None:
    await house.add("phone", APP, "imap")
    own = ScramClient(["SCRAM-SHA-256"], ALICE, APP)
    exchange = house.logins.authentication(TLS, IMAP)
    step = await exchange.begin("SCRAM-SHA-256", own.get_client_first().encode())
    assert isinstance(step, Challenge)
    own.set_server_first(step.data.decode())
    await house.db.write(accounts.remove_app_password, 1, "phone")
    assert isinstance(await exchange.respond(own.get_client_final().encode()), Denied)
    assert await house.enter(APP, IMAP) is Kind.BAD_CREDENTIALS


async def test_its_last_use_is_written_seldom(house: House) -> None:
    await house.add("phone", APP, "imap")
    assert (await house.apps())[0].used is None
    await house.enter(APP, IMAP)
    first = (await house.apps())[0].used
    assert first is not None
    await house.enter(APP, IMAP)
    (app,) = await house.apps()
    assert app.used == first
    assert not app.stale(first + LAZY - 1)
    assert app.stale(first + LAZY)


async def test_what_is_refused(house: House) -> None:
    for name in ("", " ", "x" * 101, "a\nb"):
        with pytest.raises(Refused) as refused:
            await house.add(name, APP, "imap")
        assert refused.value.kind is Kind.BAD_NAME
    for number in range(MOST):
        await house.add(f"name {number}", f"password {number}", "imap")
    with pytest.raises(Refused) as refused:
        await house.add("one more", APP, "imap")
    assert refused.value.kind is Kind.TOO_MANY
    with pytest.raises(Refused) as refused:
        await house.db.write(accounts.remove_app_password, 1, "one more")
    assert refused.value.kind is Kind.NOT_FOUND
    await house.db.write(accounts.remove_app_password, 1, "name 0")
    with pytest.raises(Refused) as refused:
        await house.add("name 1", APP, "imap")
    assert refused.value.kind is Kind.EXISTS
    await house.db.write(accounts.remove_account, ALICE)
    assert await house.apps() == ()


class Counting(Hashing):
    """Counts what takes long."""

    def __init__(self) -> None:
        super().__init__(0)
        self.count = 0

    async def run(self, work: Callable[[Unpack[Ts]], T], *args: *Ts) -> T:
        self.count += 1
        return await super().run(work, *args)


async def test_every_refusal_takes_one_hash_and_an_app_password_none(house: House) -> None:
    await house.add("phone", APP, "imap")
    house.logins._hashing = hashing = Counting()

    async def cost(login: str, password: str, client: Client) -> int:
        before = hashing.count
        with contextlib.suppress(Refused):
            await house.logins.password(login, password, client)
        return hashing.count - before

    assert await cost(ALICE, APP, IMAP) == 0
    refused = ((ALICE, "wrong", IMAP), (ALICE, APP, POP3), ("nobody@example.org", "wrong", IMAP))
    assert [await cost(*those) for those in refused] == [1, 1, 1]
    await house.db.write(accounts.set_app_only, ALICE, True)
    assert [await cost(ALICE, password, IMAP) for password in (PASSWORD, "wrong", APP)] == [1, 1, 0]


def test_the_same_password_of_two_accounts_is_two_digests() -> None:
    assert digest_of(1, b"x") != digest_of(2, b"x")
