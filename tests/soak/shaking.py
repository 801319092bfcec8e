"""Connects with TLS and closes again, as often and in as many manners as clients do: a process without an event loop.

    python -m tests.soak.shaking IMAP-PORT IMPLICIT-PORT COUNT

Writes one line of JSON at the end: how many connections there were of each manner.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
from collections import Counter
from collections.abc import Callable

from tests.interop.serving import HOST

SECONDS = 30.0
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST
RECORD = 5  # octets of a TLS record's head

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE
OLD = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # whose sessions are resumed in another way
OLD.check_hostname = False
OLD.verify_mode = ssl.CERT_NONE
OLD.maximum_version = ssl.TLSVersion.TLSv1_2

sessions: dict[ssl.SSLContext, ssl.SSLSession | None] = {}
told: Counter[str] = Counter()
Port = int


def hello(context: ssl.SSLContext) -> bytes:
    """What a client says first."""
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def connected(port: Port, *, starttls: bool) -> socket.socket:
    """Up to where the handshake begins."""
    sock = socket.create_connection((HOST, port), SECONDS)
    if starttls:
        heard(sock, b"* OK")
        sock.sendall(b"a STARTTLS\r\n")
        heard(sock, b"a OK")
    return sock


def heard(sock: socket.socket, expected: bytes) -> None:
    line = b""
    while not line.endswith(b"\r\n"):
        if not (more := sock.recv(4096)):
            raise ConnectionError("hung up")
        line += more
    if not line.startswith(expected):
        raise ConnectionError(repr(line))


def spoken(sock: socket.socket, context: ssl.SSLContext, *, starttls: bool, resume: bool) -> ssl.SSLSocket:
    """After the handshake and a command, so that the tickets have come."""
    tls = context.wrap_socket(sock, session=sessions.get(context) if resume else None)
    if not starttls:
        heard(tls, b"* OK")
    tls.sendall(b"b NOOP\r\n")
    heard(tls, b"b OK")
    sessions[context] = tls.session
    told["resumed" if tls.session_reused else "whole handshakes"] += 1
    return tls


def properly(port: Port, starttls: bool) -> None:
    with connected(port, starttls=starttls) as sock:
        tls = spoken(sock, CONTEXT, starttls=starttls, resume=False)
        tls.sendall(b"c LOGOUT\r\n")
        heard(tls, b"* BYE")
        tls.unwrap().close()


def again(port: Port, starttls: bool) -> None:
    """With the session of the last one."""
    with connected(port, starttls=starttls) as sock, spoken(sock, CONTEXT, starttls=starttls, resume=True):
        pass


def again_by_the_old_protocol(port: Port, starttls: bool) -> None:
    with connected(port, starttls=starttls) as sock, spoken(sock, OLD, starttls=starttls, resume=True):
        pass


def without_notice(port: Port, starttls: bool) -> None:
    """TCP ends and TLS does not."""
    with connected(port, starttls=starttls) as sock:
        tls = spoken(sock, CONTEXT, starttls=starttls, resume=True)
        tls.shutdown(socket.SHUT_WR)
        tls.close()


def by_reset(port: Port, starttls: bool) -> None:
    with connected(port, starttls=starttls) as sock:
        tls = spoken(sock, CONTEXT, starttls=starttls, resume=True)
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        tls.close()


def after_hello(port: Port, starttls: bool) -> None:
    """Gone when the server's part of the handshake comes."""
    with connected(port, starttls=starttls) as sock:
        sock.sendall(hello(CONTEXT))


def within_hello(port: Port, starttls: bool) -> None:
    with connected(port, starttls=starttls) as sock:
        sock.sendall(hello(CONTEXT)[: RECORD + 40])


def with_garbage(port: Port, starttls: bool) -> None:
    with connected(port, starttls=starttls) as sock:
        sock.sendall(b"\x16\x03\x03\x00\x20" + bytes(32))
        while sock.recv(4096):
            pass


MANNERS: tuple[Callable[[Port, bool], None], ...] = (
    properly,
    again,
    without_notice,
    after_hello,
    again_by_the_old_protocol,
    by_reset,
    within_hello,
    with_garbage,
)


def main(starttls: Port, implicit: Port, count: int) -> None:
    for number in range(count):
        manner = MANNERS[number // 2 % len(MANNERS)]
        by_command = number % 2 == 0
        try:
            manner(starttls if by_command else implicit, by_command)
            told["as they should"] += 1
        except ConnectionResetError:
            told["as they should" if manner is with_garbage else "reset by the server"] += 1
        except (OSError, ConnectionError) as trouble:
            told[f"{manner.__name__}: {trouble}"] += 1
    print(json.dumps(told))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
