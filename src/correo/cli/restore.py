"""`correo restore`: a backup back into an empty place, after every message in it has been read."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from correo.cli.backup import contents
from correo.cli.human import octets, plural
from correo.cli.progress import Progress
from correo.cli.terminal import EX_CANTCREAT, EX_DATAERR, Failure, State, json_option, refusal, say, usage
from correo.clock.system import SystemClock
from correo.config.read import beside
from correo.mail.errors import Refused
from correo.ops.manifest import BadBackup, Stored
from correo.ops.restore import Checked, NotEmpty, check, restore


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--data-dir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="where the data goes [default: data_dir of the configuration]",
)
@click.option("--check", "only_check", is_flag=True, help="read and check the backup; restore nothing")
@json_option
@click.pass_obj
def command(state: State, source: Path, data_dir: Path | None, only_check: bool) -> None:
    """Bring the backup SOURCE back, or the newest one in the folder SOURCE, into an empty place.

    Everything is checked before it is used: the hash of each file, the structure of the database, all counts, every message,
    the balance of the ledger. If anything differs, nothing is restored. The server must not be running.
    """
    if only_check and data_dir:
        raise usage("--check restores nothing, so --data-dir means nothing with it")
    try:
        with Progress() as progress:
            if only_check:
                checked = check(source, progress)
            else:
                target, user = _place(state, data_dir)
                checked = restore(source, target, user, SystemClock().now(), progress)
    except BadBackup as bad:
        raise Failure(
            "\n  ".join([f"{_what(only_check)}, because of this:", *bad.faults]), EX_DATAERR
        ) from None
    except NotEmpty as full:
        words = f"{full}; stop the server and move away what is there, or name another place with --data-dir"
        raise Failure(words, EX_CANTCREAT) from None
    except Refused as refused:
        raise refusal(refused) from None
    except OSError as wrong:
        raise Failure(
            f"{_what(only_check)}: {wrong.filename or ''}: {wrong.strerror}", EX_CANTCREAT
        ) from None
    manifest = checked.manifest
    facts = {
        "backup": str(checked.folder),
        "made": manifest.made,
        "data_dir": None if only_check else str(target),
        "digest": manifest.inventory.digest,
        "counts": manifest.inventory.counts(),
    }
    lines = _report(checked) if only_check else [*_report(checked), *_next_steps(checked, target)]
    say(state, "\n".join(lines), **facts)


def _what(only_check: bool) -> str:
    return "the backup cannot be restored" if only_check else "nothing was restored"


def _place(state: State, data_dir: Path | None) -> tuple[Path, str]:
    """Where the data goes, and whose it will be. Raises Failure."""
    try:
        config = state.config()
    except Failure as failure:
        if data_dir is not None:
            return data_dir, ""  # on a new machine the configuration is still in the backup
        words = "put the configuration back from the backup first, or say where the data goes with --data-dir"
        raise Failure(f"{failure.words}\n  {words}", failure.code) from None
    return data_dir or beside(config, config.data_dir), config.user


def _report(checked: Checked) -> list[str]:
    manifest = checked.manifest
    inventory = manifest.inventory
    return [
        f"{checked.folder}, made {manifest.made[:19]}Z by Correo {manifest.correo}",
        f"  files     {plural(1 + len(manifest.files), 'file')} as they were written (SHA-256), {octets(manifest.database.size)}",
        "  database  its structure is sound",
        f"  contents  {contents(inventory)}: as many as were written",
        f"  messages  {plural(inventory.contents, 'message')} read back whole, none changed",
        "  ledger    balances: nothing is lost",
    ]


def _next_steps(checked: Checked, target: Path) -> list[str]:
    lines = ["", f"restored into {target}"]
    queued = checked.manifest.inventory.queue_recipients
    if queued:
        lines += [
            f"{plural(queued, 'recipient')} in the queue will be tried when the server starts; what had been sent since the",
            "backup is then sent twice. To look first: correo queue hold --all, and correo queue list",
        ]
    if checked.manifest.files:
        lines.append("the configuration and the files it names are in the backup; put back what is missing:")
        lines += [f"  {_put_back(checked.folder, stored)}" for stored in checked.manifest.files]
    return [*lines, "next: correo check, then correo serve"]


def _put_back(folder: Path, stored: Stored) -> str:
    """The shell command that brings a file back, with the mode and owner it had."""
    owner = f" -o {stored.owner}" if stored.owner else ""
    source, target = shlex.quote(str(folder / stored.name)), shlex.quote(stored.original)
    return f"install -D -m {stored.mode:o}{owner} {source} {target}"
