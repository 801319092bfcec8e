"""Passwords: from a file, from standard input, or typed twice; never from the command line, where every user can see them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from correo.cli.terminal import EX_DATAERR, EX_NOINPUT, Failure, usage
from correo.clock import Chance

MAX_SIZE = 4096  # octets of a password file: passwords have at most 1,024
_LETTERS = "abcdefghjkmnpqrstvwxyz23456789"  # none that are taken for each other
GENERATED = (4, 5)  # groups of letters: 98 bits


def password_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--password-file",
        metavar="FILE",
        help="read the password from the first line of FILE (- is standard input) instead of asking",
    )(function)


def read_password(file: str | None, whose: str) -> str | None:
    """From the file, or None where it has to be asked for. Raises Failure."""
    if file is None:
        if not sys.stdin.isatty():
            raise usage(
                f"no terminal to ask for the password of {whose}; give it with --password-file FILE (- is standard input)"
            )
        return None
    try:
        octets = sys.stdin.buffer.read(MAX_SIZE) if file == "-" else _read(Path(file))
        line = octets.decode().split("\n", 1)[0].removesuffix("\r")
    except UnicodeDecodeError:
        raise Failure(f"{file}: the password is not UTF-8", EX_DATAERR) from None
    except OSError as wrong:
        raise Failure(f"cannot read the password from {file}: {wrong.strerror}", EX_NOINPUT) from None
    if not line:
        where = "standard input" if file == "-" else file
        raise Failure(f"the first line of {where} is empty: no password there", EX_DATAERR)
    return line


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_SIZE)


def ask_password(whose: str) -> str:
    """Typed twice. On standard error, since standard output may be read by a program."""
    answer: str = click.prompt(f"Password for {whose}", hide_input=True, confirmation_prompt=True, err=True)
    return answer


def generate_password(chance: Chance) -> str:
    """`k7hw2-...`: four groups that can be read out over the telephone."""
    groups, length = GENERATED
    # 30 letters do not divide 256, so octets from 240 on are passed over: each letter is as likely as the others.
    letters: list[str] = []
    while len(letters) < groups * length:
        letters += [_LETTERS[octet % len(_LETTERS)] for octet in chance.secret(32) if octet < 240]
    text = "".join(letters[: groups * length])
    return "-".join(text[at : at + length] for at in range(0, len(text), length))
