"""App passwords: for one program each, made here and shown once, for some protocols, perhaps for some time.

They are random and long, so that one fast digest is enough to find one: nobody guesses 98 bits (docs/decisions/0014-app-passwords.md).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass, field

from correo.accounts.credentials import Credentials, read_keys, written, written_cram
from correo.accounts.shut_out import shut_out
from correo.mail.errors import Kind, Refused
from correo.mail.instant import HOUR
from correo.storage.db import Row, Tx
from correo.wire.sasl import CramKeys, ScramKeys

SCOPES = ("smtp", "imap", "pop3")
MOST = 20  # of one account; each is one more that SCRAM has to try a proof with
MAX_NAME = 100  # characters
LAZY = HOUR  # the time of the last use is written when it is off by more, so that a login is seldom a write

_COLUMNS = "id, name, scopes, expires, used, created, digest, scram, cram_md5"
_OF = f"SELECT {_COLUMNS} FROM accounts_app_password WHERE account_id = $1 ORDER BY name"
_ADD = f"""INSERT INTO accounts_app_password (account_id, {_COLUMNS})
VALUES ($1, $2, $3, $4, $5, NULL, $6, $7, $8, $9) ON CONFLICT (account_id, name) DO NOTHING"""
_REMOVE = "DELETE FROM accounts_app_password WHERE account_id = $1 AND name = $2"
_USED = "UPDATE accounts_app_password SET used = $2 WHERE id = $1 AND (used IS NULL OR used < $2)"


@dataclass(frozen=True, slots=True)
class AppPassword:
    """Times are µs UTC."""

    id: int
    name: str
    scopes: tuple[str, ...]
    expires: int | None
    used: int | None  # within an hour of the last time, None: never
    created: int
    digest: bytes = field(repr=False)
    scram: str = field(repr=False)
    cram_md5: str = field(default="", repr=False)

    def serves(self, protocol: str, now: int) -> bool:
        return protocol in self.scopes and (self.expires is None or now < self.expires)

    def stale(self, now: int) -> bool:
        """Whether the time of its last use should be written."""
        return self.used is None or not 0 <= now - self.used < LAZY

    @property
    def keys(self) -> ScramKeys:
        return read_keys(self.scram, "sha256")


def digest_of(account_id: int, secret: bytes) -> bytes:
    """Of a prepared password; the same for two accounts is two digests."""
    return hashlib.blake2b(secret, key=account_id.to_bytes(8, "big"), digest_size=32).digest()


def find_app(apps: Collection[AppPassword], account_id: int, secret: bytes) -> AppPassword | None:
    """The one whose password this is; it takes the same time wherever it stands."""
    digest = digest_of(account_id, secret)
    found = None
    for app in apps:
        if hmac.compare_digest(app.digest, digest):
            found = app
    return found


def derive(password: str, credentials: Credentials) -> str:
    """Its SCRAM keys in written form, with the salt of the account: SCRAM names the salt before it knows which password is meant."""
    own = credentials.scram_keys()
    if own is None:
        raise Refused(Kind.NO_PERMISSION, "the account has no SCRAM keys")
    return written(ScramKeys.derive(password.encode(), own.salt, own.iterations))


def derive_cram(password: str) -> str:
    """Its CRAM-MD5 keys in written form."""
    return written_cram(CramKeys.derive(password.encode()))


async def app_passwords(tx: Tx, account_id: int) -> tuple[AppPassword, ...]:
    """By name."""
    return tuple(_app(row) for row in await tx.all(_OF, account_id))


async def add_app_password(
    tx: Tx,
    account_id: int,
    *,
    id: int,
    name: str,
    password: str,
    scram: str,
    cram_md5: str = "",
    scopes: Collection[str],
    expires: int | None,
    now: int,
) -> None:
    """`password` must be random and long, `scram` is of `derive`, `cram_md5` of `derive_cram` if that is wanted. Refused BAD_NAME, EXISTS, TOO_MANY."""
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable() or not set(scopes) <= set(SCOPES):
        raise Refused(Kind.BAD_NAME, f"{name!r} cannot be the name of an app password")
    if len(await app_passwords(tx, account_id)) >= MOST:
        raise Refused(Kind.TOO_MANY, f"an account has at most {MOST} app passwords")
    wanted = " ".join(scope for scope in SCOPES if scope in scopes)
    digest = digest_of(account_id, password.encode())
    if not await tx.run(_ADD, account_id, id, name, wanted, expires, now, digest, scram, cram_md5):
        raise Refused(Kind.EXISTS, f"there is an app password {name!r} already")


async def remove_app_password(tx: Tx, account_id: int, name: str) -> None:
    """Whoever is logged in to the account is shut out: by which password, no session remembers. Refused NOT_FOUND."""
    if not await tx.run(_REMOVE, account_id, name):
        raise Refused(Kind.NOT_FOUND, f"no app password {name!r}")
    await shut_out(tx, account_id)


async def note_use(tx: Tx, id: int, now: int) -> None:
    await tx.run(_USED, id, now)


def _app(row: Row) -> AppPassword:
    id, name, scopes, *rest = row
    return AppPassword(id, name, tuple(scopes.split()), *rest)
