"""Accounts: a primary address, which is also the login name, and what proves that someone is its owner."""

from __future__ import annotations

from dataclasses import dataclass, field

from correo.accounts.credentials import Credentials
from correo.accounts.domains import folded_domain, is_local
from correo.mail.address import Address
from correo.mail.errors import Kind, Refused
from correo.storage.db import Row, Tx
from correo.wire.sasl.saslprep import Unprepared, saslprep

_COLUMNS = "id, address, spelling, domain, enabled"


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    address: str  # comparison form
    spelling: str  # as the operator wrote it
    domain: str  # comparison form
    enabled: bool  # False: mail is still delivered, nobody can log in


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """An account with its secrets: for `accounts.login` alone."""

    account: Account
    credentials: Credentials = field(repr=False)


async def add_account(tx: Tx, *, id: int, address: Address, credentials: Credentials, now: int) -> Account:
    """Refused BAD_NAME, NOT_FOUND when the domain is not local, EXISTS when an account or alias has the address."""
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
        """INSERT INTO accounts_account (id, address, spelling, domain, password, scram, enabled, created)
           VALUES ($1, $2, $3, $4, $5, $6, 1, $7)""",
        id,
        address.folded,
        str(address),
        address.host,
        credentials.password,
        credentials.scram,
        now,
    )
    return Account(id, address.folded, str(address), address.host, True)


async def get_account(tx: Tx, folded: str) -> Account | None:
    row = await tx.one(f"SELECT {_COLUMNS} FROM accounts_account WHERE address = $1", folded)
    return _account(row) if row else None


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


async def first_account(tx: Tx, domain: str) -> Account | None:
    """The oldest account of the domain that someone can read; failing that, the oldest."""
    row = await tx.one(
        f"SELECT {_COLUMNS} FROM accounts_account WHERE domain = $1 ORDER BY enabled DESC, id LIMIT 1", domain
    )
    return _account(row) if row else None


async def set_credentials(tx: Tx, folded: str, credentials: Credentials) -> None:
    """Refused NOT_FOUND."""
    update = "UPDATE accounts_account SET password = $2, scram = $3 WHERE address = $1"
    if not await tx.run(update, folded, credentials.password, credentials.scram):
        raise _missing(folded)


async def renew_credentials(tx: Tx, id: int, old: Credentials, new: Credentials) -> bool:
    """The same password, hashed anew; False when it was changed meanwhile, and nothing was done."""
    update = "UPDATE accounts_account SET password = $3, scram = $4 WHERE id = $1 AND password = $2"
    return await tx.run(update, id, old.password, new.password, new.scram) > 0


async def set_enabled(tx: Tx, folded: str, enabled: bool) -> None:
    """Refused NOT_FOUND."""
    update = "UPDATE accounts_account SET enabled = $2 WHERE address = $1"
    if not await tx.run(update, folded, int(enabled)):
        raise _missing(folded)


async def remove_account(tx: Tx, folded: str) -> Account:
    """Take away the account and whatever aliases led to it, so that no later owner of the address inherits them.

    The account's mail is the caller's to remove in the same transaction. Refused NOT_FOUND.
    """
    account = await get_account(tx, folded)
    if account is None:
        raise _missing(folded)
    user, _, host = folded.rpartition("@")
    await tx.run("DELETE FROM accounts_account WHERE id = $1", account.id)
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
    row = await tx.one(f"SELECT {_COLUMNS}, password, scram FROM accounts_account WHERE address = $1", folded)
    return StoredLogin(_account(row[:5]), Credentials(row[5], row[6])) if row else None


def _account(row: Row) -> Account:
    id, address, spelling, domain, enabled = row
    return Account(id, address, spelling, domain, bool(enabled))


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
