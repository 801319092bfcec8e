"""`correo domain`: the domains whose mail is delivered here."""

from __future__ import annotations

import click

from correo.accounts import add_domain, list_domains, remove_domain
from correo.accounts.domains import folded_domain
from correo.cli.human import when
from correo.cli.terminal import State, json_option, run, say, show, with_database
from correo.clock.system import SystemClock
from correo.mail.errors import Kind
from correo.mail.instant import iso8601


@click.group()
def command() -> None:
    """The domains whose mail is delivered here. Mail for all others is relayed for people who logged in, and for nobody else."""


@command.command()
@click.argument("name")
@json_option
@click.pass_obj
def add(state: State, name: str) -> None:
    """Begin to take mail for the domain NAME."""
    now = SystemClock().now()
    config = state.config()
    domain = run(
        with_database(config, lambda db: db.write(add_domain, name, now)),
        {Kind.EXISTS: "see them with: correo domain list", Kind.BAD_NAME: "write it as in: example.com"},
    )
    words = (
        f"mail for {domain.name} is delivered here now; next: correo account add NAME@{domain.name}\n"
        f"so that others find the way, publish: {domain.name}. MX 10 {config.hostname}."
    )
    say(state, words, domain=domain.name)


@command.command("list")
@json_option
@click.pass_obj
def list_(state: State) -> None:
    """Show the domains."""
    domains = run(with_database(state.config(), lambda db: db.scan(list_domains)))
    rows = [
        {"domain": domain.name, "accounts": domain.accounts, "added": iso8601(domain.created)}
        for domain in domains
    ]
    added = {domain.name: when(domain.created) for domain in domains}
    columns = {
        "domain": lambda row: row["domain"],
        "accounts": lambda row: str(row["accounts"]),
        "added": lambda row: added[row["domain"]],
    }
    show(state, rows, empty="no domains yet; add one with: correo domain add NAME", columns=columns)


@command.command()
@click.argument("name")
@json_option
@click.pass_obj
def remove(state: State, name: str) -> None:
    """Take no more mail for the domain NAME, which must have no accounts and no aliases left."""
    run(
        with_database(state.config(), lambda db: db.write(remove_domain, name)),
        {
            Kind.NOT_FOUND: "see them with: correo domain list",
            Kind.HAS_CHILDREN: "see and remove them with: correo account list, correo alias list",
        },
    )
    folded = folded_domain(name)
    say(state, f"mail for {folded} is no longer delivered here", domain=folded)
