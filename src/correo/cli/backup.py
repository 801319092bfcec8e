"""`correo backup`: a consistent copy of everything, while the server runs."""

from __future__ import annotations

from pathlib import Path

import click

from correo.cli.human import octets, plural
from correo.cli.progress import Progress
from correo.cli.terminal import (
    EX_CANTCREAT,
    EX_NOINPUT,
    EX_NOPERM,
    EX_SOFTWARE,
    Failure,
    State,
    database_path,
    json_option,
    refusal,
    say,
)
from correo.clock.system import SystemClock
from correo.config import Config
from correo.config.read import beside
from correo.mail.errors import Refused
from correo.ops.backup import FILES, Backup, Keep, back_up
from correo.ops.inventory import Inventory


@click.command()
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@json_option
@click.pass_obj
def command(state: State, target: Path) -> None:
    """Make a new folder in TARGET with a copy of everything, as it is at this moment.

    The server goes on meanwhile. The copy holds the database (mail, accounts, queue, ledger), the configuration, and the
    files it names: certificate, KEY, the smarthost's password. All of it is readable by its owner alone; keep it so.
    """
    config = state.config()
    database = database_path(config)
    try:
        if not database.is_file():
            words = f"there is no database {database} to back up; is data_dir in {config.source} right?"
            raise Failure(words, EX_NOINPUT)
        with Progress() as progress:
            backup = back_up(database, files_of(config), target, SystemClock().now(), progress)
    except Refused as refused:
        raise refusal(refused) from None
    except PermissionError as wrong:
        words = f"no backup was made: {wrong.filename}: {wrong.strerror}; run this as root, or as the server's user"
        raise Failure(words, EX_NOPERM) from None
    except OSError as wrong:
        words = f"no backup was made: {wrong.filename or target}: {wrong.strerror}"
        raise Failure(words, EX_CANTCREAT) from None
    inventory = backup.manifest.inventory
    facts = {
        "backup": str(backup.folder),
        "made": backup.manifest.made,
        "size": backup.manifest.database.size,
        "sha256": backup.manifest.database.sha256,
        "digest": inventory.digest,
        "counts": inventory.counts(),
        "files": [stored.name for stored in backup.manifest.files],
    }
    say(state, _words(backup), **facts)
    if inventory.ledger_difference:
        raise Failure(
            "the backup is whole, but the ledger in it does not balance; see: correo ledger", EX_SOFTWARE
        )


def _words(backup: Backup) -> str:
    manifest = backup.manifest
    kept = ", ".join(
        Path(stored.original).name + (" (secret)" if stored.secret else "") for stored in manifest.files
    )
    return "\n".join(
        [
            str(backup.folder),
            f"  {contents(manifest.inventory)}, {octets(manifest.database.size)}",
            f"  and in {FILES}/: {kept}",
            "  everything in it is secret: mail, password hashes, keys",
            f"  to see whether it can be restored: correo restore --check {backup.folder}",
        ]
    )


def contents(inventory: Inventory) -> str:
    parts = (
        plural(inventory.domains, "domain"),
        plural(inventory.accounts, "account"),
        plural(inventory.mailboxes, "mailbox", "mailboxes"),
        plural(inventory.messages, "message"),
        f"{inventory.queue_recipients} in the queue",
        plural(inventory.ledger_entries, "ledger entry", "ledger entries"),
    )
    return ", ".join(parts)


def files_of(config: Config) -> list[Keep]:
    """The configuration and what it names; relative files keep their place beside it."""
    named = [
        (str(config.source.name), False),
        *((pair.certificate, False) for pair in config.tls.pairs),
        *((pair.key, True) for pair in config.tls.pairs),
        (config.tls.client_ca, False),
        (config.oauth.client_secret_file, True),
        (config.oauth.ca, False),
        (config.transport.tls_ca, False),
        (config.transport.smarthost_password_file, True),
    ]
    keep: dict[Path, Keep] = {}
    taken: set[str] = set()
    for text, secret in named:
        if not text:
            continue
        path = beside(config, text).absolute()
        if path in keep:
            continue
        inside = not Path(text).is_absolute() and ".." not in Path(text).parts
        name = text if inside else f"elsewhere/{path.name}"
        while name in taken:
            name = f"{Path(name).parent}/_{Path(name).name}"
        taken.add(name)
        keep[path] = Keep(path, name, secret)
    return list(keep.values())
