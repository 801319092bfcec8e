"""The door for those who watch: a local socket of each process, to which nobody but its own user and root can connect.

Who connects says in a line of JSON what he wants, and is sent a line for each glimpse. Whoever reads too slowly misses some, and is told
how many; nothing waits for him.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import msgspec
import structlog

from correo.net.networks import Networks
from correo.net.stream import uid_of
from correo.net.tap import PROTOCOLS, Glimpse, Taps, Wants

MAX_WATCHERS = 16  # of one process: each costs as much as what he sees
MAX_REQUEST = 64 * 1024  # octets of what somebody may want
MAX_UNSENT = 256 * 1024  # octets that wait for who reads slowly
LONGEST_PATH = 100  # octets; 108 with a zero is what the system allows (unix(7))

log = structlog.get_logger("net")


class Request(msgspec.Struct, omit_defaults=True):
    """What a watcher says first. `hosts` are addresses, networks, and names of servers."""

    session: str = ""
    hosts: list[str] = []
    account: str = ""
    protocols: list[str] = []
    data: bool = False


class Told(msgspec.Struct, omit_defaults=True):
    """What he is told: a glimpse, or that he missed `lost` lines, or that he is `refused`."""

    at: int = 0
    session: str = ""
    protocol: str = ""
    peer: str = ""
    account: str = ""
    who: str = ""
    text: str = ""
    lost: int = 0
    refused: str = ""


_request = msgspec.json.Decoder(Request).decode
_told = msgspec.json.Encoder().encode


class Door:
    """Open from `open` to `close`; its file is `folder`/`number`, which is that of the process."""

    def __init__(self, taps: Taps, folder: Path, number: int | None = None) -> None:
        self._taps = taps
        self._path = folder / str(number or os.getpid())
        self._server: asyncio.Server | None = None
        self._visitors: set[_Visitor] = set()

    async def open(self) -> None:
        """Raises OSError. Doors that others have left behind are cleared away."""
        folder = self._path.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        _clear(folder)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Under another name until it listens: who clears away would take it for one that was left behind.
        unready = folder / f"{self._path.name}.new"
        unready.unlink(missing_ok=True)
        try:
            with reachable(unready) as address:
                sock.bind(address)
            unready.chmod(0o600)
            sock.listen()
            unready.rename(self._path)
            sock.setblocking(False)
            self._server = await asyncio.get_running_loop().create_unix_server(
                lambda: _Visitor(self._taps, self._visitors), sock=sock
            )
        except BaseException:
            sock.close()
            raise

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)
        for visitor in list(self._visitors):
            visitor.dismiss()


class _Visitor(asyncio.Protocol):
    """Somebody who watches."""

    def __init__(self, taps: Taps, visitors: set[_Visitor]) -> None:
        self.wants = Wants()
        self._taps = taps
        self._visitors = visitors
        self._transport: asyncio.Transport | None = None
        self._request = bytearray()
        self._watching = False
        self._refused = False
        self._behind = False
        self._lost = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=MAX_UNSENT)
        self._visitors.add(self)
        if uid_of(self._transport) not in (
            -1,
            0,
            os.geteuid(),
        ):  # -1: the system does not tell, and the mode of the file must do
            self._refuse("this is for the server's own user")
        elif len(self._visitors) > MAX_WATCHERS:
            self._refuse("too many are watching")

    def data_received(self, data: bytes) -> None:
        if self._watching or self._refused:
            return
        self._request += data
        line, end, _ = bytes(self._request).partition(b"\n")
        if end:
            self._begin(line)
        elif len(self._request) > MAX_REQUEST:
            self._refuse("that is too much")

    def _begin(self, line: bytes) -> None:
        try:
            self.wants = wants(_request(line))
        except (msgspec.MsgspecError, ValueError) as wrong:
            self._refuse(str(wrong))
            return
        self._watching = True
        self._taps.watch(self)
        log.info("somebody watches", wants=bytes(line[:1000]).decode("utf-8", "replace"))

    def pause_writing(self) -> None:
        self._behind = True

    def resume_writing(self) -> None:
        self._behind = False
        if self._lost:
            lost, self._lost = self._lost, 0
            self._send(Told(lost=lost))

    def connection_lost(self, _: Exception | None) -> None:
        self._visitors.discard(self)
        if self._watching:
            self._watching = False
            self._taps.unwatch(self)
            log.info("nobody watches any more" if not self._taps.watchers else "somebody watches no more")

    def show(self, glimpse: Glimpse) -> None:
        if self._behind:
            self._lost += 1
            return
        self._send(
            Told(
                glimpse.at,
                glimpse.session,
                glimpse.protocol,
                glimpse.peer,
                glimpse.account,
                glimpse.who,
                glimpse.text,
            )
        )

    def dismiss(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _refuse(self, words: str) -> None:
        self._refused = True
        self._send(Told(refused=words))
        self.dismiss()

    def _send(self, told: Told) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_told(told) + b"\n")


def wants(request: Request) -> Wants:
    """Raises ValueError."""
    for protocol in request.protocols:
        if protocol not in PROTOCOLS:
            raise ValueError(f"there is no protocol {protocol}; there are {', '.join(PROTOCOLS)}")
    networks, names = [], set()
    for host in request.hosts:
        try:
            Networks.of([host])
            networks.append(host)
        except ValueError:
            names.add(host.lower().removesuffix("."))
    return Wants(
        request.session,
        frozenset(names),
        Networks.of(networks),
        request.account,
        frozenset(request.protocols),
        request.data,
    )


def doors(folder: Path) -> list[Path]:
    """Of the processes that serve, and perhaps of some that have died."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.isdigit())
    except FileNotFoundError:
        return []


@contextlib.contextmanager
def reachable(path: Path) -> Iterator[str]:
    """An address of the socket at `path` that is short enough, however deep it lies. Raises OSError."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _clear(folder: Path) -> None:
    for path in doors(folder):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(1.0)
            try:
                with reachable(path) as address:
                    sock.connect(address)
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:
                pass  # it is somebody's, who is busy
