"""`correo trace --as`: one's own journeys, from the server itself, which asks for the password."""

from __future__ import annotations

import imaplib
import ipaddress
import socket
import ssl

import click
import msgspec

from correo.cli.password import read_password
from correo.cli.terminal import EX_NOPERM, EX_UNAVAILABLE, Failure, State, printable, usage
from correo.config import Config
from correo.ledger import EVER, Journey, Wanted

SECONDS = 60.0  # a login that is held back after failures takes up to sixteen
IMPLICIT = 993  # the port on which TLS comes first (RFC 8314 §3.2)
NAME = "XTRACE"
_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")  # what OpenSSL says of a greeting in clear text

_decode = msgspec.json.Decoder(list[Journey]).decode


def ask(
    state: State, login: str, server: str | None, password_file: str | None, wanted: Wanted, limit: int
) -> list[Journey]:
    """The newest journeys of the account that fit. Raises Failure."""
    host, port, tls, name = _named(server) if server else _our_own(state.config())
    password = read_password(password_file, login)
    if password is None:
        password = click.prompt(f"Password of {login}", hide_input=True, err=True)
    try:
        connection = _connect(host, port, tls, name)
        try:
            _log_in(connection, login, str(password))
            return _decode(_fetch(connection, wanted, limit))
        finally:
            connection.shutdown()
    except ssl.SSLError as wrong:
        raise Failure(
            f"no TLS with {host}: {wrong.reason or wrong}; see correo check", EX_UNAVAILABLE
        ) from None
    except (OSError, imaplib.IMAP4.abort) as wrong:
        raise Failure(f"cannot ask {host}:{port}: {wrong}; say --server HOST:PORT", EX_UNAVAILABLE) from None
    except (imaplib.IMAP4.error, msgspec.MsgspecError, UnicodeError):
        raise Failure(f"{host}:{port} does not tell of journeys: is it a Correo?", EX_UNAVAILABLE) from None


def _named(server: str) -> tuple[str, int, bool, str]:
    """Host, port, whether TLS comes first, and the name that the certificate must have."""
    host, colon, port = server.rpartition(":")
    if not colon or server.endswith("]"):
        host, port = server, str(IMPLICIT)
    if not port.isdigit():
        raise usage(f"--server {server}: write HOST or HOST:PORT")
    host = host.removeprefix("[").removesuffix("]")
    return host, int(port), int(port) == IMPLICIT, host


def _our_own(config: Config) -> tuple[str, int, bool, str]:
    from correo.net.listen import split_host_port

    listeners = [one for one in config.listener if one.protocol == "imap"]
    for one in sorted(listeners, key=lambda one: one.tls != "implicit"):
        host, port = split_host_port(one.address)
        if port:
            here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
            return here, port, one.tls == "implicit", config.hostname
    raise usage("there is no listener for IMAP in the configuration; say --server HOST:PORT")


class _Imap(imaplib.IMAP4):
    """Dials one address, and expects a certificate for a name."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None, name: str) -> None:
        self._context, self._name = context, name
        super().__init__(host, port, SECONDS)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        sock = socket.create_connection((self.host, self.port), timeout)
        return sock if self._context is None else self._context.wrap_socket(sock, server_hostname=self._name)


def _connect(host: str, port: int, tls: bool, name: str) -> imaplib.IMAP4:
    """TLS from the first octet on where that is usual for the port, or where it is answered; else STARTTLS. Raises OSError, Failure."""
    context = ssl.create_default_context()
    if _is_here(host):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nobody stands in between
    try:
        return _Imap(host, port, context, name)
    except ssl.SSLError as wrong:
        if tls or wrong.reason not in _NOT_TLS:
            raise
    connection = _Imap(host, port, None, name)
    if "STARTTLS" in connection.capabilities:
        connection.host = name
        connection.starttls(context)
    elif not _is_here(host):
        raise Failure(f"{host}:{port} offers no TLS, and the password is not sent without", EX_NOPERM)
    return connection


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _log_in(connection: imaplib.IMAP4, login: str, password: str) -> None:
    initial = f"\0{login}\0{password}".encode()
    try:
        connection.authenticate("PLAIN", lambda _: initial)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as refused:
        said = printable(str(refused).removeprefix("b'").removesuffix("'"))
        raise Failure(f"the server refused the login: {said}", EX_NOPERM) from None


def _fetch(connection: imaplib.IMAP4, wanted: Wanted, limit: int) -> bytes:
    """What the server knows, in JSON."""
    filters = []
    if wanted.what:
        filters.append("WHAT " + _quoted(wanted.what))
    if wanted.subject:
        filters.append("SUBJECT " + _quoted(wanted.subject))
    if wanted.since > 0:
        filters.append(f"SINCE {wanted.since}")
    if wanted.until < EVER:
        filters.append(f"UNTIL {wanted.until}")
    connection._encoding = "utf-8"  # type: ignore[attr-defined]
    connection.xatom(NAME, f"({' '.join(filters)})", str(limit))
    _, found = connection.response(NAME)
    for part in found or ():
        if isinstance(part, tuple):
            return bytes(part[1])
    raise imaplib.IMAP4.error("no answer")


def _quoted(text: str) -> str:
    if any(char in text for char in "\r\n\0"):
        raise usage("what is searched for is one line")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
