"""`correo account`: the people who have a mailbox here."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import click

from correo import accounts, mailbox
from correo.accounts import Account, Credentials
from correo.accounts.account import stored_login
from correo.cli.app_password import app_only, app_password
from correo.cli.human import octets, plural
from correo.cli.password import ask_password, password_option, read_password
from correo.cli.terminal import (
    EX_DATAERR,
    Failure,
    State,
    json_option,
    run,
    say,
    show,
    usage,
    with_database,
)
from correo.clock import Chance
from correo.clock.system import SystemChance, SystemClock
from correo.config.values import size
from correo.mail.address import Address, BadAddress
from correo.mail.errors import Kind, Refused
from correo.mailbox import Quota
from correo.storage.db import Database, Tx

MAX_LIMIT = 10**18  # what a column of the database holds, and more than anybody has

HINTS = {
    Kind.NOT_FOUND: "see them with: correo account list",
    Kind.BAD_CREDENTIALS: "choose another",
}


@dataclass(frozen=True, slots=True)
class Holding:
    """An account and how much mail it has."""

    account: Account
    messages: int
    size: int  # octets


@click.group()
def command() -> None:
    """The people who have a mailbox here. Each logs in with the whole address and a password."""


command.add_command(app_password)
command.add_command(app_only)


@command.command()
@click.argument("address")
@click.option(
    "--shared", is_flag=True, help="of several people: nobody logs in as it, and it has no password"
)
@password_option
@json_option
@click.pass_obj
def add(state: State, address: str, shared: bool, password_file: str | None) -> None:
    """Make an account with its mailboxes; asks for the password, twice.

    A shared account receives as any other, and is read by those to whom `correo share` gives rights in its mailboxes.
    """
    parsed = parse(address)
    if shared and password_file is not None:
        raise usage("a shared account has no password; leave out --shared or --password-file")
    given = None if shared else read_password(password_file, address)
    clock, chance = SystemClock(), SystemChance()

    async def work(db: Database) -> Account:
        await db.read(refuse_early, parsed)
        credentials = None
        if not shared:
            credentials = _hash(state, given if given is not None else ask_password(address), chance)
        return await db.write(open_account, parsed, credentials, chance, clock.now())

    account = run(with_database(state.config(), work), HINTS | {Kind.NOT_FOUND: add_domain_hint(parsed)})
    name = account.address
    words = f"{name} has an account now; it is also the name to log in with"
    if shared:
        words = f"{name} receives mail now; say who may read it with: correo share set {name} WHO RIGHTS"
    say(state, words, address=name, id=account.id, shared=shared)


def add_domain_hint(address: Address) -> str:
    return f"add it with: correo domain add {address.host}"


async def refuse_early(tx: Tx, address: Address) -> None:
    """Nobody is to type a password, twice, for an account that cannot be made."""
    if not await accounts.is_local(tx, address.host):
        raise Refused(Kind.NOT_FOUND, f"there is no domain {address.host} here")
    if await accounts.get_account(tx, address.folded):
        raise Refused(Kind.EXISTS, f"{address.folded} has an account already")


async def open_account(
    tx: Tx, address: Address, credentials: Credentials | None, chance: Chance, now: int
) -> Account:
    """The account and its mailboxes, together; a shared one without credentials."""
    account = await accounts.add_account(
        tx,
        id=chance.id(now),
        address=address,
        credentials=credentials,
        now=now,
        shared=credentials is None,
    )
    await mailbox.open_account(tx, account.id, chance, now)
    return account


def _hash(state: State, password: str, chance: Chance) -> Credentials:
    """With the keys that the server's mechanisms need."""
    cost = accounts.cost_for(state.config().auth.mechanisms)
    return accounts.make_credentials(password, chance, cost)


@command.command("list")
@click.argument("domain", required=False)
@json_option
@click.pass_obj
def list_(state: State, domain: str | None) -> None:
    """Show the accounts, all or those of DOMAIN, and how much mail they have."""
    found = run(with_database(state.config(), lambda db: db.scan(_holdings, domain)))
    rows = [
        {
            "address": holding.account.address,
            "enabled": holding.account.enabled,
            "shared": holding.account.shared,
            "admin": holding.account.admin,
            "app_only": holding.account.app_only,
            "messages": holding.messages,
            "size": holding.size,
        }
        for holding in found
    ]
    where = f" in {domain}" if domain else ""
    empty = f"no accounts{where} yet; make one with: correo account add NAME@{domain or 'DOMAIN'}"
    show(state, rows, empty=empty, columns=_COLUMNS)


def _login(row: dict[str, Any]) -> str:
    if row["shared"]:
        return "shared"
    if not row["enabled"]:
        return "disabled"
    if row["app_only"]:
        return "app passwords"
    return "admin" if row["admin"] else "yes"


_COLUMNS = {
    "address": lambda row: str(row["address"]),
    "login": _login,
    "messages": lambda row: str(row["messages"]),
    "size": lambda row: octets(row["size"]),
}


async def _holdings(tx: Tx, domain: str | None) -> list[Holding]:
    return [await _holding(tx, account) for account in await accounts.list_accounts(tx, domain)]


async def _holding(tx: Tx, account: Account) -> Holding:
    boxes = await mailbox.list_mailboxes(tx, account.id)
    return Holding(account, sum(box.messages for box in boxes), sum(box.size for box in boxes))


@command.command()
@click.argument("address")
@password_option
@json_option
@click.pass_obj
def passwd(state: State, address: str, password_file: str | None) -> None:
    """Set a new password; asks for it, twice."""
    parsed = parse(address)
    given = read_password(password_file, address)
    chance = SystemChance()

    async def work(db: Database) -> None:
        await db.read(_refuse_shared, parsed.folded)
        password = given if given is not None else ask_password(address)
        stored = await db.read(stored_login, parsed.folded)
        assert stored is not None, "it was there a moment ago"
        credentials = stored.renewed(password, chance, accounts.cost_for(state.config().auth.mechanisms))
        await db.write(accounts.set_credentials, parsed.folded, credentials)

    run(with_database(state.config(), work), HINTS)
    say(state, f"{parsed.folded} has a new password", address=parsed.folded)


@command.command()
@click.argument("address")
@json_option
@click.pass_obj
def disable(state: State, address: str) -> None:
    """Let nobody log in; mail is still delivered."""
    _set_enabled(state, address, False, "can no longer log in; mail is still delivered to it")


@command.command()
@click.argument("address")
@json_option
@click.pass_obj
def enable(state: State, address: str) -> None:
    """Allow logging in again."""
    _set_enabled(state, address, True, "can log in")


def _set_enabled(state: State, address: str, enabled: bool, words: str) -> None:
    folded = parse(address).folded
    run(with_database(state.config(), lambda db: db.write(accounts.set_enabled, folded, enabled)), HINTS)
    say(state, f"{folded} {words}", address=folded, enabled=enabled)


@command.command()
@click.argument("address")
@click.argument("on", metavar="on|off", type=click.Choice(["on", "off"]))
@json_option
@click.pass_obj
def admin(state: State, address: str, on: str) -> None:
    """Let somebody look after the accounts of his own domain by IMAP: their quotas, and who shares the shared ones."""
    folded = parse(address).folded
    run(with_database(state.config(), lambda db: db.write(accounts.set_admin, folded, on == "on")), HINTS)
    words = "administers" if on == "on" else "no longer administers"
    say(state, f"{folded} {words} its domain", address=folded, admin=on == "on")


@command.command()
@click.argument("address")
@click.option("--storage", metavar="SIZE", help="all its mail together, as in 500MiB")
@click.option("--messages", metavar="N", help="in all its mailboxes")
@click.option("--mailboxes", metavar="N")
@json_option
@click.pass_obj
def quota(
    state: State, address: str, storage: str | None, messages: str | None, mailboxes: str | None
) -> None:
    """Show how much an account has and may have, or set limits; "none" lifts one.

    Mail for an account that has no room is put off, and its sender tries again.
    """
    folded = parse(address).folded
    wanted = {
        name: _limit(f"--{name}", given)
        for name, given in (("storage", storage), ("messages", messages), ("mailboxes", mailboxes))
        if given is not None
    }
    found = run(with_database(state.config(), lambda db: db.write(limit, folded, wanted)), HINTS)
    rows: list[dict[str, Any]] = [
        {"what": "storage", "has": found.size, "most": found.most_size},
        {"what": "messages", "has": found.messages, "most": found.most_messages},
        {"what": "mailboxes", "has": found.mailboxes, "most": found.most_mailboxes},
    ]
    show(state, rows, empty="", columns=_QUOTA_COLUMNS)


def _limit(option: str, given: str) -> int | None:
    """Raises Failure."""
    if given.lower() == "none":
        return None
    number = int(given) if given.isdecimal() and len(given) < 20 else None
    try:
        most = size(number or given) if option == "--storage" else number
    except ValueError as wrong:
        raise usage(f"{option} {wrong}") from None
    if most is None or most > MAX_LIMIT:
        raise usage(f'{option} must be a number, at most {MAX_LIMIT}, or "none"')
    return most


def _amount(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return "none"
    return octets(row[name]) if row["what"] == "storage" else str(row[name])


_QUOTA_COLUMNS = {
    "what": lambda row: str(row["what"]),
    "has": lambda row: _amount(row, "has"),
    "limit": lambda row: _amount(row, "most"),
}


async def limit(tx: Tx, folded: str, wanted: dict[str, int | None]) -> Quota:
    """Set the limits that are named and leave the others; what holds then."""
    account = await accounts.get_account(tx, folded)
    if account is None:
        raise Refused(Kind.NOT_FOUND, f"there is no account {folded}")
    now = await mailbox.quota(tx, account.id)
    if wanted:
        await mailbox.set_limits(
            tx,
            account.id,
            size=wanted.get("storage", now.most_size),
            messages=wanted.get("messages", now.most_messages),
            mailboxes=wanted.get("mailboxes", now.most_mailboxes),
        )
    return await mailbox.quota(tx, account.id)


@command.command()
@click.argument("address")
@click.option("--yes", is_flag=True, help="do not ask")
@json_option
@click.pass_obj
def remove(state: State, address: str, yes: bool) -> None:
    """Remove an account with all its mail, for good."""
    folded = parse(address).folded
    now = SystemClock().now()

    async def work(db: Database) -> Holding:
        holding = await db.read(_holding_of, folded)
        if not yes:
            _confirm(holding)
        await db.bulk(close_account, folded, now)
        return holding

    gone = run(with_database(state.config(), work), HINTS)
    words = f"{folded} and its {plural(gone.messages, 'message')} are gone, and aliases no longer lead there"
    say(state, words, address=folded, messages=gone.messages, size=gone.size)


async def _refuse_shared(tx: Tx, folded: str) -> None:
    holding = await _holding_of(tx, folded)
    if holding.account.shared:
        raise Refused(Kind.NO_PERMISSION, f"{folded} is a shared account, and nobody logs in as it")


async def _holding_of(tx: Tx, folded: str) -> Holding:
    account = await accounts.get_account(tx, folded)
    if account is None:
        raise Refused(Kind.NOT_FOUND, f"there is no account {folded}")
    return await _holding(tx, account)


def _confirm(holding: Holding) -> None:
    name = holding.account.address
    if not sys.stdin.isatty():
        raise usage(f"this removes {name} with all its mail; say --yes to do so without being asked")
    mail = f"{plural(holding.messages, 'message')}, {octets(holding.size)}"
    if not click.confirm(f"Remove {name} with all its mail ({mail}) for good?", err=True):
        raise Failure("nothing was removed", EX_DATAERR)


async def close_account(tx: Tx, folded: str, now: int) -> None:
    account = await accounts.remove_account(tx, folded)
    await mailbox.remove_account(tx, account.id, now)


def parse(address: str) -> Address:
    """Raises Failure."""
    try:
        return Address.parse(address)
    except BadAddress as wrong:
        raise Failure(f"{address!r} is not an address: {wrong}", EX_DATAERR) from None
