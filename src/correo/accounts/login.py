"""The way in: passwords, and the SASL mechanisms of `wire.sasl` joined to the accounts.

Nothing that is said or timed here tells whether an account exists: a name without one is checked against a hash nobody has,
and gets SCRAM keys made up for it. Only who knows the password learns that an account is disabled.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass

from correo.accounts.account import Account, StoredLogin, renew_credentials, stored_login
from correo.accounts.credentials import (
    OWASP,
    SALT_SIZE,
    Cost,
    Credentials,
    checkable,
    decoy_hash,
    decoy_keys,
    hash_password,
    matches,
    outdated,
    storable,
)
from correo.accounts.domains import only_domain
from correo.accounts.hashing import Hashing
from correo.accounts.recent import RecentLogins
from correo.clock import Chance, Clock
from correo.mail.address import Address, BadAddress
from correo.mail.errors import Kind, Refused
from correo.storage.db import Database, Tx
from correo.wire.sasl import (
    MECHANISMS,
    Challenge,
    CheckPassword,
    End,
    Exchange,
    Finished,
    LookUp,
    Malformed,
    Rejected,
    ScramKeys,
    advance,
)
from correo.wire.sasl.saslprep import Unprepared, saslprep

__all__ = ["Authentication", "Challenge", "Denied", "LoggedIn", "Logins", "find_login", "installation_secret"]

SECRET_SIZE = 32  # octets
NONCE_SIZE = 18  # octets, 24 characters


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """`final` goes to the client with the success; b"" unless success can carry data in the protocol."""

    account: Account
    final: bytes = b""


@dataclass(frozen=True, slots=True)
class Denied:
    """NOT_FOUND: no such mechanism. BAD_CREDENTIALS, DISABLED, UNAVAILABLE: as `Logins.password`."""

    kind: Kind
    detail: str = ""  # for the log
    login: str = ""  # the name that was tried, as far as it became known, for the log


class Logins:
    """Checks who someone is; one for each process."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        chance: Chance,
        *,
        concurrency: int | None = None,
        cost: Cost = OWASP,
    ) -> None:
        """`concurrency`: passwords hashed at a time, by default one on each core; 0 hashes inline, for virtual time."""
        self._db = db
        self._clock = clock
        self._chance = chance
        self._cost = cost
        self._hashing = Hashing(concurrency)
        self._recent = RecentLogins(chance.secret(SECRET_SIZE))
        self._decoy = decoy_hash(cost, chance)
        self._secret = b""

    async def password(self, login: str, password: str) -> Account:
        """Refused BAD_CREDENTIALS, DISABLED, or UNAVAILABLE when too many are being checked."""
        _, stored = await self._db.read(find_login, login)
        secret = checkable(password)
        if stored is None:
            await self._hashing.run(matches, self._decoy, secret)
            raise Refused(Kind.BAD_CREDENTIALS, "no such account")
        await self._check(stored, secret)
        if not stored.account.enabled:
            raise Refused(Kind.DISABLED)
        return stored.account

    async def hash(self, password: str) -> Credentials:
        """`make_credentials` without holding up the event loop. Refused BAD_CREDENTIALS, UNAVAILABLE."""
        return await self._hash(storable(password))

    def authentication(
        self, mechanisms: Collection[str] | None = None, *, success_data: bool = False
    ) -> Authentication:
        """An exchange in one of `mechanisms` (None: all), for one AUTH command.

        `success_data`: the protocol can send data with its success (ManageSieve). In SMTP, POP3 and IMAP it cannot, and the
        last words of a mechanism are one more `Challenge`, which the client answers with nothing (RFC 4422 §3.6).
        """
        return Authentication(self, mechanisms, success_data)

    def close(self) -> None:
        """Let go of the threads; passwords that wait are not checked any more."""
        self._hashing.close()

    async def _find(self, login: str) -> tuple[str, StoredLogin | None]:
        return await self._db.read(find_login, login)

    def _nonce(self) -> str:
        return b64encode(self._chance.secret(NONCE_SIZE)).decode()

    async def _decoy_keys(self, name: str) -> ScramKeys:
        if not self._secret:
            fresh = self._chance.secret(SECRET_SIZE)
            self._secret = await self._db.write(installation_secret, fresh)
        return decoy_keys(name, self._secret, self._cost)

    async def _check(self, stored: StoredLogin, secret: bytes) -> None:
        account, credentials = stored.account, stored.credentials
        mark = self._recent.mark(account.id, credentials.password, secret)
        if self._recent.knows(mark, self._clock.now()):
            return
        if not await self._hashing.run(matches, credentials.password, secret):
            raise Refused(Kind.BAD_CREDENTIALS, "wrong password")
        if outdated(credentials, self._cost):
            await self._renew(stored, secret)
        else:
            self._recent.add(mark, self._clock.now())

    async def _renew(self, stored: StoredLogin, secret: bytes) -> None:
        try:
            fresh = await self._hash(secret)
            await self._db.write(renew_credentials, stored.account.id, stored.credentials, fresh)
        except Refused:
            pass  # too busy or out of disk: the password was right, and the next login tries again

    async def _hash(self, secret: bytes) -> Credentials:
        return await self._hashing.run(hash_password, secret, self._chance.secret(2 * SALT_SIZE), self._cost)


class Authentication:
    """One exchange. `begin`, then `respond` as long as the answer is a `Challenge`."""

    def __init__(self, logins: Logins, mechanisms: Collection[str] | None, success_data: bool) -> None:
        self._logins = logins
        self._allowed = MECHANISMS.keys() if mechanisms is None else {name.upper() for name in mechanisms}
        self._success_data = success_data
        self._exchange: Exchange | None = None
        self._looked_up: tuple[str, StoredLogin | None] = ("", None)
        self._success: LoggedIn | None = None  # waits for the client to take note of the last words

    async def begin(self, mechanism: str, initial: bytes | None) -> Challenge | LoggedIn | Denied:
        """`initial`: the initial response out of base64, None where there was none (b"" is one that is empty)."""
        self._forget()
        self._looked_up = ("", None)
        row = MECHANISMS.get(mechanism.upper())
        if row is None or row.name not in self._allowed:
            return Denied(Kind.NOT_FOUND, "no such mechanism")
        self._exchange = row.start(initial, self._logins._nonce())
        return await self._advance(self._exchange, None)

    async def respond(self, data: bytes | None) -> Challenge | LoggedIn | Denied:
        """`data` out of base64; None when the client cancelled with "*"."""
        exchange, success = self._exchange, self._success
        if exchange and data is not None:
            return await self._advance(exchange, data)
        self._forget()
        if success and data == b"":
            return success
        return Denied(Kind.BAD_CREDENTIALS, "the client broke off the exchange", self._looked_up[0])

    def _forget(self) -> None:
        self._exchange = self._success = None

    async def _advance(self, exchange: Exchange, data: bytes | None) -> Challenge | LoggedIn | Denied:
        try:
            step = advance(exchange, data)
            while isinstance(step, LookUp):
                step = advance(exchange, await self._keys(step.login))
            if isinstance(step, Challenge):
                return step
            self._exchange = None
            return await self._end(step)
        except Refused as refused:
            self._forget()
            return Denied(refused.kind, refused.detail, self._looked_up[0])

    async def _keys(self, login: str) -> ScramKeys:
        name, stored = self._looked_up = await self._logins._find(login)
        decoy = await self._logins._decoy_keys(name)  # made for everybody, so that it takes the same time
        return stored.credentials.keys if stored else decoy

    async def _end(self, end: End) -> Challenge | LoggedIn | Denied:
        match end:
            case Malformed(reason):
                return Denied(Kind.BAD_CREDENTIALS, reason, self._looked_up[0])
            case Rejected(login):
                return Denied(Kind.BAD_CREDENTIALS, "wrong proof", login)
            case CheckPassword(login, authzid, password):
                self._looked_up = (login, None)
                account = await self._logins.password(login, password)
                return await self._as(account, authzid, b"")
            case Finished(login, authzid, final):
                return await self._proven(login, authzid, final)

    async def _proven(self, login: str, authzid: str, final: bytes) -> Challenge | LoggedIn | Denied:
        # The client took its time: the password may have been changed, or the account disabled, since the keys were read.
        _, stored = await self._logins._find(login)
        if stored is None or self._looked_up[1] is None:
            return Denied(Kind.BAD_CREDENTIALS, "no such account", login)
        if stored.credentials != self._looked_up[1].credentials:
            return Denied(Kind.BAD_CREDENTIALS, "the password was changed meanwhile", login)
        if not stored.account.enabled:
            return Denied(Kind.DISABLED, login=login)
        return await self._as(stored.account, authzid, final)

    async def _as(self, account: Account, authzid: str, final: bytes) -> Challenge | LoggedIn | Denied:
        """Nobody acts for another account (RFC 4422 §3.4.1)."""
        if authzid and (await self._logins._find(authzid))[0] != account.address:
            return Denied(Kind.BAD_CREDENTIALS, "asked to act as somebody else", account.address)
        if not final or self._success_data:
            return LoggedIn(account, final)
        self._success = LoggedIn(account)
        return Challenge(final)


async def find_login(tx: Tx, login: str) -> tuple[str, StoredLogin | None]:
    """The comparison form of a login name, and whose it is. A bare local part means the only domain there is."""
    try:
        name = saslprep(login)
        domain = None if "@" in name else await only_domain(tx)
        folded = Address.parse(f"{name}@{domain}" if domain else name).folded
    except (Unprepared, BadAddress):
        return login, None
    return folded, await stored_login(tx, folded)


async def installation_secret(tx: Tx, fresh: bytes) -> bytes:
    """What made-up keys are made from, alike in all processes and after restarts; `fresh` if there is none yet."""
    insert = "INSERT INTO accounts_secret (name, value) VALUES ('decoy', $1) ON CONFLICT DO NOTHING"
    await tx.run(insert, fresh)
    row = await tx.one("SELECT value FROM accounts_secret WHERE name = 'decoy'")
    return bytes(row[0]) if row else fresh
