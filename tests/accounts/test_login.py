"""Logging in: by password and by each mechanism, and what must not be learned from it."""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scramp import ScramClient

from correo import accounts
from correo.accounts import Challenge, Cost, Denied, LoggedIn, Logins, Ways, cost_for, make_credentials
from correo.accounts.hashing import WAITING_PER_THREAD
from correo.accounts.login import USUAL
from correo.accounts.recent import TTL
from correo.clock.virtual import START, SeededChance, VirtualClock
from correo.mail.address import Address
from correo.mail.errors import Kind, Refused
from correo.net import TlsInfo
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite
from correo.wire.sasl import MECHANISMS, BadToken, Channel, TokenOwner

CHEAP = Cost(passes=1, memory=8, lanes=1, iterations=4096)
OTHER = Cost(passes=1, memory=16, lanes=1, iterations=4097)
PASSWORD = "correct horse"
TLS = Channel(tls=True, passwords=True)
ALL_WAYS = Ways()
WITH_SHA1 = Ways((*USUAL, "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"))


class House:
    """A database with two accounts, and ways to ask it."""

    def __init__(self, db: Sqlite) -> None:
        self.db = db
        self.clock = VirtualClock()
        self.chance = SeededChance(1)
        self.logins = self.another()

    def another(self, *, concurrency: int | None = 0, cost: Cost = CHEAP, ways: Ways = ALL_WAYS) -> Logins:
        """Another process on the same database."""
        return Logins(self.db, self.clock, self.chance, concurrency=concurrency, cost=cost, ways=ways)

    async def furnish(self) -> None:
        await self.db.write(accounts.add_domain, "example.com", START)
        for id, name in enumerate(("bob", "jürgen"), start=1):
            await self.db.write(
                accounts.add_account,
                id=id,
                address=Address.parse(f"{name}@example.com"),
                credentials=make_credentials(PASSWORD, self.chance, CHEAP),
                now=START,
            )

    async def set_password(self, password: str, cost: Cost = CHEAP) -> None:
        fresh = make_credentials(password, self.chance, cost)
        await self.db.write(accounts.set_credentials, "bob@example.com", fresh)

    async def enable(self, enabled: bool) -> None:
        await self.db.write(accounts.set_enabled, "bob@example.com", enabled)

    async def tried(self, login: str, password: str, logins: Logins | None = None) -> int | Kind:
        """The id of whom the password let in, or why it did not."""
        try:
            return (await (logins or self.logins).password(login, password)).id
        except Refused as refused:
            return refused.kind

    async def proven(
        self,
        login: str,
        password: str,
        *,
        success_data: bool = False,
        mechanism: str = "SCRAM-SHA-256",
        logins: Logins | None = None,
        channel: Channel = TLS,
        binding: tuple[str, bytes] | None = None,
    ) -> Challenge | LoggedIn | Denied:
        """How SCRAM goes with a foreign client."""
        client = ScramClient([mechanism], login, password, channel_binding=binding)
        logins = logins or self.logins
        authentication = logins.authentication(channel, success_data=success_data)
        first = await authentication.begin(mechanism, client.get_client_first().encode())
        if not isinstance(first, Challenge):
            return first
        client.set_server_first(first.data.decode())
        end = await authentication.respond(client.get_client_final().encode())
        if isinstance(end, Challenge):
            client.set_server_final(end.data.decode())
            end = await authentication.respond(b"")
        return end


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    db = await Sqlite.open(tmp_path / "correo.db", now=START, threaded=False)
    house = House(db)
    await house.furnish()
    yield house
    await db.close()


@pytest.mark.parametrize(
    ("login", "password", "expected"),
    [
        ("bob@example.com", PASSWORD, 1),
        ("BOB@Example.COM", PASSWORD, 1),
        ("bob", PASSWORD, 1),
        ("Bob", PASSWORD, 1),
        ("jürgen", PASSWORD, 2),
        ("ju\u0308rgen@example.com", PASSWORD, 2),
        ("bob", "correct\u00a0horse", 1),  # SASLprep makes it a plain space
        ("bob", "Correct horse", Kind.BAD_CREDENTIALS),
        ("bob", "", Kind.BAD_CREDENTIALS),
        ("bob", "x" * 5000, Kind.BAD_CREDENTIALS),
        ("bob", "\0", Kind.BAD_CREDENTIALS),
        ("bob", "\ud800", Kind.BAD_CREDENTIALS),
        ("bob+tag@example.com", PASSWORD, Kind.BAD_CREDENTIALS),
        ("eve@example.com", PASSWORD, Kind.BAD_CREDENTIALS),
        ("bob@example.org", PASSWORD, Kind.BAD_CREDENTIALS),
        ("", PASSWORD, Kind.BAD_CREDENTIALS),
        ("@", PASSWORD, Kind.BAD_CREDENTIALS),
        ("bo\0b", PASSWORD, Kind.BAD_CREDENTIALS),
        ("\ud800", PASSWORD, Kind.BAD_CREDENTIALS),
        ("x" * 5000, PASSWORD, Kind.BAD_CREDENTIALS),
    ],
)
async def test_password(house: House, login: str, password: str, expected: int | Kind) -> None:
    assert await house.tried(login, password) == expected
    assert await house.tried(login, password) == expected  # again, where the first may be remembered


async def test_a_bare_name_needs_a_domain_without_choice(house: House) -> None:
    await house.db.write(accounts.add_domain, "example.org", START)
    assert await house.tried("bob", PASSWORD) is Kind.BAD_CREDENTIALS
    assert await house.tried("bob@example.com", PASSWORD) == 1


async def test_only_the_owner_learns_that_an_account_is_disabled(house: House) -> None:
    await house.enable(False)
    assert await house.tried("bob", PASSWORD) is Kind.DISABLED
    assert await house.tried("bob", "wrong") is Kind.BAD_CREDENTIALS
    assert (await house.proven("bob", PASSWORD)) == Denied(Kind.DISABLED, login="bob")
    end = await house.proven("bob", "wrong")
    assert isinstance(end, Denied)
    assert end.kind is Kind.BAD_CREDENTIALS


async def test_a_change_is_obeyed_at_once_in_spite_of_the_memory(house: House) -> None:
    assert await house.tried("bob", PASSWORD) == 1
    await house.set_password("new one")
    assert await house.tried("bob", PASSWORD) is Kind.BAD_CREDENTIALS
    assert await house.tried("bob", "new one") == 1
    await house.enable(False)
    assert await house.tried("bob", "new one") is Kind.DISABLED
    await house.enable(True)
    assert await house.tried("bob", "new one") == 1
    await house.db.write(accounts.remove_account, "bob@example.com")
    assert await house.tried("bob", "new one") is Kind.BAD_CREDENTIALS


async def test_a_remembered_login_needs_no_hashing(house: House) -> None:
    """With no room to hash in, those who logged in lately get in until their time is over, and nobody else does."""
    logins = house.another(concurrency=1)
    assert await house.tried("bob", PASSWORD, logins) == 1
    crowd = [asyncio.ensure_future(house.tried("nobody", "x", logins)) for _ in range(1 + WAITING_PER_THREAD)]
    await asyncio.sleep(0)  # one turn of the loop, in which they all come to wait
    assert await house.tried("bob", PASSWORD, logins) == 1
    assert await house.tried("bob", "wrong", logins) is Kind.UNAVAILABLE
    assert await house.tried("jürgen", PASSWORD, logins) is Kind.UNAVAILABLE
    house.clock.advance(TTL)
    assert await house.tried("bob", PASSWORD, logins) is Kind.UNAVAILABLE
    assert set(await asyncio.gather(*crowd)) == {Kind.BAD_CREDENTIALS}
    assert await house.tried("bob", PASSWORD, logins) == 1
    logins.close()


async def test_a_name_without_an_account_is_hashed_for_like_any_other(house: House) -> None:
    logins = house.another(concurrency=1)
    room = 1 + WAITING_PER_THREAD
    answers = await asyncio.gather(*(house.tried("nobody", "x", logins) for _ in range(room + 7)))
    assert answers.count(Kind.BAD_CREDENTIALS) == room
    assert answers.count(Kind.UNAVAILABLE) == 7
    logins.close()


async def test_hashes_are_renewed_when_the_cost_changes(house: House) -> None:
    async def kept(tx: Tx) -> list[object]:
        row = await tx.one("SELECT password, scram FROM accounts_account WHERE id = 1")
        assert row
        return list(row)

    before = await house.db.read(kept)
    dearer = house.another(cost=OTHER)
    assert await house.tried("bob", "wrong", dearer) is Kind.BAD_CREDENTIALS
    assert await house.db.read(kept) == before
    assert await house.tried("bob", PASSWORD, dearer) == 1
    password, scram = await house.db.read(kept)
    assert "m=16,t=1" in str(password)
    assert str(scram).startswith("4097$")
    assert await house.tried("bob", PASSWORD, dearer) == 1
    assert isinstance(await house.proven("bob", PASSWORD), LoggedIn)
    assert await house.db.read(kept) == [password, scram]


async def test_hash(house: House) -> None:
    logins = house.another(concurrency=1)
    fresh = await logins.hash("pass\u00adword")
    await house.db.write(accounts.set_credentials, "bob@example.com", fresh)
    assert await house.tried("bob", "password") == 1
    with pytest.raises(Refused):
        await logins.hash("")
    logins.close()


async def test_plain(house: House) -> None:
    bob = await house.db.read(accounts.account_by_id, 1)
    assert bob
    for authzid in ("", "bob@example.com", "BOB"):
        message = f"{authzid}\0bob@example.com\0{PASSWORD}".encode()
        assert await house.logins.authentication(TLS).begin("plain", message) == LoggedIn(bob)
    message = f"jürgen@example.com\0bob@example.com\0{PASSWORD}".encode()
    end = await house.logins.authentication(TLS).begin("PLAIN", message)
    assert end == Denied(Kind.BAD_CREDENTIALS, "asked to act as somebody else", "bob@example.com")
    end = await house.logins.authentication(TLS).begin("PLAIN", b"\0bob\0wrong")
    assert end == Denied(Kind.BAD_CREDENTIALS, "wrong password", "bob")


async def test_login(house: House) -> None:
    authentication = house.logins.authentication(TLS)
    assert await authentication.begin("LOGIN", None) == Challenge(b"Username:")
    assert await authentication.respond(b"bob") == Challenge(b"Password:")
    end = await authentication.respond(PASSWORD.encode())
    assert isinstance(end, LoggedIn)
    assert end.account.id == 1


@pytest.mark.parametrize("login", ["bob@example.com", "BOB", "jürgen@example.com"])
async def test_scram(house: House, login: str) -> None:
    end = await house.proven(login, PASSWORD)
    assert isinstance(end, LoggedIn)
    assert end.account.id == (2 if "j" in login else 1)
    assert end.final == b""


async def test_scram_success_can_carry_the_last_words(house: House) -> None:
    end = await house.proven("bob", PASSWORD, success_data=True)
    assert isinstance(end, LoggedIn)
    assert end.final.startswith(b"v=")


@pytest.mark.parametrize("last", [b"x", None])
async def test_a_client_that_does_not_believe_the_last_words_is_not_in(
    house: House, last: bytes | None
) -> None:
    client = ScramClient(["SCRAM-SHA-256"], "bob", PASSWORD)
    authentication = house.logins.authentication(TLS)
    first = await authentication.begin("SCRAM-SHA-256", client.get_client_first().encode())
    assert isinstance(first, Challenge)
    client.set_server_first(first.data.decode())
    assert isinstance(await authentication.respond(client.get_client_final().encode()), Challenge)
    assert isinstance(await authentication.respond(last), Denied)
    assert isinstance(await authentication.respond(b""), Denied)


@pytest.mark.parametrize("change", ["password", "disabled", "removed"])
async def test_scram_notices_what_changed_while_the_client_thought(house: House, change: str) -> None:
    client = ScramClient(["SCRAM-SHA-256"], "bob", PASSWORD)
    authentication = house.logins.authentication(TLS)
    first = await authentication.begin("SCRAM-SHA-256", client.get_client_first().encode())
    assert isinstance(first, Challenge)
    client.set_server_first(first.data.decode())
    if change == "password":
        await house.set_password("new one")
    elif change == "disabled":
        await house.enable(False)
    else:
        await house.db.write(accounts.remove_account, "bob@example.com")
    end = await authentication.respond(client.get_client_final().encode())
    assert isinstance(end, Denied)
    assert end.kind is (Kind.DISABLED if change == "disabled" else Kind.BAD_CREDENTIALS)


async def test_scram_does_not_tell_who_is_here(house: House) -> None:
    async def first(login: str, logins: Logins) -> tuple[int, int, bytes]:
        """Length of the nonce, iterations, salt."""
        step = await logins.authentication(TLS).begin("SCRAM-SHA-256", f"n,,n={login},r=abc".encode())
        assert isinstance(step, Challenge)
        fields = dict(field.split("=", 1) for field in step.data.decode().split(","))
        return len(fields["r"]), int(fields["i"]), b64decode(fields["s"])

    known = await first("bob@example.com", house.logins)
    unknown = await first("eve@example.com", house.logins)
    assert known[:2] == unknown[:2]
    assert len(known[2]) == len(unknown[2])
    assert known[2] != unknown[2]
    # Asked again, in another process, or in another spelling, both stay the same; another name has another salt.
    other = house.another()
    for logins in (house.logins, other):
        for spelling in ("bob", "BOB@Example.com"):
            assert await first(spelling, logins) == known
        for spelling in ("eve", "EVE@Example.com"):
            assert await first(spelling, logins) == unknown
    assert (await first("eva@example.com", other))[2] != unknown[2]
    end = await house.proven("eve", PASSWORD)
    assert end == Denied(Kind.BAD_CREDENTIALS, "wrong proof", "eve")


async def test_mechanisms_that_were_not_offered(house: House) -> None:
    authentication = house.logins.authentication(Channel(tls=False, passwords=False))
    for mechanism in ("PLAIN", "EXTERNAL", "SCRAM-SHA-256-PLUS", "OAUTHBEARER", "CRAM-MD5", "", "\0"):
        end = await authentication.begin(mechanism, b"\0bob\0" + PASSWORD.encode())
        assert end == Denied(Kind.NOT_FOUND, "no such mechanism")


async def test_an_exchange_out_of_turn(house: House) -> None:
    authentication = house.logins.authentication(TLS)
    assert isinstance(await authentication.respond(b"\0bob\0" + PASSWORD.encode()), Denied)
    assert await authentication.begin("PLAIN", None) == Challenge(b"")
    assert isinstance(await authentication.respond(None), Denied)
    assert isinstance(await authentication.respond(b"\0bob\0" + PASSWORD.encode()), Denied)
    # What was begun can be begun anew.
    assert await authentication.begin("LOGIN", None) == Challenge(b"Username:")
    assert isinstance(await authentication.begin("PLAIN", b"\0bob\0" + PASSWORD.encode()), LoggedIn)
    assert isinstance(await authentication.respond(b""), Denied)


async def test_nothing_gives_the_password_away(house: House) -> None:
    message = f"\0bob\0{PASSWORD}x".encode()
    assert PASSWORD not in repr(await house.logins.authentication(TLS).begin("PLAIN", message))
    credentials = make_credentials(PASSWORD, house.chance, CHEAP)
    assert PASSWORD not in credentials.password + credentials.scram
    assert credentials.password not in repr(credentials)


# -- SCRAM-SHA-1 and channel binding -------------------------------------------------------------------------------------


async def test_scram_sha1_works_once_there_are_keys(house: House) -> None:
    """An account from before gets them when its password is used; until then nothing tells it from one with another password."""
    logins = house.another(ways=WITH_SHA1)
    for _ in range(2):
        end = await house.proven("bob", PASSWORD, mechanism="SCRAM-SHA-1", logins=logins)
        assert end == Denied(Kind.BAD_CREDENTIALS, "wrong proof", "bob")
        assert isinstance(await house.proven("bob", PASSWORD, logins=logins), LoggedIn)
    assert await house.tried("bob", "wrong", logins) is Kind.BAD_CREDENTIALS
    assert isinstance(await house.proven("bob", PASSWORD, mechanism="SCRAM-SHA-1", logins=logins), Denied)
    assert await house.tried("bob", PASSWORD, logins) == 1
    end = await house.proven("bob", PASSWORD, mechanism="SCRAM-SHA-1", logins=logins)
    assert isinstance(end, LoggedIn)
    assert isinstance(await house.proven("bob", PASSWORD, logins=logins), LoggedIn)
    # Where nobody wants the keys any more they are taken away.
    assert await house.tried("bob", PASSWORD) == 1
    stored = (await house.logins.find("bob"))[1]
    assert stored
    assert stored.credentials.scram_sha1 == ""


async def test_scram_sha1_is_not_usual(house: House) -> None:
    end = await house.logins.authentication(TLS).begin("SCRAM-SHA-1", b"n,,n=bob,r=abc")
    assert end == Denied(Kind.NOT_FOUND, "no such mechanism")


def cram(challenge: bytes, login: str, password: str) -> bytes:
    return f"{login} {hmac.new(password.encode(), challenge, 'md5').hexdigest()}".encode()


async def by_cram(logins: Logins, login: str, password: str) -> LoggedIn | Denied:
    authentication = logins.authentication(TLS)
    first = await authentication.begin("CRAM-MD5", None)
    assert isinstance(first, Challenge)
    end = await authentication.respond(cram(first.data, login, password))
    assert not isinstance(end, Challenge)
    return end


async def test_cram_md5_works_once_there_are_keys(house: House) -> None:
    """As with SCRAM-SHA-1; and nothing tells an account without them from one that does not exist."""
    logins = house.another(ways=Ways((*USUAL, "CRAM-MD5"), host="mx.example.com"))
    for name in ("bob", "eve"):
        assert await by_cram(logins, name, PASSWORD) == Denied(Kind.BAD_CREDENTIALS, "wrong proof", name)
    assert await house.tried("bob", PASSWORD, logins) == 1
    assert isinstance(await by_cram(logins, "bob", PASSWORD), LoggedIn)
    assert isinstance(await by_cram(logins, "BOB@example.COM", PASSWORD), LoggedIn)
    assert await by_cram(logins, "bob", "x") == Denied(Kind.BAD_CREDENTIALS, "wrong proof", "bob")
    await house.enable(False)
    assert await by_cram(logins, "bob", PASSWORD) == Denied(Kind.DISABLED, login="bob")
    await house.enable(True)
    # Where nobody wants the keys any more they are taken away.
    assert await house.tried("bob", PASSWORD) == 1
    stored = (await house.logins.find("bob"))[1]
    assert stored
    assert stored.credentials.cram_md5 == ""


async def test_cram_md5_is_not_usual(house: House) -> None:
    end = await house.logins.authentication(TLS).begin("CRAM-MD5", None)
    assert end == Denied(Kind.NOT_FOUND, "no such mechanism")


async def test_a_password_that_changes_during_cram_md5(house: House) -> None:
    logins = house.another(ways=Ways(("CRAM-MD5", "PLAIN"), host="mx.example.com"))
    wanted = cost_for(["CRAM-MD5"], CHEAP)
    await house.set_password("first", wanted)
    authentication = logins.authentication(TLS)
    first = await authentication.begin("CRAM-MD5", None)
    assert isinstance(first, Challenge)
    assert first.data.startswith(b"<")
    assert first.data.endswith(b"@mx.example.com>")
    await house.set_password("second", wanted)
    end = await authentication.respond(cram(first.data, "bob", "first"))
    assert end == Denied(Kind.BAD_CREDENTIALS, "wrong proof", "bob")
    assert isinstance(await by_cram(logins, "bob", "second"), LoggedIn)


async def test_ways_change_while_the_server_runs(house: House) -> None:
    house.logins.change(WITH_SHA1)
    assert await house.tried("bob", PASSWORD) == 1
    assert isinstance(await house.proven("bob", PASSWORD, mechanism="SCRAM-SHA-1"), LoggedIn)
    house.logins.change(Ways(("SCRAM-SHA-256",)))
    assert house.logins.offered(TLS) == ("SCRAM-SHA-256",)
    assert not house.logins.takes_passwords(TLS)


UNIQUE, END_POINT = ("tls-unique", b"finished"), ("tls-server-end-point", bytes(32))
TLS_1_2 = TlsInfo("TLSv1.2", "", bindings=(END_POINT, UNIQUE))
TLS_1_3 = TlsInfo("TLSv1.3", "", bindings=(END_POINT,))
PLUS = "SCRAM-SHA-256-PLUS"


def test_what_is_offered_where(house: House) -> None:
    """One function for all protocols."""
    logins = house.logins
    plain = ("SCRAM-SHA-256", "PLAIN", "LOGIN")
    assert logins.offered(logins.channel(None, False)) == ("SCRAM-SHA-256",)
    assert logins.offered(logins.channel(None, True)) == plain
    assert logins.offered(logins.channel(TlsInfo("TLSv1.2", ""), False)) == plain
    assert logins.offered(logins.channel(TLS_1_2, False)) == (PLUS, *plain)
    assert logins.offered(logins.channel(TLS_1_3, False)) == plain
    shown = TlsInfo("TLSv1.3", "", certificate=("bob@example.com",))
    assert logins.offered(logins.channel(shown, False)) == ("SCRAM-SHA-256", "EXTERNAL", "PLAIN", "LOGIN")
    eager = house.another(ways=Ways(end_point=True))
    assert eager.offered(eager.channel(TLS_1_3, False)) == (PLUS, *plain)

    clear = logins.channel(None, False)
    wanted = {name for name in MECHANISMS if logins.offered_under_tls(name, clear)}
    assert wanted == {"PLAIN", "LOGIN"}
    assert not any(logins.offered_under_tls(name, TLS) for name in MECHANISMS)
    assert not logins.takes_passwords(clear)
    assert logins.takes_passwords(TLS)


@pytest.mark.parametrize("binding", [UNIQUE, END_POINT])
async def test_channel_binding(house: House, binding: tuple[str, bytes]) -> None:
    channel = house.logins.channel(TLS_1_2, False)
    end = await house.proven("bob", PASSWORD, mechanism=PLUS, channel=channel, binding=binding)
    assert isinstance(end, LoggedIn)
    other = (binding[0], b"of another connection")
    end = await house.proven("bob", PASSWORD, mechanism=PLUS, channel=channel, binding=other)
    assert isinstance(end, Denied)
    assert end.kind is Kind.BAD_CREDENTIALS


# -- certificates and tokens ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "authzid", "expected"),
    [
        (("bob@example.com",), b"", 1),
        (("BOB@Example.com",), b"bob@example.com", 1),
        (("bob@example.com",), b"bob", 1),
        (("nobody@example.com", "jürgen@example.com"), b"", 2),
        (("bob@example.com", "jürgen@example.com"), "jürgen@example.com".encode(), 2),
        (("bob@example.com",), "jürgen@example.com".encode(), Kind.BAD_CREDENTIALS),
        (("nobody@example.com",), b"", Kind.BAD_CREDENTIALS),
        (("nobody@example.com",), b"bob@example.com", Kind.BAD_CREDENTIALS),
        (("bob@example.com",), b"\xff", Kind.BAD_CREDENTIALS),
        (("bob@example.com",), b"@", Kind.BAD_CREDENTIALS),
        (
            (*(f"x{number}@example.com" for number in range(50)), "bob@example.com"),
            b"",
            Kind.BAD_CREDENTIALS,
        ),
    ],
)
async def test_external(house: House, names: tuple[str, ...], authzid: bytes, expected: int | Kind) -> None:
    channel = house.logins.channel(TlsInfo("TLSv1.3", "", certificate=names), False)
    end = await house.logins.authentication(channel).begin("EXTERNAL", authzid)
    assert (end.account.id if isinstance(end, LoggedIn) else end.kind) == expected  # type: ignore[union-attr]


LOOKALIKES = (
    "\uff42ob@example.com",  # a wide b
    "bo\u00adb@example.com",  # a soft hyphen
    "\u24d1ob@example.com",  # a b in a circle
    '"bob"@example.com',
    "bob@\uff45xample.com",
    "bob@example\u3002com",  # an ideographic full stop, which names in the DNS take for a dot
    "bob@example.com.",
    "ju\u0308rgen@example.com",
    "\uff42ob",
)


@pytest.mark.parametrize("name", LOOKALIKES)
async def test_a_name_that_is_vouched_for_is_no_other(house: House, name: str) -> None:
    """Whoever may choose his name at the authority must not become somebody whose name only looks like it."""
    assert (await house.logins.find(name))[1] is not None, "with the password it would do"
    channel = house.logins.channel(TlsInfo("TLSv1.3", "", certificate=(name,)), False)
    logins = house.another(ways=Ways(tokens=Register(token=name)))
    for mechanism, message in (
        ("EXTERNAL", b""),
        ("OAUTHBEARER", b"n,,\x01auth=Bearer token\x01\x01"),
        ("XOAUTH2", f"user={name}\x01auth=Bearer token\x01\x01".encode()),
        ("XOAUTH2", b"user=bob@example.com\x01auth=Bearer token\x01\x01"),
    ):
        end = await logins.authentication(channel).begin(mechanism, message)
        assert isinstance(end, Denied)
        assert end.kind is Kind.BAD_CREDENTIALS


@pytest.mark.parametrize(
    ("name", "id"),
    [("Bob@EXAMPLE.com", 1), ("bob", 1), ("J\u00dcRGEN@example.com", 2), ("eve@B\u00fccher.example", 3)],
)
async def test_a_name_that_is_vouched_for_may_be_in_capitals(house: House, name: str, id: int) -> None:
    if id == 3:
        await house.db.write(accounts.add_domain, "b\u00fccher.example", START)
        eve = Address.parse("eve@xn--bcher-kva.example")
        credentials = make_credentials(PASSWORD, house.chance, CHEAP)
        await house.db.write(accounts.add_account, id=3, address=eve, credentials=credentials, now=START)
    logins = house.another(ways=Ways(tokens=Register(token=name)))
    end = await logins.authentication(TLS).begin("OAUTHBEARER", b"n,,\x01auth=Bearer token\x01\x01")
    assert isinstance(end, LoggedIn)
    assert end.account.id == id


async def test_external_for_an_account_that_is_disabled(house: House) -> None:
    await house.enable(False)
    channel = house.logins.channel(TlsInfo("TLSv1.3", "", certificate=("bob@example.com",)), False)
    end = await house.logins.authentication(channel).begin("EXTERNAL", b"")
    assert end == Denied(Kind.DISABLED, login="bob@example.com")


class Register:
    """Tokens that are known beforehand: `tests/accounts/test_tokens.py` has the real ones."""

    def __init__(self, **owners: str) -> None:
        self._owners = owners

    async def check(self, token: str) -> TokenOwner | BadToken:
        if token == "busy":
            raise Refused(Kind.UNAVAILABLE)
        owner = self._owners.get(token)
        return TokenOwner(owner) if owner else BadToken("invalid_token")


@pytest.mark.parametrize(
    ("identity", "token", "expected"),
    [
        ("a=bob@example.com", "bobs", 1),
        ("", "bobs", 1),
        ("a=BOB", "bobs", 1),
        ("a=jürgen@example.com", "bobs", Kind.BAD_CREDENTIALS),
        ("a=bob@example.com", "nobodys", Kind.BAD_CREDENTIALS),
        ("a=bob@example.com", "busy", Kind.UNAVAILABLE),
        ("a=bob@example.com", "stolen", Challenge(b'{"status": "invalid_token"}')),
    ],
)
async def test_oauthbearer(house: House, identity: str, token: str, expected: int | Kind | Challenge) -> None:
    logins = house.another(ways=Ways(tokens=Register(bobs="bob@example.com", nobodys="eve@example.com")))
    assert "OAUTHBEARER" in logins.offered(TLS)
    assert logins.offered(logins.channel(None, True)) == ("SCRAM-SHA-256", "PLAIN", "LOGIN")
    authentication = logins.authentication(TLS)
    message = f"n,{identity},\x01auth=Bearer {token}\x01\x01".encode()
    end = await authentication.begin("OAUTHBEARER", message)
    if isinstance(end, Challenge):
        assert end == expected
        end = await authentication.respond(b"\x01")
        assert end == Denied(Kind.BAD_CREDENTIALS, "invalid_token", "bob@example.com")
    else:
        assert (end.account.id if isinstance(end, LoggedIn) else end.kind) == expected


async def test_xoauth2(house: House) -> None:
    logins = house.another(ways=Ways(tokens=Register(bobs="bob@example.com")))
    message = b"user=bob@example.com\x01auth=Bearer bobs\x01\x01"
    assert isinstance(await logins.authentication(TLS).begin("XOAUTH2", message), LoggedIn)
    await house.enable(False)
    end = await logins.authentication(TLS).begin("XOAUTH2", message)
    assert end == Denied(Kind.DISABLED, login="bob@example.com")


_WORDS = b"n,, p=tls-unique,, \x01auth=Bearer user= \x01\x01 n= r=abc , bob secret \0 c=biws p= = \xff".split(
    b" "
)
_ANSWERS = st.none() | st.binary(max_size=30) | st.lists(st.sampled_from(_WORDS), max_size=8).map(b"".join)


@given(mechanism=st.sampled_from(list(MECHANISMS)), answers=st.lists(_ANSWERS, min_size=1))
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_nothing_a_client_sends_raises(
    house: House, mechanism: str, answers: list[bytes | None]
) -> None:
    info = TlsInfo("TLSv1.2", "", bindings=(UNIQUE,), certificate=("nobody@example.com",))
    logins = house.another(ways=Ways(tuple(MECHANISMS), Register()))
    authentication = logins.authentication(logins.channel(info, False))
    step = await authentication.begin(mechanism, answers[0])
    for answer in answers[1:]:
        assert not isinstance(step, LoggedIn)
        step = await authentication.respond(answer)
    assert isinstance(step, Challenge | Denied)
