"""`correo serve`: run the server until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import click
import structlog

from correo.cli.terminal import EX_CONFIG, EX_NOPERM, EX_OSERR, EX_UNAVAILABLE, Failure, State

if TYPE_CHECKING:
    from correo.app import Server


@click.command()
@click.pass_obj
def command(state: State) -> None:
    """Run the server.

    SIGTERM and SIGINT stop it gracefully, SIGHUP reads certificate and configuration again. Started as root it binds its ports and then
    becomes the configured user; it never needs root (systemd socket activation and CAP_NET_BIND_SERVICE both serve).
    """
    from correo import app
    from correo.clock.system import SystemChance, SystemClock
    from correo.net.listen import passed_sockets
    from correo.ops import log, service
    from correo.storage.db.migrate import SchemaMismatch

    config = state.config()
    if not config.listener:
        raise Failure(f"{config.source} has no [[listener]]: nothing to serve", EX_CONFIG)
    world = app.World(SystemClock(), SystemChance())
    log.configure(config.log.format, config.log.level, world.clock)
    sys.unraisablehook = log.ignored
    try:
        sockets = passed_sockets() or app.bind_all(config.listener)
        if len(sockets) != len(config.listener):
            words = f"the service manager passed {len(sockets)} sockets for {len(config.listener)} listeners; they must be as many"
            raise Failure(words, EX_CONFIG)
        service.drop_privileges(config.user)
    except (OSError, ValueError) as wrong:
        raise Failure(str(wrong), EX_OSERR) from None
    except service.CannotDrop as wrong:
        raise Failure(str(wrong), EX_NOPERM) from None

    async def run() -> None:
        try:
            server = await app.Server.open(config, world)
        except SchemaMismatch as wrong:
            raise Failure(str(wrong), EX_CONFIG) from None
        except (OSError, ValueError) as wrong:
            raise Failure(f"cannot start: {wrong}", EX_CONFIG) from None
        told = stop_signals()
        reload_signals(server, state)
        await server.start(sockets)
        await until_told(server, told)

    if sys.platform != "win32":
        import uvloop

        uvloop.run(run())
    else:
        asyncio.run(run())


def stop_signals() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets; from here on they do nothing else."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told


def reload_signals(server: Server, state: State) -> None:
    """From here on SIGHUP reads certificate and configuration again."""
    from correo.ops import log, service

    def reload() -> None:
        service.notify("RELOADING=1")
        try:
            fresh = state.config()
        except Failure as wrong:
            reason = wrong.words
            structlog.get_logger("correo").error("reload failed, everything stays as it was", reason=reason)
        else:
            log.configure(fresh.log.format, fresh.log.level, server.world.clock)
            server.reload(fresh)
        service.notify("READY=1")

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)


async def until_told(server: Server, told: asyncio.Event) -> None:
    """Serve until a signal says stop, or until a part of the server that should never end has ended."""
    waiting = asyncio.ensure_future(told.wait())
    broken = asyncio.ensure_future(server.failed())
    await asyncio.wait([waiting, broken], return_when=asyncio.FIRST_COMPLETED)
    for task in (waiting, broken):
        task.cancel()
    await server.stop()
    if broken.done() and not broken.cancelled() and (fault := broken.exception()):
        raise Failure(f"a part of the server failed: {fault!r}; the log has the details", EX_UNAVAILABLE)
