"""`correo import`: bring the mail of another server into an account."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from correo import accounts, mailbox
from correo.accounts import Account
from correo.cli.account import parse
from correo.cli.human import octets, plural
from correo.cli.progress import Progress
from correo.cli.terminal import (
    EX_DATAERR,
    EX_NOINPUT,
    EX_NOPERM,
    F,
    Failure,
    State,
    encode,
    json_option,
    printable,
    run,
    usage,
    with_database,
)
from correo.clock.system import SystemChance, SystemClock
from correo.mail.errors import Kind, Refused
from correo.mailbox import Quota
from correo.ops.importing import Filling, Layout, Maildirs, Mboxes, Quoting, Report, Source, UidlFormat
from correo.ops.owner import acting_as_caller
from correo.storage.db import Database, Tx

SHOWN = 20  # problems on a terminal; --json has all that are kept
HINTS = {
    Kind.NOT_FOUND: "see accounts with: correo account list, and make one with: correo account add ADDRESS"
}


@click.group()
def command() -> None:
    """Bring mail that another server kept into an account, from its files.

    Run it as often as you like: what was brought once is not brought again, and stays as it was brought whatever becomes of it there.
    So run it when the old server has stopped; a long first run may go on before. Nothing there is changed. Correo may run or not.
    """


def _options(function: F) -> F:
    for option in (
        click.option(
            "--into", metavar="FOLDER", default="", help="put the inbox there, and all folders below it"
        ),
        click.option("--again", is_flag=True, help="also what was imported before, as new messages"),
        click.option(
            "--dry-run", is_flag=True, help="read everything, say what would be imported, and import nothing"
        ),
        json_option,
    ):
        function = option(function)
    return function


@command.command("maildir")
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("address")
@click.option(
    "--layout",
    type=click.Choice([layout.value for layout in Layout]),
    default=Layout.AUTO.value,
    show_default=True,
    help="how folders are kept: side by side as .A.B, or one in the other (Dovecot's LAYOUT=fs)",
)
@click.option(
    "--uidl-format",
    metavar="FORMAT",
    help="Dovecot's pop3_uidl_format, if it is not the default; %f for servers that use file names",
)
@_options
@click.pass_obj
def maildir(
    state: State,
    /,
    directory: Path,
    address: str,
    layout: str,
    uidl_format: str | None,
    **options: Any,
) -> int:
    """A Maildir with its folders, as Dovecot, Courier and Postfix keep it.

    Kept are flags, keywords, dates (the files' times: copy with rsync -a or cp -a), subscriptions, and the UIDs and unique-ids by
    which IMAP and POP3 clients know what they have fetched, if the folder here has never had a message.
    """
    try:
        template = UidlFormat(uidl_format) if uidl_format is not None else None
    except ValueError as wrong:
        raise usage(str(wrong)) from None
    return _import(
        state, directory, address, lambda limit: Maildirs(directory, Layout(layout), limit, template), options
    )


@command.command("mbox")
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("address")
@click.option(
    "--quoting",
    type=click.Choice([quoting.value for quoting in Quoting]),
    default=Quoting.MBOXRD.value,
    show_default=True,
    help='how lines that begin with "From " were quoted',
)
@_options
@click.pass_obj
def mbox(state: State, /, path: Path, address: str, quoting: str, **options: Any) -> int:
    """An mbox file, which goes to the inbox, or a directory with one for each folder.

    Flags, keywords, UIDs and unique-ids are taken from the fields Status, X-Status, X-Keywords, X-UID, X-IMAPbase and X-UIDL, and
    those are left out of the messages.
    """
    return _import(state, path, address, lambda limit: Mboxes(path, Quoting(quoting), limit), options)


def _import(
    state: State, path: Path, address: str, source: Callable[[int], Source], options: dict[str, Any]
) -> int:
    config, folded = state.config(), parse(address).folded

    async def work(db: Database) -> tuple[Report, Quota]:
        account = await db.read(account_of, folded)
        with acting_as_caller():
            opened = source(config.limits.message_size)
        with Progress() as progress:
            filling = Filling(
                db,
                account.id,
                SystemClock(),
                SystemChance(),
                **options,
                reading=acting_as_caller,
                progress=lambda name, done, _: progress(f"{name}: {plural(done, 'message')}", done, 0),
            )
            return await filling.fill(opened), await db.read(mailbox.quota, account.id)

    report, quota = _reading(path, lambda: run(with_database(config, work), HINTS))
    if not report.folders and not report.problem_count:
        raise Failure(
            f"there is no mail in {path}; is it the place where the old server keeps it?", EX_NOINPUT
        )
    if state.as_json:
        print(encode(_facts(report)))
    else:
        print("\n".join(map(printable, _words(report, quota, dry_run=options["dry_run"]))))
    return EX_DATAERR if report.problem_count else 0


def _reading(path: Path, work: Callable[[], tuple[Report, Quota]]) -> tuple[Report, Quota]:
    try:
        return work()
    except PermissionError as wrong:
        raise Failure(
            f"cannot read {wrong.filename or path}: run this as root, or as whose mail it is", EX_NOPERM
        ) from None
    except OSError as wrong:
        raise Failure(
            f"cannot read {wrong.filename or path}: {wrong.strerror or wrong}", EX_NOINPUT
        ) from None


async def account_of(tx: Tx, folded: str) -> Account:
    account = await accounts.get_account(tx, folded)
    if account is None:
        raise Refused(Kind.NOT_FOUND, f"there is no account {folded}")
    return account


def _facts(report: Report) -> dict[str, object]:
    return {
        "imported": sum(folder.imported for folder in report.folders),
        "known": sum(folder.known for folder in report.folders),
        "size": sum(folder.octets for folder in report.folders),
        "subscriptions": report.subscriptions,
        "folders": [
            {
                "folder": folder.name,
                "imported": folder.imported,
                "known": folder.known,
                "size": folder.octets,
                "uids_kept": folder.same,
            }
            for folder in report.folders
        ],
        "problems": [{"where": problem.where, "problem": problem.words} for problem in report.problems],
        "problem_count": report.problem_count,
    }


def _words(report: Report, quota: Quota, *, dry_run: bool) -> list[str]:
    done = "would be imported" if dry_run else "imported"
    lines = []
    for folder in report.folders:
        known = f", {folder.known} were here already" if folder.known else ""
        kept = "; UIDs kept" if folder.same else ""
        lines.append(f"{folder.name}: {plural(folder.imported, 'message')} {done}{known}{kept}")
    size = octets(sum(folder.octets for folder in report.folders))
    total = plural(sum(folder.imported for folder in report.folders), "message")
    lines.append(f"{total} ({size}) {done}, {plural(report.subscriptions, 'subscription')}")
    if not dry_run and (quota.most_size is not None or quota.most_messages is not None):
        lines += _quota(quota)
    if report.problem_count:
        lines.append(f"{plural(report.problem_count, 'thing')} could not be imported:")
        lines += [f"  {problem}" for problem in report.problems[:SHOWN]]
        more = report.problem_count - SHOWN
        lines += [f"  and {more} more; --json names them"] if more > 0 else []
    return lines


def _quota(quota: Quota) -> list[str]:
    """Mail that was there before is let in; what comes after may not be."""
    over = (quota.most_size is not None and quota.size >= quota.most_size) or (
        quota.most_messages is not None and quota.messages >= quota.most_messages
    )
    if not over:
        return []
    return [
        "the account is now over its quota, and new mail is refused: correo account quota ADDRESS --storage SIZE"
    ]
