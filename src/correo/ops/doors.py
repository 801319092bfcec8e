"""The doors of a server: its listening sockets, bound before root is given up and before anything is served."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import structlog

from correo.config import Config, Listener
from correo.net.listen import address_of, bind
from correo.ops import service

log = structlog.get_logger("correo")


def bind_all(listeners: Sequence[Listener], *, shared: bool = False) -> list[socket.socket]:
    """A socket for each listener; `shared` as in `bind`. Raises OSError with the address in it, ValueError."""
    sockets: list[socket.socket] = []
    for listener in listeners:
        try:
            if shared and not listener.address.startswith("unix:"):
                bind(listener.address).close()  # for who shares a port is let in beside another server, too
            sockets.append(bind(listener.address, for_everybody=listener.local, shared=shared))
        except OSError as error:
            for sock in sockets:
                sock.close()
            raise OSError(
                error.errno, f"cannot listen on {listener.address} for {listener.protocol}: {error.strerror}"
            ) from error
    return sockets


def bind_again(sockets: Sequence[socket.socket]) -> list[socket.socket]:
    """Another socket beside each that is shared, on the same port; of a path, and of what was passed to us, the same. Raises OSError."""
    return [bind(address_of(sock), shared=True) if _is_shared(sock) else sock for sock in sockets]


def _is_shared(sock: socket.socket) -> bool:
    if sock.family == socket.AF_UNIX:
        return False
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT))


def announce(config: Config, sockets: Sequence[socket.socket], workers: int = 1) -> None:
    """Everything is served from now on."""
    for listener, sock in zip(config.listener, sockets, strict=True):
        log.info("listening", protocol=listener.protocol, address=address_of(sock), tls=listener.tls)
    log.info("ready", hostname=config.hostname, workers=workers)
    service.notify("READY=1")
