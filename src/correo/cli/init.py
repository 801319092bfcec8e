"""`correo init`: a configuration, a certificate, a domain and a first account, from nothing."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import click

from correo import accounts
from correo.accounts import Account
from correo.cli.account import open_account, parse
from correo.cli.first_config import First, text
from correo.cli.first_plan import CERTIFICATE, CONFIG, DATA, HOME, KEY, USER, Plan, facts, told
from correo.cli.password import ask_password, generate_password, password_option, read_password
from correo.cli.terminal import (
    EX_CANTCREAT,
    EX_DATAERR,
    Failure,
    State,
    json_option,
    run,
    say,
    with_database,
)
from correo.clock import Chance
from correo.clock.system import SystemChance, SystemClock
from correo.config import DATABASE, Config, read
from correo.mail.address import Address, BadAddress, fold_domain
from correo.ops import owner, spool
from correo.ops.certificate import self_signed
from correo.ops.manifest import write_new
from correo.storage.db import Database, Tx


@click.command()
@click.argument("domain")
@click.option(
    "--directory",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=HOME,
    show_default=True,
    help="where the configuration goes",
)
@click.option(
    "--data-dir",
    metavar="DIR",
    help=f"where mail goes [default: {DATA} with {HOME}, the folder data beside the configuration elsewhere]",
)
@click.option("--hostname", metavar="NAME", help="the server's own name [default: mail.DOMAIN]")
@click.option(
    "--account", metavar="NAME@DOMAIN", help="the first account [default: asked for, or postmaster@DOMAIN]"
)
@password_option
@click.option(
    "--certificate",
    metavar="FILE",
    help="PEM file with certificate and chain [default: a self-signed one is made]",
)
@click.option("--key", metavar="FILE", help="PEM file with its private key")
@click.option(
    "--user",
    metavar="NAME",
    help=f"who the server becomes after binding its ports [default: {USER}, if root runs this]",
)
@click.option(
    "--test-ports",
    is_flag=True,
    help="listen on 127.0.0.1 only, on ports from 2025 on, and allow passwords without TLS",
)
@json_option
@click.pass_obj
def command(
    state: State,
    domain: str,
    directory: Path,
    data_dir: str | None,
    hostname: str | None,
    account: str | None,
    password_file: str | None,
    certificate: str | None,
    key: str | None,
    user: str | None,
    test_ports: bool,
) -> None:
    """Make a server for DOMAIN: configuration, certificate, first account; and print the DNS records to publish.

    Nothing that exists is written over.
    """
    if bool(certificate) != bool(key):
        raise Failure("--certificate and --key go together", 64)
    folded = _domain(domain)
    address = _address(account, folded)
    password, generated = _password(password_file, str(address))
    first = First(
        domain=folded,
        hostname=_domain(hostname) if hostname else f"mail.{folded}",
        data_dir=data_dir or (str(DATA) if directory == HOME else "data"),
        user=_user(user),
        host="127.0.0.1" if test_ports else _anywhere(),
        certificate=str(Path(certificate).absolute()) if certificate else CERTIFICATE,
        key=str(Path(key).absolute()) if key else KEY,
        test_ports=test_ports,
        local=directory == HOME and not test_ports,
    )
    plan = Plan(directory, first, address, password, generated, own_certificate=not certificate)
    config = read(text(first), plan.config_file)
    _refuse_to_overwrite(plan)
    _make(plan, config)
    say(state, "\n".join(told(plan)), **facts(plan))


# -- deciding ----------------------------------------------------------------------------------------------------------


def _domain(text: str) -> str:
    try:
        folded = fold_domain(text)
    except BadAddress as wrong:
        raise Failure(f"{text!r} is not a domain: {wrong}; write it as in: example.com", EX_DATAERR) from None
    if folded.startswith("["):
        raise Failure(f"{text!r} is an address; a mail server needs a domain, as in: example.com", EX_DATAERR)
    return folded


def _address(given: str | None, domain: str) -> Address:
    # RFC 5321 §4.5.1: mail to postmaster must arrive somewhere; without an account of that name, the first one gets it.
    if given is None and sys.stdin.isatty():
        given = click.prompt("First account", default=f"postmaster@{domain}", err=True)
    address = parse(_complete(given or "postmaster", domain))
    if address.host != domain:
        raise Failure(f"{address} is not in {domain}; the first account must be", EX_DATAERR)
    return address


def _complete(name: str, domain: str) -> str:
    return name if "@" in name else f"{name}@{domain}"


def _password(file: str | None, whose: str) -> tuple[str, bool]:
    """The password, and whether it was made up here, so that it has to be shown."""
    if file is None and not sys.stdin.isatty():
        return generate_password(SystemChance()), True
    given = read_password(file, whose)
    return (ask_password(whose) if given is None else given), False


def _user(given: str | None) -> str:
    if given and not owner.find(given):
        how = f"useradd --system --home-dir {DATA} --shell /usr/sbin/nologin {given}"
        raise Failure(f"there is no user {given}; make it with: {how}", EX_DATAERR)
    if given or os.geteuid() != 0:
        return given or ""
    return USER if owner.find(USER) else ""


def _anywhere() -> str:
    """All addresses, of both kinds where the machine has both."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::", 0))
    except OSError:
        return "0.0.0.0"
    return "[::]"


# -- doing -------------------------------------------------------------------------------------------------------------


def _refuse_to_overwrite(plan: Plan) -> None:
    made = [CONFIG, *((CERTIFICATE, KEY) if plan.own_certificate else ())]
    places = [plan.folder / name for name in made]
    places.append(plan.folder / plan.first.data_dir / DATABASE)
    for place in places:
        if place.exists():
            words = f"{place} exists already, and nothing is written over; move it away, or choose another --directory"
            raise Failure(words, EX_CANTCREAT)


def _make(plan: Plan, config: Config) -> None:
    clock, chance = SystemClock(), SystemChance()
    now = clock.now()
    made: list[Path] = []

    def write(name: str, octets: bytes, mode: int) -> None:
        path = plan.folder / name
        write_new(path, octets, mode)
        made.append(path)

    try:
        plan.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if plan.own_certificate:
            pair = self_signed([plan.first.hostname], now, chance)
            write(CERTIFICATE, pair.certificate, 0o644)
            write(KEY, pair.key, 0o600)
            owner.give(
                plan.folder / KEY, plan.first.user
            )  # who reads it again at SIGHUP, when root was given up
        if plan.first.local:
            _make_spool(Path(config.sendmail.spool), plan.first.user)
        write(CONFIG, text(plan.first).encode(), 0o644)

        async def work(db: Database) -> Account:
            return await db.write(_populate, plan, chance, now)

        run(with_database(config, work))
    except OSError as wrong:
        _undo(made)
        words = f"cannot write {wrong.filename or plan.folder}: {wrong.strerror}; run this as root, or choose another --directory"
        raise Failure(words, EX_CANTCREAT) from None
    except BaseException:
        _undo(made)
        raise


def _make_spool(folder: Path, user: str) -> None:
    """By root, for the server, which may make nothing there. Raises OSError."""
    if os.geteuid() != 0 or folder.exists():
        return
    spool.prepare(folder)
    for path in (folder, folder / spool.ASIDE):
        owner.give(path, user)


def _undo(made: list[Path]) -> None:
    """What was begun must not stand in the way of the next attempt."""
    for path in made:
        path.unlink(missing_ok=True)


async def _populate(tx: Tx, plan: Plan, chance: Chance, now: int) -> Account:
    await accounts.add_domain(tx, plan.first.domain, now)
    credentials = accounts.make_credentials(plan.password, chance)
    return await open_account(tx, plan.account, credentials, chance, now)
