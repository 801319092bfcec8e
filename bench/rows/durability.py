"""Whether a 250 is said after a sync to disk: what the system calls of the servers tell."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from generator import Load, send
from processes import tree
from resting import calm
from row import SHARE, Figure, Given, Goal, Maker, Row, makers, named, running
from servers import HOST, PATH, PEOPLE, Correo, PostfixDovecot, Server, until

MESSAGES, QUICK = 20, 3  # one after the other, so that it is clear which sync is of which
SIZE = 5_000
WARM_UP = 20
CALLS = "fsync,fdatasync,write,writev,sendto,sendmsg"
SHOWN = 90  # characters of a system call
ATTACHED = re.compile(r"Process \d+ attached")
CALL = re.compile(r"^(\d+) +[\d.]+ (?:<\.\.\. )?(\w+)")
ANSWER = re.compile(r'(?:"|\\n)(250|354) ')


@dataclass(slots=True)
class Message:
    """What was called from the 354 to the next 354: before the 250, and after it."""

    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    answered: bool = False


def strace() -> str:
    """Why there is none that works; "" when there is one."""
    if not (program := shutil.which("strace", path=PATH)):
        return "strace not installed"
    tried = subprocess.run([program, "-o", os.devnull, "true"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.strip()}"


@contextmanager
def traced(roots: list[int], log: Path) -> Iterator[None]:
    """Write all that the processes call, and those that they start meanwhile, in the order in which it happens."""
    pids = [pid for root in roots for pid in tree(root)]
    attach = [word for pid in pids for word in ("-p", str(pid))]
    messages = log.with_suffix(".said")
    with messages.open("w") as said:
        process = subprocess.Popen(
            ["strace", "-f", "-ttt", "-s", "400", "-e", f"trace={CALLS}", "-o", str(log), *attach],
            stderr=said,
        )
    try:
        until(lambda: len(ATTACHED.findall(messages.read_text())) >= len(pids), "strace", messages)
        yield
    finally:
        process.terminate()
        process.wait()


def one_round(given: Given, number: int) -> Iterator[Figure]:
    make: list[Maker[Server]] = makers(given, Correo, [(PostfixDovecot, PostfixDovecot)])
    for one in make:
        with running(given, [one]) as (server,), named(server, "strace"):
            send(_load(server, WARM_UP, number))
            calm([server])
            count = given.size(MESSAGES, QUICK)
            log = server.folder / "strace"
            with traced(server.roots(), log):
                send(_load(server, count, 100 + number))
                time.sleep(1)  # what is done afterwards
            messages = read(log.read_text(errors="replace"))
            if len(messages) != count:
                raise RuntimeError(f"{len(messages)} messages in what strace wrote of {count}")
            show(server, messages[0])
            yield Figure(
                "answers 250 with a sync since 354",
                server.name,
                sum(any(map(_synced, one.before)) for one in messages) / count,
                SHARE,
            )
            for what, lists in (
                ("before", [one.before for one in messages]),
                ("after", [one.after for one in messages]),
            ):
                syncs = [sum(map(_synced, lines)) for lines in lists]
                yield Figure(
                    f"syncs {what} the 250 of a message", server.name, statistics.mean(syncs), "syncs"
                )


def _load(server: Server, count: int, seed: int) -> Load:
    return Load(f"{HOST}:{server.smtp}", count, 1, 0, SIZE, PEOPLE, seed)


def read(text: str) -> list[Message]:
    """The messages of the one connection there was. Who says 354 first speaks to the client; Dovecot says it to Postfix, later."""
    found: list[Message] = []
    speaker = ""
    for line in text.splitlines():
        answer, process = (ANSWER.findall(line) or [""])[-1], line.partition(" ")[0]
        if answer == "354":
            speaker = speaker or process
        if process != speaker:
            answer = ""
        if answer == "354":
            found.append(Message())
        if found:
            message = found[-1]
            (message.after if message.answered else message.before).append(line)
            message.answered = message.answered or answer == "250"
    return found


def _synced(line: str) -> bool:
    """A sync has come to its end with success."""
    call = CALL.match(line)
    return bool(call and call[2] in ("fsync", "fdatasync") and line.endswith("= 0"))


def show(server: Server, message: Message) -> None:
    print(f"durability: {server.name}, what was called for one message:", file=sys.stderr)
    for line in message.before:
        if _synced(line) or ANSWER.search(line):
            print(f"    {line[:SHOWN]}", file=sys.stderr)
    print(f"    and {sum(map(_synced, message.after))} syncs later", file=sys.stderr)


ROW = Row(
    "durability",
    "whether 250 is said after a sync to disk",
    f"strace looks at all processes of a server while {MESSAGES} messages come, one after the other: how many fsync(2) and fdatasync(2) have come to "
    "their end between the 354 and the 250 of each, and how many after it (Postfix, which then delivers, and Dovecot). Many messages at once share "
    "syncs in Correo. It prints the system calls of one message.",
    one_round,
    (PostfixDovecot,),
    {"answers 250 with a sync since 354": Goal(least=1)},
    rounds=1,
    missing=strace,
)
