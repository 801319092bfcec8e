"""`correo alias`: addresses that lead to others."""

from __future__ import annotations

import sys

import click

from correo.accounts import Alias, NoSuchUser, add_alias, list_aliases, remove_alias, resolve
from correo.cli.terminal import State, json_option, run, say, show, with_database
from correo.clock.system import SystemClock
from correo.mail.address import Address
from correo.mail.errors import Kind
from correo.storage.db import Database, Tx

HINTS = {
    Kind.EXISTS: "an address is either an account or an alias; see: correo account list",
    Kind.BAD_NAME: "write it as in: info@example.com, or @example.com for the rest of a domain",
}


@click.group()
def command() -> None:
    """Addresses that lead to others, here or elsewhere."""


@command.command()
@click.argument("address")
@click.argument("target", nargs=-1, required=True)
@json_option
@click.pass_obj
def add(state: State, address: str, target: tuple[str, ...]) -> None:
    """Let mail for ADDRESS go to each TARGET, an address here or elsewhere.

    @DOMAIN as ADDRESS stands for every address of the domain that is neither an account nor an alias. Targets are added to
    those that are there.
    """
    now = SystemClock().now()

    async def work(db: Database) -> tuple[Alias, list[str]]:
        alias = await db.write(add_alias, address, target, now)
        return alias, await db.read(_dead_ends, alias)

    host = address.rpartition("@")[2]
    hints = HINTS | {Kind.NOT_FOUND: f"add it with: correo domain add {host}"}
    alias, dead = run(with_database(state.config(), work), hints)
    for one in dead:
        words = f"correo: note: nobody has {one} yet, so mail for {alias.address} cannot reach it"
        print(words, file=sys.stderr)
    words = f"{alias.address} leads to {', '.join(alias.targets)}"
    say(state, words, address=alias.address, targets=alias.targets, unknown=dead)


async def _dead_ends(tx: Tx, alias: Alias) -> list[str]:
    """The targets that are in a domain of ours and that nobody has."""
    return [one for one in alias.targets if isinstance(await resolve(tx, Address.parse(one)), NoSuchUser)]


@command.command("list")
@json_option
@click.pass_obj
def list_(state: State) -> None:
    """Show the aliases and where they lead."""
    aliases = run(with_database(state.config(), lambda db: db.scan(list_aliases)))
    rows = [{"address": alias.address, "targets": alias.targets} for alias in aliases]
    columns = {"address": lambda row: str(row["address"]), "leads to": lambda row: ", ".join(row["targets"])}
    show(state, rows, empty="no aliases yet; add one with: correo alias add ADDRESS TARGET", columns=columns)


@command.command()
@click.argument("address")
@click.argument("target", required=False)
@json_option
@click.pass_obj
def remove(state: State, address: str, target: str | None) -> None:
    """Remove an alias, or only one TARGET of it."""
    hints = HINTS | {Kind.NOT_FOUND: "see them with: correo alias list"}
    run(with_database(state.config(), lambda db: db.write(remove_alias, address, target)), hints)
    words = f"{address} no longer leads to {target}" if target else f"{address} is no alias any more"
    say(state, words, address=address, target=target)
