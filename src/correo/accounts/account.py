"""Accounts: a primary address, which is also the login name, and what proves that someone is its owner."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from correo.accounts.app_passwords import AppPassword, app_passwords
from correo.accounts.credentials import (
    SALT_SIZE,
    SALTS_SIZE,
    Cost,
    Credentials,
    hash_password,
    read_cram,
    storable,
)
from correo.accounts.domains import folded_domain, is_local
from correo.accounts.shut_out import shut_out
from correo.clock import Chance
from correo.mail.address import Address
from correo.mail.errors import Kind, Refused
from correo.storage.db import Row, Tx
from correo.wire.sasl import CramKeys, Digest, Keys, ScramKeys, include
from correo.wire.sasl.saslprep import Unprepared, saslprep

_COLUMNS = "id, address, spelling, domain, enabled, shared, admin, app_only"
_SECRETS = "password, scram, scram_sha1, cram_md5"
_SECRETS_SET = "password = $2, scram = $3, scram_sha1 = $4, cram_md5 = $5"
_LOGIN = f"""SELECT {_SECRETS}, (SELECT coalesce(max(number), 0) FROM accounts_shut_out), {_COLUMNS}
FROM accounts_account WHERE address = $1 AND shared = 0"""
_NO_CREDENTIALS = Credentials(
    "", ""
)  # what a shared account has in their place; `stored_login` never shows it


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    address: str  # comparison form
    spelling: str  # as the operator wrote it
    domain: str  # comparison form
    enabled: bool  # False: mail is still delivered, nobody can log in
    shared: bool = False  # it is several people's, by the rights in its mailboxes, and nobody logs in as it
    admin: bool = False  # looks after the accounts of its domain
    app_only: bool = False  # its own password is not taken, only app passwords are
    # Where it was read to log somebody in: the last change by which somebody was shut out before.
    as_of: int | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """An account with its secrets: for `accounts.login` alone."""

    account: Account
    credentials: Credentials = field(repr=False)
    apps: tuple[AppPassword, ...] = ()

    def keys(self, digest: Digest, protocol: str, now: int) -> Keys | None:
        """What a mechanism may prove: the password, and every app password that serves. None where there is nothing."""
        apps = [app for app in self.apps if app.serves(protocol, now)]
        return self._cram(apps) if digest == "md5" else self._scram(digest, apps)

    def _scram(self, digest: Digest, apps: list[AppPassword]) -> ScramKeys | None:
        """App passwords have keys for SHA-256 alone, and are left out where a new password came with another salt."""
        own = self.credentials.scram_keys(digest)
        if own is None:
            return None
        found = [] if self.account.app_only else [own]
        if digest == "sha256":
            others = [app.keys for app in apps]
            found += [keys for keys in others if (keys.salt, keys.iterations) == (own.salt, own.iterations)]
        return replace(found[0], others=tuple(found[1:])) if found else None

    def _cram(self, apps: list[AppPassword]) -> CramKeys | None:
        own = "" if self.account.app_only else self.credentials.cram_md5
        found = [keys for kept in (own, *(app.cram_md5 for app in apps)) if (keys := read_cram(kept))]
        return replace(found[0], others=tuple(found[1:])) if found else None

    def app_of(self, keys: Keys) -> AppPassword | None:
        """The app password that has these keys."""
        for app in self.apps:
            own = read_cram(app.cram_md5) if keys.digest == "md5" else app.keys
            if own and include(own, keys):
                return app
        return None

    def salts(self, fresh: bytes) -> bytes:
        """For a new hash of the password: `fresh`, but the salt of SCRAM-SHA-256 stays where app passwords have it, too."""
        own = self.credentials.scram_keys()
        return fresh[:SALT_SIZE] + own.salt + fresh[2 * SALT_SIZE :] if own and self.apps else fresh

    def renewed(self, password: str, chance: Chance, cost: Cost) -> Credentials:
        """As `make_credentials`, so that app passwords go on to serve with SCRAM."""
        return hash_password(storable(password), self.salts(chance.secret(SALTS_SIZE)), self.cost(cost))

    def cost(self, cost: Cost) -> Cost:
        """For a new hash of the password: `cost`, with as many iterations as app passwords have where there are any."""
        own = self.credentials.scram_keys()
        return replace(cost, iterations=own.iterations) if own and self.apps else cost


async def add_account(
    tx: Tx,
    *,
    id: int,
    address: Address,
    credentials: Credentials | None = None,
    now: int,
    shared: bool = False,
) -> Account:
    """A shared account has no credentials, and any other has.

    Refused BAD_NAME, NOT_FOUND when the domain is not local, EXISTS when an account or alias has the address.
    """
    if shared != (credentials is None):
        raise ValueError("credentials for a shared account, or none for another")
    credentials = credentials or _NO_CREDENTIALS
    _check_name(address)
    if not await is_local(tx, address.host):
        raise Refused(Kind.NOT_FOUND, f"no domain {address.host} here")
    taken = await tx.one(
        """SELECT 1 FROM accounts_account WHERE address = $1
           UNION ALL SELECT 1 FROM accounts_alias WHERE address = $1""",
        address.folded,
    )
    if taken:
        raise Refused(Kind.EXISTS, f"{address.folded} is an account or alias already")
    await tx.run(
        """INSERT INTO accounts_account
             (id, address, spelling, domain, password, scram, scram_sha1, enabled, created, shared, cram_md5)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10)""",
        id,
        address.folded,
        str(address),
        address.host,
        credentials.password,
        credentials.scram,
        credentials.scram_sha1,
        now,
        int(shared),
        credentials.cram_md5,
    )
    return Account(id, address.folded, str(address), address.host, True, shared)


async def get_account(tx: Tx, folded: str) -> Account | None:
    row = await tx.one(f"SELECT {_COLUMNS} FROM accounts_account WHERE address = $1", folded)
    return _account(row) if row else None


async def created(tx: Tx, account_id: int) -> int:
    """When the account was made (µs); Refused NOT_FOUND."""
    row = await tx.one("SELECT created FROM accounts_account WHERE id = $1", account_id)
    if row is None:
        raise Refused(Kind.NOT_FOUND)
    return int(row[0])


async def account_by_id(tx: Tx, id: int) -> Account | None:
    row = await tx.one(f"SELECT {_COLUMNS} FROM accounts_account WHERE id = $1", id)
    return _account(row) if row else None


async def list_accounts(tx: Tx, domain: str | None = None) -> list[Account]:
    """By address; `domain` in any spelling. Refused BAD_NAME."""
    if domain is None:
        rows = await tx.all(f"SELECT {_COLUMNS} FROM accounts_account ORDER BY address")
    else:
        select = f"SELECT {_COLUMNS} FROM accounts_account WHERE domain = $1 ORDER BY address"
        rows = await tx.all(select, folded_domain(domain))
    return [_account(row) for row in rows]


async def list_shared(tx: Tx, domain: str) -> list[Account]:
    """The shared accounts of a domain (comparison form), by address."""
    select = (
        f"SELECT {_COLUMNS} FROM accounts_account WHERE domain = $1 AND shared <> 0 ORDER BY domain, address"
    )
    return [_account(row) for row in await tx.all(select, domain)]


async def first_account(tx: Tx, domain: str) -> Account | None:
    """The oldest account of the domain that someone logs in to; failing that, one that is disabled; failing that, a shared one."""
    select = (
        f"SELECT {_COLUMNS} FROM accounts_account WHERE domain = $1 ORDER BY shared, enabled DESC, id LIMIT 1"
    )
    row = await tx.one(select, domain)
    return _account(row) if row else None


async def set_credentials(tx: Tx, folded: str, credentials: Credentials) -> None:
    """Whoever is logged in is shut out. Refused NOT_FOUND, NO_PERMISSION for a shared account."""
    account = await _personal(tx, folded)
    update = f"UPDATE accounts_account SET {_SECRETS_SET} WHERE address = $1"
    await tx.run(update, folded, *_secrets(credentials))
    await shut_out(tx, account.id)


async def renew_credentials(tx: Tx, id: int, old: Credentials, new: Credentials) -> bool:
    """The same password, hashed anew; False when it was changed meanwhile, and nothing was done."""
    update = f"UPDATE accounts_account SET {_SECRETS_SET} WHERE id = $1 AND password = $6"
    return await tx.run(update, id, *_secrets(new), old.password) > 0


async def set_enabled(tx: Tx, folded: str, enabled: bool) -> None:
    """Whoever is logged in is shut out when it is disabled. Refused NOT_FOUND, NO_PERMISSION for a shared account."""
    account = await _personal(tx, folded)
    await tx.run("UPDATE accounts_account SET enabled = $2 WHERE address = $1", folded, int(enabled))
    if not enabled:
        await shut_out(tx, account.id)


async def set_admin(tx: Tx, folded: str, admin: bool) -> None:
    """Refused NOT_FOUND, NO_PERMISSION for a shared account."""
    await _personal(tx, folded)
    await tx.run("UPDATE accounts_account SET admin = $2 WHERE address = $1", folded, int(admin))


async def set_app_only(tx: Tx, folded: str, app_only: bool) -> None:
    """Whoever is logged in is shut out when it is set. Refused NOT_FOUND, NO_PERMISSION for a shared account."""
    account = await _personal(tx, folded)
    await tx.run("UPDATE accounts_account SET app_only = $2 WHERE address = $1", folded, int(app_only))
    if app_only:
        await shut_out(tx, account.id)


async def remove_account(tx: Tx, folded: str) -> Account:
    """Take away the account and whatever aliases led to it, so that no later owner of the address inherits them.

    The account's mail is the caller's to remove in the same transaction. Refused NOT_FOUND.
    """
    account = await get_account(tx, folded)
    if account is None:
        raise _missing(folded)
    user, _, host = folded.rpartition("@")
    await tx.run("DELETE FROM accounts_account WHERE id = $1", account.id)
    await tx.run("DELETE FROM accounts_app_password WHERE account_id = $1", account.id)
    await tx.run("DELETE FROM accounts_sent WHERE account_id = $1", account.id)
    await shut_out(tx, account.id)
    await tx.run(
        """DELETE FROM accounts_alias WHERE target_folded = $1
           OR (substr(target_folded, 1, length($2)) = $2
               AND substr(target_folded, length(target_folded) - length($3) + 1) = $3
               AND target_folded NOT IN (SELECT address FROM accounts_alias))""",
        folded,
        f"{user}+",
        f"@{host}",
    )
    return account


async def stored_login(tx: Tx, folded: str) -> StoredLogin | None:
    """None for a shared account, too: to whoever tries it looks as if there were none."""
    row = await tx.one(_LOGIN, folded)
    # Asked for nobody's as well, so that a name without an account takes as long.
    apps = await app_passwords(tx, row[5] if row else 0)
    if not row:
        return None
    account = replace(_account(row[5:]), as_of=row[4])
    return StoredLogin(account, Credentials(*row[:4]), apps)


def _secrets(credentials: Credentials) -> tuple[str, str, str, str]:
    """In the order of the columns."""
    return credentials.password, credentials.scram, credentials.scram_sha1, credentials.cram_md5


def _account(row: Row) -> Account:
    id, address, spelling, domain, *flags = row
    return Account(id, address, spelling, domain, *map(bool, flags))


async def _personal(tx: Tx, folded: str) -> Account:
    account = await get_account(tx, folded)
    if account is None:
        raise _missing(folded)
    if account.shared:
        raise Refused(Kind.NO_PERMISSION, f"{folded} is a shared account, and nobody logs in as it")
    return account


def _missing(folded: str) -> Refused:
    return Refused(Kind.NOT_FOUND, f"no account {folded}")


def _check_name(address: Address) -> None:
    if not address.user:
        raise Refused(Kind.BAD_NAME, "the part before the @ is empty")
    if "+" in address.user:
        raise Refused(Kind.BAD_NAME, "the part before the @ may not contain +, which begins a tag")
    try:
        prepared = saslprep(address.folded)
    except Unprepared as error:
        raise Refused(Kind.BAD_NAME, f"the address {error}") from None
    # Clients send login names prepared (RFC 5802 §5.1), so any other form could never log in.
    if prepared != address.folded:
        raise Refused(
            Kind.BAD_NAME, f"the address contains characters that clients turn into others: {prepared}"
        )
