"""The way in: passwords, and the SASL mechanisms of `wire.sasl` joined to the accounts.

Nothing that is said or timed here tells whether an account exists: a name without one is checked against a hash nobody has,
and gets SCRAM keys made up for it. Only who knows the password learns that an account is disabled.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from base64 import b64encode
from dataclasses import dataclass

import idna

from correo.accounts.account import Account, StoredLogin, renew_credentials, stored_login
from correo.accounts.app_passwords import MOST, AppPassword, find_app, note_use
from correo.accounts.authentication import SHOWN_LOGIN, Authentication, Denied, LoggedIn, log_denied
from correo.accounts.credentials import (
    OWASP,
    SALTS_SIZE,
    Cost,
    Credentials,
    checkable,
    cost_for,
    decoy_cram,
    decoy_hash,
    decoy_keys,
    hash_password,
    matches,
    outdated,
    storable,
)
from correo.accounts.domains import only_domain
from correo.accounts.failures import Client, Failures, Patience
from correo.accounts.hashing import Hashing
from correo.accounts.presence import Presence
from correo.accounts.recent import RecentLogins
from correo.accounts.shut_out import shut_out_since
from correo.accounts.tokens import Tokens
from correo.clock import Chance, Clock
from correo.mail.address import Address, BadAddress
from correo.mail.errors import Kind, Refused
from correo.net import TlsInfo
from correo.storage.db import Database, Tx
from correo.wire.sasl import MECHANISMS, BadToken, Challenge, Channel, Digest, Keys, TokenOwner, offered
from correo.wire.sasl.saslprep import Unprepared, saslprep

__all__ = [
    "SHOWN_LOGIN",
    "USUAL",
    "Authentication",
    "Challenge",
    "Denied",
    "LoggedIn",
    "Logins",
    "Ways",
    "find_login",
    "find_vouched",
    "installation_secret",
    "log_denied",
]

SECRET_SIZE = 32  # octets
NOBODY = Client()
PATIENCE = Patience()
FAILURES = frozenset({Kind.BAD_CREDENTIALS, Kind.DISABLED})  # that are counted against the client
NONCE_SIZE = 18  # octets, 24 characters


# Without SCRAM-SHA-1 and CRAM-MD5: their keys are made only once a password is set or used, so that a client that prefers them to PLAIN could not log
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
    host: str = "localhost"  # what the server calls itself


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
        patience: Patience = PATIENCE,
        failures: Failures | None = None,
        failures_key: bytes = b"",
    ) -> None:
        """`concurrency`: passwords hashed at a time, by default one on each core; 0 hashes inline, for virtual time. `failures`
        that are counted together with those of other processes need the `failures_key` that they have, too."""
        self._db = db
        self._clock = clock
        self._chance = chance
        self._cost = cost_for(ways.mechanisms, cost)
        self._ways = ways
        self._hashing = Hashing(concurrency)
        self._recent = RecentLogins(chance.secret(SECRET_SIZE))
        self._decoy = decoy_hash(cost, chance)
        self._secret = b""
        self._failures = failures or Failures(patience)
        self._wrong_key = failures_key or chance.secret(SECRET_SIZE)
        self.presence = Presence()

    async def password(self, login: str, password: str, client: Client = NOBODY) -> Account:
        """Refused BAD_CREDENTIALS, DISABLED, TOO_MANY when the client has failed too often, or UNAVAILABLE when too many are
        being checked. An app password serves as well, where it is for the client's protocol."""
        self.check(client, "")
        name, stored = await self.find(login)
        self.check(client, name)
        try:
            account = await self._password(stored, password, client.protocol)
        except Refused as refused:
            if refused.kind in FAILURES:
                tried = f"{name}\0{password}".encode("utf-8", "surrogatepass")
                await self.failed(client, name, hmac.digest(self._wrong_key, tried, "sha256"))
            raise
        self.succeeded(client, name)
        return account

    async def _password(self, stored: StoredLogin | None, password: str, protocol: str) -> Account:
        secret = checkable(password)
        if stored is None:
            await self._hashing.run(matches, self._decoy, secret)
            raise Refused(Kind.BAD_CREDENTIALS, "no such account")
        app = find_app(stored.apps, stored.account.id, secret)
        if app is not None and app.serves(protocol, self._clock.now()):
            await self.used(app)
        elif app is not None or stored.account.app_only:
            # A refusal takes the same time, whatever its reason.
            await self._hashing.run(matches, self._decoy, secret)
            reason = "not for this protocol, or expired" if app else "not an app password"
            raise Refused(Kind.BAD_CREDENTIALS, reason)
        else:
            await self._check(stored, secret)
        if not stored.account.enabled:
            raise Refused(Kind.DISABLED)
        return stored.account

    async def hash(self, password: str) -> Credentials:
        """`make_credentials` without holding up the event loop. Refused BAD_CREDENTIALS, UNAVAILABLE."""
        return await self._hash(storable(password))

    def change(self, ways: Ways, patience: Patience | None = None) -> None:
        """From now on people log in by these ways; exchanges that have begun go on."""
        self._ways = ways
        self._failures.patience = patience or self._failures.patience
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

    def authentication(
        self, channel: Channel, client: Client = NOBODY, *, success_data: bool = False
    ) -> Authentication:
        """An exchange over this connection, for one AUTH command.

        `success_data`: the protocol can send data with its success (ManageSieve). In SMTP, POP3 and IMAP it cannot, and the
        last words of a mechanism are one more `Challenge`, which the client answers with nothing (RFC 4422 §3.6).
        """
        return Authentication(self, channel, client, success_data)

    async def show_out(self) -> None:
        """Have those leave who were shut out since it was done last. Refused UNAVAILABLE."""
        self.presence.hear(await self._db.read(shut_out_since, self.presence.seen))

    def close(self) -> None:
        """Let go of the threads; passwords that wait are not checked any more."""
        self._hashing.close()

    # -- for Authentication ------------------------------------------------------------------------------------------

    async def find(self, login: str) -> tuple[str, StoredLogin | None]:
        """As `find_login`."""
        return await self._db.read(find_login, login)

    async def find_vouched(self, login: str) -> tuple[str, StoredLogin | None]:
        """As the function `find_vouched`."""
        return await self._db.read(find_vouched, login)

    # What is counted is counted of the name that `find` makes of a login name, or every other spelling of it were a new start.

    def check(self, client: Client, name: str) -> None:
        """Refused TOO_MANY while the client is banned; `name` is "" as long as it is not known."""
        self._failures.check(client, name, self._clock.now())

    async def failed(self, client: Client, name: str, mark: bytes = b"") -> None:
        """Count a failure, and hold back the answer."""
        if seconds := self._failures.failed(client, name, mark, self._clock.now()):
            await asyncio.sleep(seconds)

    def succeeded(self, client: Client, name: str) -> None:
        self._failures.succeeded(client, name, self._clock.now())

    async def used(self, app: AppPassword) -> None:
        now = self._clock.now()
        if app.stale(now):
            with contextlib.suppress(Refused):  # a full disk is no reason to keep somebody out
                await self._db.write(note_use, app.id, now)

    def keys(self, stored: StoredLogin, digest: Digest, client: Client) -> Keys | None:
        """What a mechanism may prove."""
        return stored.keys(digest, client.protocol, self._clock.now())

    @property
    def host(self) -> str:
        return self._ways.host

    def nonce(self) -> str:
        return b64encode(self._chance.secret(NONCE_SIZE)).decode()

    async def decoy_keys(self, name: str, digest: Digest) -> Keys:
        if not self._secret:
            fresh = self._chance.secret(SECRET_SIZE)
            self._secret = await self._db.write(installation_secret, fresh)
        if digest == "md5":
            return decoy_cram(name, self._secret, 1 + MOST)
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
        if outdated(credentials, stored.cost(self._cost)):
            await self._renew(stored, secret)
        else:
            self._recent.add(mark, self._clock.now())

    async def _renew(self, stored: StoredLogin, secret: bytes) -> None:
        try:
            salts, cost = stored.salts(self._chance.secret(SALTS_SIZE)), stored.cost(self._cost)
            fresh = await self._hashing.run(hash_password, secret, salts, cost)
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


async def find_vouched(tx: Tx, login: str) -> tuple[str, StoredLogin | None]:
    """As `find_login`, for a name that comes from somebody who vouches for it.

    Of an account only its own spelling counts, but for case: where a name comes with a password, spellings that preparing makes alike
    lead to the one account whose password it is, but to an authorization server or a certification authority they may be two people.
    """
    folded, stored = await find_login(tx, login)
    return folded, stored if stored is not None and _is_spelling(login, folded) else None


def _is_spelling(login: str, folded: str) -> bool:
    """Whether nothing but case, and A-labels for U-labels, was changed to come from `login` to `folded`."""
    user, _, host = folded.rpartition("@")
    local, at, domain = login.rpartition("@")
    if not at:
        local, domain = login, host
    try:
        domain = domain.lower()
        label = domain if domain.isascii() else idna.encode(domain, strict=True).decode()
    except (idna.IDNAError, UnicodeError):
        return False
    # A few letters of other alphabets have an ASCII letter for their lower case: preparing has found those.
    return saslprep(login) == login and local.lower() == user and label == host


async def installation_secret(tx: Tx, fresh: bytes) -> bytes:
    """What made-up keys are made from, alike in all processes and after restarts; `fresh` if there is none yet."""
    insert = "INSERT INTO accounts_secret (name, value) VALUES ('decoy', $1) ON CONFLICT DO NOTHING"
    await tx.run(insert, fresh)
    row = await tx.one("SELECT value FROM accounts_secret WHERE name = 'decoy'")
    return bytes(row[0]) if row else fresh
