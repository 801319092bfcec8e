"""The processes: started, listened to, told to end, and seen to their end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from correo.config import Config
from correo.net.board import Board
from correo.net.kin import Kin, make_inbox
from correo.ops import service
from correo.ops.doors import announce
from correo.ops.workers.letter import READY, RELOADED, VARIABLE, Letter
from correo.ops.workers.supervisor import Act, End, Note, Start, Supervisor

# What the service manager told this process is not for its children.
NOT_INHERITED = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
EX_OSERR = 71  # sysexits(3)
GLANCE = 0.01  # seconds; whose line is closed is about to be gone

log = structlog.get_logger("correo")


@dataclass(slots=True)
class _Child:
    seat: int
    process: subprocess.Popen[bytes]
    line: socket.socket
    configuration: int  # how many times it had been read when the child was born


class Master:
    """`doors`: for each place its sockets, in the order of the listeners. `command` starts a worker; its number is added.

    `text` is that of the configuration. `reread` is asked for it at SIGHUP, and says None where it cannot be read.
    """

    def __init__(
        self,
        config: Config,
        text: str,
        doors: Sequence[Sequence[socket.socket]],
        command: Sequence[str],
        secret: bytes,
        reread: Callable[[], Config | None],
    ) -> None:
        """Raises OSError."""
        self._config = config
        self._doors = doors
        self._command = command
        self._reread = reread
        seats = 2 * len(doors)
        self._inboxes = [make_inbox() for _ in range(seats)]
        self._board = Board.make(seats, len(config.listener), secret)
        self._text = os.memfd_create("configuration", os.MFD_CLOEXEC)
        os.write(self._text, text.encode())
        self._kin = Kin(self._board, -1, [outbox for _, outbox in self._inboxes])
        self._supervisor = Supervisor(len(doors), seats, config.limits.drain)
        self._children: dict[int, _Child] = {}  # by seat
        self._reloading: set[int] = set()  # seats
        self._configuration = 0
        self._timer: asyncio.TimerHandle | None = None
        self._finished = asyncio.Event()
        self._ends: set[asyncio.Task[None]] = set()

    async def run(self) -> int:
        """Serve until told to stop; the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGUSR2, self._renew)
        self._supervisor.begin(loop.time())
        self._act()
        await self._finished.wait()
        return self._supervisor.code or 0

    # -- signals -----------------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        service.notify("STOPPING=1")
        self._supervisor.stop(asyncio.get_running_loop().time())
        self._act()

    def _renew(self) -> None:
        log.info("workers are replaced one after the other")
        self._supervisor.renew(asyncio.get_running_loop().time())
        self._act()

    def _reload(self) -> None:
        service.notify("RELOADING=1")
        fresh = self._reread()
        if fresh is not None:
            self._supervisor.drain = fresh.limits.drain
            self._configuration += 1
            for seat in self._supervisor.serving:
                self._tell_to_reload(seat)
        self._reloaded()

    def _tell_to_reload(self, seat: int) -> None:
        self._children[seat].configuration = self._configuration
        self._reloading.add(seat)
        self._signal(seat, signal.SIGHUP)

    def _reloaded(self, seat: int = -1) -> None:
        self._reloading.discard(seat)
        if not self._reloading:
            service.notify("READY=1")

    # -- what the supervisor wants ---------------------------------------------------------------------------------------

    def _act(self) -> None:
        loop = asyncio.get_running_loop()
        while acts := self._supervisor.take():
            for act in acts:
                self._do(act)
        if self._timer is not None:
            self._timer.cancel()
        due = self._supervisor.due
        self._timer = None if due is None else loop.call_at(due, self._wake)
        if self._supervisor.stopping:
            self._close_doors()
        if self._supervisor.code is not None:
            self._finished.set()

    def _wake(self) -> None:
        self._supervisor.wake(asyncio.get_running_loop().time())
        self._act()

    def _do(self, act: Act) -> None:
        match act:
            case Start(place, seat):
                self._start(place, seat)
            case End(seat, at_once):
                self._signal(seat, signal.SIGKILL if at_once else signal.SIGTERM)
            case Note(level, event, facts):
                getattr(log, level)(event, **facts)
            case _:
                announce(self._config, self._doors[0], len(self._doors))

    def _start(self, place: int, seat: int) -> None:
        line, theirs = socket.socketpair()
        with theirs:
            letter = Letter(
                place=place,
                places=len(self._doors),
                seat=seat,
                seats=len(self._inboxes),
                listeners=[sock.fileno() for sock in self._doors[place]],
                inbox=self._inboxes[seat][0].fileno(),
                outboxes=[outbox.fileno() for _, outbox in self._inboxes],
                board=self._board.descriptor,
                configuration=self._text,
                line=theirs.fileno(),
            )
            environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
            try:
                process = subprocess.Popen(
                    [*self._command, str(place + 1)],
                    env={**environment, VARIABLE: letter.write()},
                    pass_fds=letter.inherited,
                    stdin=subprocess.DEVNULL,
                )
            except OSError as error:  # no memory, say, or the version on disk is being replaced
                line.close()
                log.error("a worker cannot be started", worker=place + 1, reason=str(error))
                asyncio.get_running_loop().call_soon(self._ended, seat, EX_OSERR)
                return
        line.setblocking(False)
        child = self._children[seat] = _Child(seat, process, line, self._configuration)
        asyncio.get_running_loop().add_reader(line, self._hear, child)

    def _signal(self, seat: int, number: signal.Signals) -> None:
        self._children[seat].process.send_signal(number)

    def _close_doors(self) -> None:
        for sockets in self._doors:
            for sock in sockets:
                sock.close()

    # -- what the workers say --------------------------------------------------------------------------------------------

    def _hear(self, child: _Child) -> None:
        try:
            said = child.line.recv(64)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        loop = asyncio.get_running_loop()
        if not said:  # its end was closed by its death
            loop.remove_reader(child.line)
            child.line.close()
            end = loop.create_task(self._see_end(child))
            self._ends.add(end)
            end.add_done_callback(self._ends.discard)
            return
        if READY in said:
            if child.configuration != self._configuration:
                self._tell_to_reload(child.seat)
            self._supervisor.ready(child.seat, loop.time())
            self._act()
        if RELOADED in said:
            self._reloaded(child.seat)

    async def _see_end(self, child: _Child) -> None:
        # Not by a thread: the system may have none left.
        while (code := child.process.poll()) is None:  # noqa: ASYNC110
            await asyncio.sleep(GLANCE)
        del self._children[child.seat]
        self._board.wipe(child.seat)
        self._kin.alarm()  # what it had committed it may not have told the others
        if child.seat in self._reloading:
            self._reloaded(child.seat)
        self._ended(child.seat, code)

    def _ended(self, seat: int, code: int) -> None:
        self._supervisor.ended(seat, code, asyncio.get_running_loop().time())
        self._act()
