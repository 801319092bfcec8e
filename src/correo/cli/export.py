"""`correo export`: write the mail of an account as other programs keep it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from correo.cli.account import parse
from correo.cli.human import octets, plural
from correo.cli.import_ import HINTS, account_of
from correo.cli.progress import Progress
from correo.cli.terminal import EX_CANTCREAT, EX_IOERR, Failure, State, json_option, run, say, with_database
from correo.ops.exporting import Exported, MaildirWriter, MboxWriter, Writer, export
from correo.ops.owner import acting_as_caller
from correo.storage.db import Database


@click.group()
def command() -> None:
    """Write the mail of an account as other programs keep it, into a new directory.

    The server may run or not; mail that comes or goes meanwhile is there or not.
    """


@command.command("maildir")
@click.argument("address")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@json_option
@click.pass_obj
def maildir(state: State, address: str, directory: Path) -> int:
    """A Maildir with folders, as Dovecot keeps it (Maildir++).

    Flags, keywords, dates, subscriptions, and what clients know messages by (UIDs, UIDVALIDITY, unique-ids of POP3) are kept:
    Dovecot and `correo import maildir` go on with them.
    """
    return _export(state, address, directory, MaildirWriter)


@command.command("mbox")
@click.argument("address")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@json_option
@click.pass_obj
def mbox(state: State, address: str, directory: Path) -> int:
    """An mbox file for each folder, which nearly every mail program reads.

    Flags, UIDs and unique-ids are in the fields Status, X-Status, X-Keywords, X-UID, X-IMAPbase and X-UIDL. The format has no room
    for lines that do not end in a line feed: for copies that are the same octet for octet there is `correo export maildir`.
    """
    return _export(state, address, directory, MboxWriter)


def _export(state: State, address: str, directory: Path, make: Callable[[Path], Writer]) -> int:
    config, folded = state.config(), parse(address).folded

    async def work(db: Database) -> Exported:
        account = await db.read(account_of, folded)
        with acting_as_caller():
            writer = make(directory)
        with Progress() as progress:
            return await export(db, account.id, writer, acting_as_caller, progress)

    try:
        done = run(with_database(config, work), HINTS)
    except OSError as wrong:
        words = f"cannot write {wrong.filename or directory}: {wrong.strerror or wrong}"
        raise Failure(words, EX_CANTCREAT) from None
    words = (
        f"{directory}: {plural(done.messages, 'message')} ({octets(done.octets)}) in "
        f"{plural(done.mailboxes, 'mailbox', 'mailboxes')}"
    )
    if done.damaged:
        words += (
            "\nthe disk has damaged these, and they were left out; restore a backup with: correo restore\n"
        )
        words += "\n".join(f"  {one}" for one in done.damaged)
    say(
        state,
        words,
        directory=str(directory),
        mailboxes=done.mailboxes,
        messages=done.messages,
        size=done.octets,
        damaged=done.damaged,
    )
    return EX_IOERR if done.damaged else 0
