"""`correo trace`: the journey of a message."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import click

from correo import accounts, ledger, queue
from correo.cli import moments, trace_owner
from correo.cli.human import when
from correo.cli.password import password_option
from correo.cli.terminal import (
    EX_NOUSER,
    Failure,
    State,
    encode,
    json_option,
    printable,
    run,
    usage,
    with_database,
)
from correo.cli.trace_words import Waiting, describe, facts, step_facts, step_line
from correo.clock.system import SystemClock
from correo.delivery.own import owner_of
from correo.ledger import EVER, MAX_JOURNEYS, Following, Found, Wanted
from correo.mail.address import Address, BadAddress
from correo.queue import Selection
from correo.storage.db import Database, Tx

LOOK = 0.5  # seconds between looks for what is new; each reads some pages of an index


@click.command()
@click.argument("what", metavar="[ADDRESS|MESSAGE-ID|ID]", default="")
@click.option("--subject", metavar="WORDS", default="", help="only where the subject has these words")
@click.option(
    "--since", metavar="TIME", help="only what came at that time or later: 2026-11-23, 2h, yesterday"
)
@click.option("--until", metavar="TIME", help="only what came before; of a day, before its end")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, MAX_JOURNEYS), help="the newest so many"
)
@click.option("-f", "--follow", is_flag=True, help="show what happens from now on, as it happens")
@click.option("--for", "owner", metavar="ADDRESS", help="only what the owner of this account may see")
@click.option(
    "--as", "login", metavar="ADDRESS", help="log in to the server with a password, and see one's own"
)
@click.option("--server", metavar="HOST[:PORT]", help="with --as: where IMAP is served [default: our own]")
@password_option
@json_option
@click.pass_obj
def command(
    state: State,
    what: str,
    subject: str,
    since: str | None,
    until: str | None,
    limit: int,
    follow: bool,
    owner: str | None,
    login: str | None,
    server: str | None,
    password_file: str | None,
) -> None:
    """Show the journey of a message, from its acceptance to what became of each recipient.

    Name it by the id in our reply and the log, by its Message-ID, or by an address: then it is every message from or to it. By
    the words of its subject and by the time when it came, too; what is named must fit in everything. The newest where nothing is.

    Who may read the data sees everything, with --for what is one account's. Everybody else says --as: the server asks for
    the password, and shows what he has sent and what was sent to him.
    """
    now = SystemClock().now()
    wanted = Wanted(
        what=what,
        subject=subject,
        since=moments.since(since, now) if since else 0,
        until=moments.until(until, now) if until else EVER,
    )
    if wanted.since >= wanted.until:
        raise usage("--since must be before --until")
    if login is not None:
        if follow or owner:
            raise usage("--as goes with neither --follow nor --for")
        journeys = trace_owner.ask(state, login, server, password_file, wanted, limit)
        _print(state, Found(journeys), {}, limit, now, wanted)
        return
    if server or password_file:
        raise usage("--server and --password-file go with --as")
    if follow:
        run(with_database(state.config(), lambda db: _follow(db, state, wanted, owner)))
        return
    found, waiting = run(with_database(state.config(), lambda db: db.scan(_look, wanted, owner, limit)))
    _print(state, found, waiting, limit, now, wanted)


def _print(state: State, found: Found, waiting: Waiting, limit: int, now: int, wanted: Wanted) -> None:
    if not found.journeys:
        raise Failure(_nothing(wanted, found), EX_NOUSER)
    if state.as_json:
        print(encode([facts(journey, waiting) for journey in found.journeys]))
        return
    for number, journey in enumerate(reversed(found.journeys)):
        if number:
            print()
        for line in describe(journey, waiting, now):
            print(printable(line))
    if len(found.journeys) == limit:
        print(f"\nthese are the newest {limit}; for older ones raise --limit")
    elif found.back_to:
        print(f"\nlooked back to {when(found.back_to)}; for what came before say --until")


def _nothing(wanted: Wanted, found: Found) -> str:
    if found.back_to:
        return f"nothing like that back to {when(found.back_to)}; for what came before say --until"
    if wanted.what and wanted == Wanted(wanted.what):
        return f"nothing is known of {wanted.what}; name an id, a Message-ID or an address, as the log has it"
    return "nothing is known of such mail; say less of it, or another time"


async def _look(tx: Tx, wanted: Wanted, owner: str | None, limit: int) -> tuple[Found, Waiting]:
    found = await ledger.search(tx, await _narrowed(tx, wanted, owner), limit)
    waiting: Waiting = {}
    for journey in found.journeys:
        shown = {entry.recipient for entry in journey.entries}
        if journey.pending:
            for one in await queue.list_recipients(tx, Selection(message_id=journey.id)):
                if one.folded in shown:
                    waiting[journey.id, one.folded] = one
    return found, waiting


async def _narrowed(tx: Tx, wanted: Wanted, owner: str | None) -> Wanted:
    """To what the owner of the account may see. Raises Failure."""
    if owner is None:
        return wanted
    try:
        account = await accounts.get_account(tx, Address.parse(owner).folded)
    except BadAddress as wrong:
        raise usage(f"--for {owner}: {wrong}") from None
    if account is None:
        raise Failure(f"there is no account {owner}; see them with: correo account list", EX_NOUSER)
    return replace(wanted, owner=await owner_of(tx, account))


async def _follow(db: Database, state: State, wanted: Wanted, owner: str | None) -> None:
    following = Following(await db.read(_narrowed, wanted, owner))
    await db.scan(following.look)
    while True:
        for step in await db.scan(following.look):
            print(encode(step_facts(step)) if state.as_json else printable(step_line(step)), flush=True)
        await asyncio.sleep(LOOK)
