"""`correo serve`: run the server until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import structlog

from correo.cli.terminal import (
    EX_CONFIG,
    EX_NOPERM,
    EX_OSERR,
    EX_TEMPFAIL,
    EX_UNAVAILABLE,
    Failure,
    State,
    refusal,
)
from correo.config import Config, ConfigError, read
from correo.mail.errors import Refused

if TYPE_CHECKING:
    from correo.app import Server
    from correo.app.shared import Shared
    from correo.ops.workers import Letter


ROOM = 4  # threads for what takes long and belongs to no pool; more would wait for the interpreter
# What passes without anybody changing the configuration: the service manager is to start us again.
PASSING = {
    *(errno.EROFS, errno.EIO, errno.ENOSPC, errno.EDQUOT),  # the disk
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN),  # the machine
}


@click.command()
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    metavar="N",
    help="processes that serve side by side, instead of what the configuration says; 0 is one for each core",
)
@click.option("--worker", "number", type=int, hidden=True)  # so that ps shows which is which
@click.pass_obj
def command(state: State, workers: int | None, number: int | None) -> None:
    """Run the server.

    SIGTERM and SIGINT stop it gracefully, SIGHUP reads certificate and configuration again, SIGUSR2 replaces the workers by new ones, of
    the version that is installed now. Started as root it binds its ports and then becomes the configured user; it never needs root
    (systemd socket activation and CAP_NET_BIND_SERVICE both serve).
    """
    from correo.clock.system import SystemClock
    from correo.net import descriptors
    from correo.ops import log
    from correo.ops.workers import cores, open_letter

    config = state.config()
    if not config.listener:
        raise Failure(f"{config.source} has no [[listener]]: nothing to serve", EX_CONFIG)
    letter = open_letter(os.environ)
    if (letter is None) != (number is None):
        raise click.UsageError("--worker is for the server's own use")
    log.configure(config.log.format, config.log.level, SystemClock(), worker=number)
    sys.unraisablehook = log.ignored
    descriptors.allow_all()
    if letter is not None:
        run(serve(state, as_the_others(config, letter), letter.sockets(), letter))
        return
    wanted = (config.workers if workers is None else workers) or cores()
    doors = open_doors(config, wanted)
    if wanted == 1:
        run(serve(state, config, doors[0]))
    elif code := asyncio.run(look_after(state, config, doors)):
        raise Failure("the server ended because its workers did; the log has the details", code)


def open_doors(config: Config, places: int) -> list[list[socket.socket]]:
    """For each place a socket of each listener; from here on we are root no more."""
    from correo.net.listen import passed_sockets
    from correo.ops import doors, service

    try:
        if passed := passed_sockets():
            every = [passed] * places
        else:
            first = doors.bind_all(config.listener, shared=places > 1)
            every = [first, *(doors.bind_again(first) for _ in range(1, places))]
        if len(every[0]) != len(config.listener):
            words = f"the service manager passed {len(every[0])} sockets for {len(config.listener)} listeners; they must be as many"
            raise Failure(words, EX_CONFIG)
        service.drop_privileges(config.user)
    except (OSError, ValueError) as wrong:
        raise Failure(str(wrong), EX_OSERR) from None
    except service.CannotDrop as wrong:
        raise Failure(str(wrong), EX_NOPERM) from None
    return every


def run(work: Coroutine[Any, Any, None]) -> None:
    """Raises Failure."""
    runner = asyncio.Runner(loop_factory=_event_loop())
    try:
        runner.run(work)
    finally:
        # It starts a thread to wait for the others, which the system may not have; they have nothing to do any more.
        with contextlib.suppress(RuntimeError):
            runner.close()


def _event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """None is the usual one."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def look_after(state: State, config: Config, doors: Sequence[Sequence[socket.socket]]) -> int:
    """Be the master of as many workers as there are places; the exit status."""
    from correo.clock.system import SystemChance
    from correo.net.board import SECRET
    from correo.ops.workers import Master

    text = config.source.read_text(encoding="utf-8")
    program = [sys.executable, "-P", "-m", "correo", "--config", str(config.source), "serve", "--worker"]
    try:
        master = Master(
            config, text, doors, program, SystemChance().secret(SECRET), lambda: fresh_config(state, None)
        )
    except OSError as wrong:
        raise Failure(f"cannot start: {wrong}", EX_OSERR) from None
    return await master.run()


def as_the_others(config: Config, letter: Letter) -> Config:
    """The configuration as it is now, but for what stays as it was when the first workers came. Raises Failure."""
    from correo.app.server import KEPT

    try:
        first = read(letter.first_configuration(), config.source)
    except (OSError, ConfigError) as wrong:
        raise Failure(f"what the server began with cannot be read any more: {wrong}", EX_CONFIG) from None
    return replace(config, **{name: getattr(first, name) for name in KEPT})


async def serve(
    state: State, config: Config, sockets: Sequence[socket.socket], letter: Letter | None = None
) -> None:
    """Be a server: the only one, or the worker that the letter is for."""
    from correo.ops import doors
    from correo.ops.workers.letter import READY

    server = await opened(config, letter)
    told = stop_signals()
    line = hear_master(letter, told) if letter else None
    if letter is None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, say_there_are_none)
    reload_signals(server, state, letter.place + 1 if letter else None, line)
    await server.start(sockets)
    if line is None:
        doors.announce(config, sockets)
    else:
        line.send(READY)
    await until_told(server, told)


async def opened(config: Config, letter: Letter | None) -> Server:
    """The server, which has not begun to serve. Raises Failure."""
    from correo.app import Server, World
    from correo.app.server import data_folder
    from correo.app.shared import alone
    from correo.clock.system import SystemChance, SystemClock, processor
    from correo.storage.db.migrate import SchemaMismatch
    from correo.storage.threads import started

    chance = SystemChance(letter.seat, _power_of_two(letter.seats)) if letter else SystemChance()
    try:
        asyncio.get_running_loop().set_default_executor(started(ROOM, "work"))
        world = World(SystemClock(), chance, processor=processor)
        shared = joined(config, letter) if letter else alone(config, world, data_folder(config))
        return await Server.open(config, world, shared)
    except SchemaMismatch as wrong:
        raise Failure(str(wrong), EX_CONFIG) from None
    except Refused as refused:
        raise refusal(refused) from None
    except (OSError, ValueError) as wrong:
        raise Failure(f"cannot start: {wrong}", exit_code(wrong)) from None


def exit_code(wrong: OSError | ValueError) -> int:
    """By what failed: the machine, which may be well again by itself, or what somebody has to put right."""
    from correo.storage.threads import NoThreads

    if isinstance(wrong, NoThreads):
        return EX_TEMPFAIL
    # OpenSSL numbers its errors otherwise.
    passes = isinstance(wrong, OSError) and not isinstance(wrong, ssl.SSLError) and wrong.errno in PASSING
    return EX_TEMPFAIL if passes else EX_CONFIG


def joined(config: Config, letter: Letter) -> Shared:
    """What this worker shares with the others. Raises OSError."""
    from correo.app.server import data_folder
    from correo.app.shared import together

    board = letter.open_board()
    return together(config, data_folder(config), letter.places, letter.seat, board, letter.open_kin(board))


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()


def stop_signals() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets; from here on they do nothing else."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told


def hear_master(letter: Letter, told: asyncio.Event) -> socket.socket:
    """The line to the master. When he dies we are told to stop; what he wants of us in his life he says by signals."""
    line, loop = letter.open_line(), asyncio.get_running_loop()

    def hear() -> None:
        loop.remove_reader(line)
        structlog.get_logger("correo").warning("the first process is gone, so its workers end")
        told.set()

    loop.add_reader(line, hear)
    for number in (signal.SIGINT, signal.SIGUSR2):  # a terminal sends these to him, too
        loop.add_signal_handler(number, lambda: None)
    return line


def fresh_config(state: State, number: int | None) -> Config | None:
    """The configuration as it is now, heeded as to the log already; None where it cannot be read."""
    from correo.clock.system import SystemClock
    from correo.ops import log

    try:
        fresh = state.config()
    except Failure as wrong:
        reason = wrong.words
        structlog.get_logger("correo").error("reload failed, everything stays as it was", reason=reason)
        return None
    log.configure(fresh.log.format, fresh.log.level, SystemClock(), worker=number)
    return fresh


def say_there_are_none() -> None:
    structlog.get_logger("correo").warning("there are no workers to be replaced: start again to upgrade")


def reload_signals(server: Server, state: State, number: int | None, line: socket.socket | None) -> None:
    """From here on SIGHUP reads certificate and configuration again."""
    from correo.ops import service
    from correo.ops.workers.letter import RELOADED

    def reload() -> None:
        service.notify("RELOADING=1")
        if fresh := fresh_config(state, number):
            server.reload(fresh)
        service.notify("READY=1")
        if line is not None:
            line.send(RELOADED)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)


async def until_told(server: Server, told: asyncio.Event) -> None:
    """Serve until a signal says stop, or until a part of the server that should never end has ended."""
    from correo.ops import service

    waiting = asyncio.ensure_future(told.wait())
    broken = asyncio.ensure_future(server.failed())
    await asyncio.wait([waiting, broken], return_when=asyncio.FIRST_COMPLETED)
    for task in (waiting, broken):
        task.cancel()
    service.notify("STOPPING=1")
    await server.stop()
    if broken.done() and not broken.cancelled() and (fault := broken.exception()):
        raise Failure(f"a part of the server failed: {fault!r}; the log has the details", EX_UNAVAILABLE)
