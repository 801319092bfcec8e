"""`correo account app-password`: further passwords of an account, for one program each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import click

from correo import accounts
from correo.accounts import SCOPES, Account, AppPassword
from correo.accounts.account import StoredLogin, stored_login
from correo.accounts.app_passwords import derive, derive_cram
from correo.cli.human import when
from correo.cli.password import generate_password
from correo.cli.terminal import EX_DATAERR, Failure, State, json_option, run, say, show, usage, with_database
from correo.clock.system import SystemChance, SystemClock
from correo.mail.address import Address, BadAddress
from correo.mail.errors import Kind, Refused
from correo.mail.instant import parse_duration
from correo.storage.db import Database, Tx

HINTS = {Kind.NOT_FOUND: "see them with: correo account list, and correo account app-password list ADDRESS"}


@click.group("app-password")
def app_password() -> None:
    """Further passwords of an account, for one program each: made here, shown once, and taken back alone."""


@app_password.command()
@click.argument("address")
@click.argument("name")
@click.option(
    "--for",
    "scopes",
    metavar="|".join(SCOPES),
    type=click.Choice(SCOPES),
    multiple=True,
    help="a protocol it is taken for, as often as needed [default: all]",
)
@click.option("--expires", metavar="DURATION", help="from now on, as in 90d [default: never]")
@json_option
@click.pass_obj
def add(state: State, address: str, name: str, scopes: tuple[str, ...], expires: str | None) -> None:
    """Make an app password called NAME and show it, this once."""
    folded = _parse(address)
    chance, now = SystemChance(), SystemClock().now()
    until = None if expires is None else now + _duration(expires)
    password = generate_password(chance)

    async def work(db: Database) -> None:
        stored = await db.read(_personal, folded)
        scram = derive(password, stored.credentials)
        cram_md5 = derive_cram(password) if "CRAM-MD5" in state.config().auth.mechanisms else ""
        kept = _Kept(password, scram, cram_md5)
        await db.write(_add, folded, chance.id(now), name, kept, scopes or SCOPES, until, now)

    run(with_database(state.config(), work), HINTS)
    words = f"{folded} can log in with this password, which is not shown again:\n{password}"
    say(state, words, address=folded, name=name, password=password, expires=until)


@dataclass(frozen=True, slots=True)
class _Kept:
    password: str = field(repr=False)
    scram: str = field(repr=False)
    cram_md5: str = field(repr=False)


async def _add(
    tx: Tx,
    folded: str,
    id: int,
    name: str,
    kept: _Kept,
    scopes: tuple[str, ...],
    expires: int | None,
    now: int,
) -> None:
    account = (await _personal(tx, folded)).account
    await accounts.add_app_password(
        tx,
        account.id,
        id=id,
        name=name,
        password=kept.password,
        scram=kept.scram,
        cram_md5=kept.cram_md5,
        scopes=scopes,
        expires=expires,
        now=now,
    )


@app_password.command("list")
@click.argument("address")
@json_option
@click.pass_obj
def list_(state: State, address: str) -> None:
    """Show the app passwords of an account; what they are, nobody knows but who uses them."""
    folded = _parse(address)

    async def work(tx: Tx) -> tuple[AppPassword, ...]:
        return (await _personal(tx, folded)).apps

    found = run(with_database(state.config(), lambda db: db.read(work)), HINTS)
    rows: list[dict[str, Any]] = [
        {
            "name": app.name,
            "scopes": list(app.scopes),
            "created": app.created,
            "expires": app.expires,
            "used": app.used,
        }
        for app in found
    ]
    empty = f"no app passwords yet; make one with: correo account app-password add {folded} NAME"
    show(state, rows, empty=empty, columns=_COLUMNS)


def _time(row: dict[str, Any], name: str) -> str:
    return "never" if row[name] is None else when(row[name])


_COLUMNS = {
    "name": lambda row: str(row["name"]),
    "for": lambda row: " ".join(row["scopes"]),
    "made": lambda row: _time(row, "created"),
    "expires": lambda row: _time(row, "expires"),
    "last used": lambda row: _time(row, "used"),
}


@app_password.command()
@click.argument("address")
@click.argument("name")
@json_option
@click.pass_obj
def remove(state: State, address: str, name: str) -> None:
    """Take an app password back: the program that has it cannot log in any more."""
    folded = _parse(address)

    async def work(tx: Tx) -> None:
        await accounts.remove_app_password(tx, (await _personal(tx, folded)).account.id, name)

    run(with_database(state.config(), lambda db: db.write(work)), HINTS)
    say(state, f"{folded} has no app password {name!r} any more", address=folded, name=name)


@click.command("app-only")
@click.argument("address")
@click.argument("on", metavar="on|off", type=click.Choice(["on", "off"]))
@json_option
@click.pass_obj
def app_only(state: State, address: str, on: str) -> None:
    """Take app passwords alone: the account's own password opens nothing any more, until this is off again."""
    folded = _parse(address)
    run(with_database(state.config(), lambda db: db.write(accounts.set_app_only, folded, on == "on")), HINTS)
    words = "logs in with app passwords only" if on == "on" else "logs in with its own password, too"
    say(state, f"{folded} {words}", address=folded, app_only=on == "on")


async def _personal(tx: Tx, folded: str) -> StoredLogin:
    stored = await stored_login(tx, folded)
    if stored is not None:
        return stored
    account: Account | None = await accounts.get_account(tx, folded)
    if account is None:
        raise Refused(Kind.NOT_FOUND, f"there is no account {folded}")
    raise Refused(Kind.NO_PERMISSION, f"{folded} is a shared account, and nobody logs in as it")


def _parse(address: str) -> str:
    """Raises Failure."""
    try:
        return Address.parse(address).folded
    except BadAddress as wrong:
        raise Failure(f"{address!r} is not an address: {wrong}", EX_DATAERR) from None


def _duration(given: str) -> int:
    """Raises Failure."""
    try:
        duration = parse_duration(given)
    except ValueError as wrong:
        raise usage(f"--expires {wrong}") from None
    if duration <= 0:
        raise usage("--expires must be longer than nothing")
    return duration
