"""The addresses of the listeners: free, taken by us, or taken by somebody else."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from pathlib import Path

from correo.net import Dialer
from correo.net.listen import split_host_port
from correo.net.tls import opportunistic_context
from correo.ops.checkup import Finding, ok, problem, warning

PATIENCE = 3.0  # seconds for a connection to this machine, its handshake and its greeting
SHOWN = 60  # characters of a stranger's greeting


async def check_listener(
    protocol: str, address: str, tls: str, hostname: str, dialer: Dialer, wait: float = 0.0
) -> Finding:
    """`wait`: seconds for which a server of ours lets others wait for its greeting."""
    about = f"{protocol} {address}"
    if address.startswith("unix:"):
        folder = Path(address.removeprefix("unix:")).parent
        if protocol == "submission" and not folder.is_dir() and folder.parent.is_dir():
            return ok(about, f"the folder {folder} is made when the server starts, if it may, or by systemd")
        return _check_folder(about, folder)
    host, port = split_host_port(address)
    error = _try(host, port)
    if error is None:
        return ok(about, "the port is free")
    match error.errno:
        case errno.EADDRINUSE:
            said = await greeting(host, port, tls == "implicit", dialer, wait)
            return _judge(about, port, said, hostname)
        case errno.EACCES:
            words = (
                "this user may not open ports below 1024; the systemd unit may, and so may root with user set"
            )
            return warning(about, words)
        case errno.EADDRNOTAVAIL:
            return problem(about, f"this machine has no address {host}; see its own with: ip address")
        case errno.EAFNOSUPPORT:
            return problem(about, "this machine has no IPv6; write 0.0.0.0 instead of [::]")
    return problem(about, f"cannot be listened on: {error.strerror}")


def _check_folder(about: str, folder: Path) -> Finding:
    if not folder.is_dir():
        return problem(about, f"the folder {folder} does not exist")
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        return warning(about, f"this user may not make a socket in {folder}; the server's user must")
    return ok(about, f"a socket can be made in {folder}")


def _try(host: str, port: int) -> OSError | None:
    """Bind as the server would, and let go at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
            sock.bind((host, port))
    except OSError as error:
        return error
    return None


async def greeting(host: str, port: int, implicit: bool, dialer: Dialer, wait: float = 0.0) -> str:
    """The first line of whoever listens there, or ""."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    try:
        stream = await dialer.connect(everywhere.get(host, host), port, PATIENCE)
        try:
            if implicit:
                await stream.start_tls(opportunistic_context(), server_side=False)
            data = await stream.read(PATIENCE + wait)
        finally:
            stream.abort()
    except (OSError, TimeoutError):
        return ""
    line = data.decode("utf-8", "replace").splitlines()[:1] if isinstance(data, bytes) else []
    return "".join(line)


def _judge(about: str, port: int, greeting: str, hostname: str) -> Finding:
    if hostname in greeting:
        return ok(about, "this server is running and answers")
    who = f"it answers {greeting[:SHOWN]!r}" if greeting else "it does not answer"
    return problem(about, f"another program has the port ({who}); find it with: ss -ltnp 'sport = :{port}'")


def is_loopback(address: str) -> bool:
    """Whether only this machine can connect there."""
    if address.startswith("unix:"):
        return True
    host, _ = split_host_port(address)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
