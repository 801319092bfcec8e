"""`correo test-server`: a mail server for tests of software in any language, until SIGTERM or SIGINT."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from correo.cli.terminal import (
    EX_CANTCREAT,
    EX_OSERR,
    EX_SOFTWARE,
    EX_USAGE,
    Failure,
    State,
    encode,
    json_option,
    usage,
)

if TYPE_CHECKING:
    from correo.testing import MailServer

PORT = click.IntRange(0, 65535)

# What is told of the ports, in this order.
FOR = {
    "smtp": "sending, without login",
    "submission": "sending, with login",
    "pop3": "reading by POP3",
    "imap": "reading by IMAP",
    "smtps": "sending, without login, under TLS",
    "submissions": "sending, with login, under TLS",
    "pop3s": "POP3 under TLS",
    "imaps": "IMAP under TLS",
    "api": "the JSON API",
}


@click.command()
@click.option(
    "--smtp", type=PORT, default=0, metavar="PORT", help="each port: any free one unless it is named"
)
@click.option("--submission", type=PORT, default=0, metavar="PORT")
@click.option("--pop3", type=PORT, default=0, metavar="PORT")
@click.option("--imap", type=PORT, default=0, metavar="PORT")
@click.option("--api", type=PORT, default=0, metavar="PORT")
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen [default: 127.0.0.1]")
@click.option(
    "--accept",
    type=click.Choice(["any", "named"]),
    default="any",
    help="mail for anybody, each with a mailbox made on the fly, or for --account alone [default: any]",
)
@click.option("--account", "accounts", multiple=True, metavar="ADDRESS[:PASSWORD]", help="may be repeated")
@click.option("--password", default="secret", help="of everybody who has no other [default: secret]")
@click.option("--tls", is_flag=True, help="a certificate for localhost, STARTTLS, and ports under TLS")
@click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="write CORREO_SMTP_PORT=... there once everything listens",
)
@json_option
@click.pass_obj
def command(
    state: State,
    smtp: int,
    submission: int,
    pop3: int,
    imap: int,
    api: int,
    host: str,
    accept: str,
    accounts: tuple[str, ...],
    password: str,
    tls: bool,
    env_file: Path | None,
) -> None:
    """A mail server for tests: SMTP, POP3, IMAP and a JSON API. Needs no configuration.

    It takes mail for everybody, keeps it in a temporary folder, and sends none of it anywhere. docs/testing.md has the API, faults on
    purpose, and a clock that can be moved.
    """
    if env_file is not None:
        _remove(
            env_file
        )  # one of an earlier server, which somebody might be waiting to see; the first, because that takes time
    from correo.testing import MailServer

    try:
        server = MailServer(
            accept=accept,
            password=password,
            host=host,
            smtp=smtp,
            submission=submission,
            pop3=pop3,
            imap=imap,
            api=api,
            tls=tls,
        )
    except ValueError as wrong:
        raise usage(str(wrong)) from None
    told = threading.Event()
    hung_up = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]  # as nohup has it
    for number in (signal.SIGTERM, signal.SIGINT, *hung_up):
        signal.signal(number, lambda *_: told.set())
    try:
        server.start()
    except (OSError, ValueError) as wrong:
        raise Failure(str(wrong), EX_OSERR) from None
    try:
        _serve(state, server, accounts, env_file, told)
    finally:
        try:
            _stop(server)
        finally:
            if env_file is not None:
                _remove(env_file)


def _serve(
    state: State, server: MailServer, accounts: tuple[str, ...], env_file: Path | None, told: threading.Event
) -> None:
    for account in accounts:
        address, colon, secret = account.partition(":")
        try:
            server.accounts.add(address, secret if colon else None)
        except ValueError as wrong:
            raise Failure(f"--account {account}: {wrong}", EX_USAGE) from None
    facts = {"host": server.host, **server.ports}
    if server.ports.get("smtps"):
        facts["ca_file"] = str(server.ca_file)
    if env_file is not None:
        _write_environment(env_file, facts)
    print(encode(facts) if state.as_json else _described(server), flush=True)
    told.wait()


def _described(server: MailServer) -> str:
    host = f"[{server.host}]" if ":" in server.host else server.host
    lines = [
        f"{name:<11} {host}:{server.ports[name]:<6} {words}"
        for name, words in FOR.items()
        if name in server.ports
    ]
    if server.ports.get("smtps"):
        lines.append(f"{'trust':<11} {server.ca_file}")
    return "\n".join([*lines, "Ctrl-C ends it and removes everything."])


def _write_environment(path: Path, facts: Mapping[str, object]) -> None:
    """All at once: who waits for the file must not read half of it. Raises Failure."""
    names = {name: name.upper() if name in ("host", "ca_file") else f"{name.upper()}_PORT" for name in facts}
    text = "".join(f"CORREO_{names[name]}={value}\n" for name, value in facts.items())
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text)
        fresh.replace(path)
    except OSError as wrong:
        raise Failure(f"cannot write {path}: {wrong.strerror}", EX_CANTCREAT) from None


def _remove(path: Path) -> None:
    """Raises Failure."""
    try:
        path.unlink(missing_ok=True)
    except OSError as wrong:
        raise Failure(f"cannot remove {path}: {wrong.strerror}", EX_CANTCREAT) from None


def _stop(server: MailServer) -> None:
    try:
        server.stop()
    except RuntimeError as wrong:
        raise Failure(f"{wrong}: {wrong.__cause__!r}", EX_SOFTWARE) from None
