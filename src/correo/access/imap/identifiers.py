"""Identifiers of access control lists (RFC 4314 §2): an account by its address, or everybody of the domain."""

from __future__ import annotations

from typing import NamedTuple

from correo import accounts
from correo.accounts import Account
from correo.accounts.domains import only_domain
from correo.mail.address import Address, BadAddress
from correo.mailbox import ALL_RIGHTS, Entry, format_rights
from correo.storage.db import Tx
from correo.wire.imap.acl import ANYONE

EVERYBODY = 0  # in the place of an account id


class Holder(NamedTuple):
    """Whom an entry is about: an account and "", or EVERYBODY and a domain."""

    account_id: int
    domain: str


async def holder(tx: Tx, owner: Account, name: str) -> Holder | None:
    """`owner`: of the mailbox, whose domain it is that `anyone` stands for. A bare local part is completed as at login.

    None for what nobody logs in as.
    """
    if name == ANYONE:
        return Holder(EVERYBODY, owner.domain)
    if "@" not in name and (domain := await only_domain(tx)):
        name = f"{name}@{domain}"
    try:
        found = await accounts.get_account(tx, Address.parse(name).folded)
    except BadAddress:
        return None
    return Holder(found.id, "") if found and not found.shared else None


async def described(tx: Tx, owner: Account, entries: list[Entry]) -> list[tuple[str, str]]:
    """The list as GETACL tells it. An owner has all rights, which no entry gives and none can take away."""
    told = [] if owner.shared else [(owner.address, format_rights(ALL_RIGHTS))]
    for entry in entries:
        if entry.account_id == EVERYBODY:
            name = ANYONE
        else:
            account = await accounts.account_by_id(tx, entry.account_id)
            if account is None or account.id == owner.id:
                continue
            name = account.address
        told.append(("-" + name if entry.negative else name, format_rights(entry.rights)))
    return told
