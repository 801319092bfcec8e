"""The way in: passwords, and the SASL mechanisms of `wire.sasl` joined to the accounts.

Nothing that is said or timed here tells whether an account exists: a name without one is checked against a hash nobody has,
and gets SCRAM keys made up for it. Only who knows the password learns that an account is disabled.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

from correo.accounts.account import Account, StoredLogin, renew_credentials, stored_login
from correo.accounts.authentication import Authentication, Denied, LoggedIn
from correo.accounts.credentials import (
    OWASP,
    SALTS_SIZE,
    Cost,
    Credentials,
    checkable,
    cost_for,
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
from correo.accounts.tokens import Tokens
from correo.clock import Chance, Clock
from correo.mail.address import Address, BadAddress
from correo.mail.errors import Kind, Refused
from correo.net import TlsInfo
from correo.storage.db import Database, Tx
from correo.wire.sasl import MECHANISMS, BadToken, Challenge, Channel, Digest, ScramKeys, TokenOwner, offered
from correo.wire.sasl.saslprep import Unprepared, saslprep

__all__ = [
    "USUAL",
    "Authentication",
    "Challenge",
    "Denied",
    "LoggedIn",
    "Logins",
    "Ways",
    "find_login",
    "installation_secret",
]

SECRET_SIZE = 32  # octets
NONCE_SIZE = 18  # octets, 24 characters


# Without SCRAM-SHA-1: its keys are made only once a password is set or used, so that a client that prefers it to PLAIN could not log
# in to an account from before; and they are easier to attack for whoever takes the database.
USUAL = (
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-256",
    "EXTERNAL",
    "OAUTHBEARER",
    "XOAUTH2",
    "PLAIN",
    "LOGIN",
)
_BY_TOKEN = ("OAUTHBEARER", "XOAUTH2")


@dataclass(frozen=True, slots=True)
class Ways:
    """How people may log in."""

    mechanisms: tuple[str, ...] = USUAL  # names of `wire.sasl`; each is offered where it can be used
    tokens: Tokens | None = None  # without it the mechanisms that show a token are not offered
    # Channel binding is offered under TLS 1.3, too, where the only type we have is tls-server-end-point. Clients that follow
    # RFC 9266 take an offer for one of tls-exporter, and fail to log in.
    end_point: bool = False


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
        ways: Ways = Ways(),
    ) -> None:
        """`concurrency`: passwords hashed at a time, by default one on each core; 0 hashes inline, for virtual time."""
        self._db = db
        self._clock = clock
        self._chance = chance
        self._cost = cost_for(ways.mechanisms, cost)
        self._ways = ways
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

    def change(self, ways: Ways) -> None:
        """From now on people log in by these ways; exchanges that have begun go on."""
        self._ways = ways
        self._cost = cost_for(ways.mechanisms, self._cost)

    def channel(self, tls: TlsInfo | None, allow_plaintext: bool) -> Channel:
        """A connection as mechanisms see it. `allow_plaintext`: passwords may cross it without TLS."""
        if tls is None:
            return Channel(False, allow_plaintext)
        bindings = dict(tls.bindings)
        if not self._ways.end_point and bindings.keys() <= {"tls-server-end-point"}:
            bindings.clear()
        return Channel(True, True, bindings, tls.certificate)

    def offered(self, channel: Channel) -> tuple[str, ...]:
        """The names of the mechanisms, the preferred ones first: what every protocol announces, and takes."""
        ways = self._ways
        return offered(channel, [name for name in ways.mechanisms if ways.tokens or name not in _BY_TOKEN])

    def offered_under_tls(self, mechanism: str, channel: Channel) -> bool:
        """Whether the mechanism is missing only because there is no TLS."""
        missing = not channel.tls and mechanism not in self.offered(channel)
        return missing and mechanism in self.offered(Channel(True, True))

    def takes_passwords(self, channel: Channel) -> bool:
        """Whether a protocol's own commands for name and password may be used, too: they show what PLAIN and LOGIN show."""
        return any(MECHANISMS[name].password for name in self.offered(channel))

    def passwords_need_tls(self, channel: Channel) -> bool:
        """Whether they are not taken only because there is no TLS."""
        return not self.takes_passwords(channel) and self.takes_passwords(Channel(True, True))

    def authentication(self, channel: Channel, *, success_data: bool = False) -> Authentication:
        """An exchange over this connection, for one AUTH command.

        `success_data`: the protocol can send data with its success (ManageSieve). In SMTP, POP3 and IMAP it cannot, and the
        last words of a mechanism are one more `Challenge`, which the client answers with nothing (RFC 4422 §3.6).
        """
        return Authentication(self, channel, success_data)

    def close(self) -> None:
        """Let go of the threads; passwords that wait are not checked any more."""
        self._hashing.close()

    # -- for Authentication ------------------------------------------------------------------------------------------

    async def find(self, login: str) -> tuple[str, StoredLogin | None]:
        """As `find_login`."""
        return await self._db.read(find_login, login)

    def nonce(self) -> str:
        return b64encode(self._chance.secret(NONCE_SIZE)).decode()

    async def decoy_keys(self, name: str, digest: Digest) -> ScramKeys:
        if not self._secret:
            fresh = self._chance.secret(SECRET_SIZE)
            self._secret = await self._db.write(installation_secret, fresh)
        return decoy_keys(name, self._secret, self._cost, digest)

    async def token(self, token: str) -> TokenOwner | BadToken:
        """Refused UNAVAILABLE."""
        tokens = self._ways.tokens
        return await tokens.check(token) if tokens else BadToken("invalid_token")

    # ------------------------------------------------------------------------------------------------------------------

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
        return await self._hashing.run(hash_password, secret, self._chance.secret(SALTS_SIZE), self._cost)


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
