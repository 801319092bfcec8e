"""`correo sendmail`: stands in for /usr/sbin/sendmail, mailq and newaliases.

A message comes on standard input and goes to the running server by its local socket, which knows who we are. Where no server
answers, the message is kept in the spool and taken from there later; exit status 0 always means that it is on the disk. Exit statuses
are those of sysexits(3). It is for all recipients or for none.
"""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import click

from correo.cli.sendmail.arguments import Asked, BadUsage, Mode, parse
from correo.cli.sendmail.handing import converse, hand_over, verify
from correo.cli.sendmail.message import (
    TooBig,
    TooMany,
    addresses,
    completed,
    phrase,
    read,
    recipients_of,
    with_domain,
)
from correo.cli.terminal import (
    EX_DATAERR,
    EX_NOPERM,
    EX_NOUSER,
    EX_TEMPFAIL,
    EX_UNAVAILABLE,
    Failure,
    State,
    printable,
    run,
    usage,
    with_database,
)
from correo.clock.system import SystemChance, SystemClock
from correo.config import Config
from correo.config.read import beside
from correo.wire.smtp.letter import Letter, Outcome, Step, Verdict

REFUSALS = {
    Step.HELLO: EX_UNAVAILABLE,
    Step.SENDER: EX_NOPERM,
    Step.RECIPIENT: EX_NOUSER,
    Step.TEXT: EX_DATAERR,
}


@click.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
        "help_option_names": ["--help"],  # -h counts hops here
    }
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def command(state: State, arguments: tuple[str, ...]) -> None:
    """Hand over the message on standard input, as programs do that call /usr/sbin/sendmail.

    -t takes the recipients from the header, -i lets a dot alone on a line be, -f ADDRESS says who sends it, -F his name; -N, -R and -V
    ask for notices; -bv says of each recipient whether mail would be taken, -bs speaks SMTP, -bp shows the queue as mailq does, -q tries all of it at once,
    -qI and an id or -qR and a domain what that names.
    """
    _do(state, "sendmail", list(arguments))


def main() -> None:
    """The program as it is when others call it: its name may be sendmail, mailq or newaliases."""
    state = State(os.environ.get("CORREO_CONFIG"), False)
    try:
        _do(state, Path(sys.argv[0]).name, sys.argv[1:])
    except Failure as failure:
        print(f"sendmail: {failure.words}", file=sys.stderr)
        sys.exit(failure.code)


def _do(state: State, program: str, arguments: list[str]) -> None:
    """Raises Failure."""
    try:
        asked = parse(program, arguments)
    except BadUsage as wrong:
        raise usage(str(wrong)) from None
    if asked.mode is Mode.ALIASES:
        return  # aliases are in the database; there is nothing to make of them
    if asked.config:
        state.config_file = asked.config
    match asked.mode:
        case Mode.SEND:
            _send(state.config(), asked)
        case Mode.VERIFY:
            _verify(state.config(), asked)
        case Mode.TALK:
            _talk(state.config())
        case Mode.LIST:
            _list(state.config())
        case Mode.FLUSH:
            _flush(state, asked.only)


def _socket(config: Config) -> str:
    """Where the server listens for us, or ""."""
    for listener in config.listener:
        if listener.local:
            return listener.address.removeprefix("unix:")
    return ""


def _send(config: Config, asked: Asked) -> None:
    letter = _letter(config, asked)
    spool = beside(config, config.sendmail.spool) if config.sendmail.spool else None
    outcome = hand_over(_socket(config), spool, letter, SystemChance(), SystemClock().now())
    if outcome.verdict is not Verdict.TAKEN:
        raise _failure(outcome)


def _verify(config: Config, asked: Asked) -> None:
    """Say of each recipient whether mail for him would be taken. Raises Failure, SystemExit where it is not of all of them."""
    letter = _letter(config, asked, text=None if asked.from_header else b"")
    found = verify(_socket(config), letter)
    if isinstance(found, Outcome):
        raise _failure(found)
    for recipient, answer in zip(letter.recipients, found, strict=True):
        print(printable(f"{recipient}... {'deliverable' if answer.first_digit == 2 else answer.status}"))
    worst = max(answer.first_digit for answer in found)
    if worst != 2:
        raise SystemExit(EX_NOUSER if worst == 5 else EX_TEMPFAIL)


def _failure(outcome: Outcome) -> Failure:
    who = f"{', '.join(outcome.refused)}: " if outcome.refused else ""
    if outcome.verdict is Verdict.LATER:
        return Failure(f"{who}{outcome.status.text}; nothing was sent, try again later", EX_TEMPFAIL)
    return Failure(f"{who}{outcome.status}; nothing was sent", REFUSALS[outcome.step])


def _letter(config: Config, asked: Asked, text: bytes | None = None) -> Letter:
    """With the `text` of standard input, if none is given. Raises Failure."""
    origin = config.sendmail.origin or config.hostname
    entry = _entry()
    user = entry.pw_name if entry else str(os.getuid())
    sender = f"{user}@{origin}" if asked.sender is None else asked.sender
    if sender and "@" not in sender:
        sender = f"{sender}@{origin}"
    try:
        if text is None:
            text = read(sys.stdin.buffer, dots=asked.dots, most=config.limits.message_size)
    except TooBig:
        raise Failure(f"the message is longer than {config.limits.message_size} octets", EX_DATAERR) from None
    try:
        named = [one for written in asked.recipients for one in _named(written)]
        named += recipients_of(text) if asked.from_header else []
    except TooMany:
        words = "there are more recipients in one list than are read of any; send to some at a time"
        raise Failure(words, EX_DATAERR) from None
    if not named:
        where = "in the header" if asked.from_header else "on the command line; -t takes those of the header"
        raise usage(f"there is no recipient {where}")
    author = _author(asked.full_name or _full_name(entry), sender or f"{user}@{origin}")
    text = completed(text, author, origin)
    recipients = with_domain(named, origin)
    letter = Letter(sender, recipients, text, asked.notify, asked.ret, asked.envelope_id)
    if not letter.safe:
        raise Failure("sender or recipients have characters that no address has", EX_DATAERR)
    return letter


def _named(written: str) -> list[str]:
    """The addresses in one argument. Raises Failure, TooMany."""
    found = addresses(os.fsencode(written))
    if not found and written.strip():
        raise Failure(f"{written!r} is no address; nothing was sent", EX_DATAERR)
    return found


def _entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(os.getuid())
    except KeyError:
        return None  # as in containers


def _full_name(entry: pwd.struct_passwd | None) -> str:
    """What passwd(5) says of him, of which the first part is his name, and & stands for that by which he logs in."""
    if name := os.environ.get("NAME", ""):
        return name
    return entry.pw_gecos.partition(",")[0].replace("&", entry.pw_name.capitalize()) if entry else ""


def _author(name: str, address: str) -> bytes:
    clean = "".join(char for char in name if char.isprintable()).strip()
    written = os.fsencode(address)
    return phrase(os.fsencode(clean)) + b" <" + written + b">" if clean else written


def _talk(config: Config) -> None:
    try:
        converse(_socket(config), sys.stdin.fileno(), sys.stdout.fileno())
    except OSError as error:
        print("421 4.3.0 The mail server is not running\r\n", end="", flush=True)
        raise Failure(f"the server does not answer: {error}", EX_TEMPFAIL) from None


def _list(config: Config) -> None:
    from correo.cli.sendmail.mailq import everything, listing

    print(listing(run(with_database(config, lambda db: db.scan(everything)))))


def _flush(state: State, only: str) -> None:
    from correo.cli import correo

    place = ["--config", state.config_file] if state.config_file else []
    correo.main([*place, "queue", "retry", *(["--", only] if only else ["--all"])], standalone_mode=False)
