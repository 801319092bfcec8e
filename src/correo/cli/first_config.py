"""The configuration `correo init` writes: complete, commented, and read by the same reader as any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listening:
    protocol: str
    port: int
    tls: str
    words: str


REAL = (
    Listening("smtp", 25, "starttls", "mail from other servers"),
    Listening("submission", 587, "starttls", "mail from people's programs, who log in"),
    Listening("submission", 465, "implicit", "the same, with TLS from the start (RFC 8314)"),
    Listening("imap", 143, "starttls", "reading mail that stays on the server"),
    Listening("imap", 993, "implicit", "the same, with TLS from the start"),
    Listening("pop3", 110, "starttls", "fetching mail"),
    Listening("pop3", 995, "implicit", "the same, with TLS from the start"),
)
SPOOL = "/var/spool/correo"
_LOCAL = """[[listener]]  # mail of this machine's own programs, who are known by their user
protocol = "submission"
address  = "unix:/run/correo/sendmail\""""
TEST_OFFSET = 2000  # 25 becomes 2025: out of the way of what needs root and of other mail servers


@dataclass(frozen=True, slots=True)
class First:
    """What `init` decided."""

    domain: str
    hostname: str
    data_dir: str
    user: str
    host: str  # to listen on, as in `[::]`
    certificate: str
    key: str
    test_ports: bool
    local: bool = False  # programs of this machine hand over mail at the usual places

    @property
    def listeners(self) -> Sequence[Listening]:
        if not self.test_ports:
            return REAL
        return [Listening(one.protocol, one.port + TEST_OFFSET, one.tls, one.words) for one in REAL]


def text(first: First) -> str:
    """The file."""
    parts = [
        f"# Correo for {first.domain}. Every option, its default and its reason: docs/options.md\n"
        "# After a change: correo check, then restart the server. Domains and accounts are in the database, not here.",
        _assign(
            "hostname",
            first.hostname,
            "the name this server gives itself; its addresses must lead back to it",
        ),
        _assign("data_dir", first.data_dir, "mail, accounts, queue: everything that must not be lost"),
        _user(first.user),
        *(_listener(one, first.host) for one in first.listeners),
        *([_LOCAL] if first.local else []),
        "[tls]  # read again at: systemctl reload correo (SIGHUP)\n"
        f"certificate = {quoted(first.certificate)}\n"
        f"key         = {quoted(first.key)}",
        _auth(first.test_ports),
        _sendmail(first),
        '[dns]\n# servers = ["127.0.0.1:53"]  # whom to ask where mail goes; the system\'s resolvers otherwise',
        "[queue]\n"
        '# expire     = "5d"   # how long a message is tried before it goes back to its sender\n'
        '# warn_after = "4h"   # when the sender is told that it still waits; "" = never',
        "[transport]\n"
        '# smarthost               = "relay.example.net:587"  # send everything through this server\n'
        '# smarthost_user          = "user"\n'
        '# smarthost_password_file = "smarthost-password"\n'
        "# ipv6                    = false  # where this machine has no IPv6 route",
        '[limits]\n# message_size = "50MiB"',
        '[log]\n# format = "auto"  # text on a terminal, JSON otherwise\n# level  = "info"',
    ]
    return "\n\n".join(parts) + "\n"


def _assign(name: str, value: str, why: str) -> str:
    return f"# {why}\n{name} = {quoted(value)}"


def _user(user: str) -> str:
    why = "# started as root, the server binds its ports and then becomes this user"
    return f"{why}\nuser = {quoted(user)}" if user else f'{why}\n# user = "correo"'


def _sendmail(first: First) -> str:
    lines = [
        "[sendmail]  # cron and others that call /usr/sbin/sendmail",
        _assign("origin", first.domain, "the domain behind names without one, such as root"),
    ]
    if first.local:
        why = "where messages wait while the server is down; everybody may put, nobody else may look"
        lines.append(_assign("spool", SPOOL, why))
    lines.append(
        '# senders = { root = ["*"], www-data = ["shop@example.com"] }  # under which further names users may send'
    )
    return "\n".join(lines)


def _auth(test_ports: bool) -> str:
    if test_ports:
        return "[auth]\nallow_plaintext = true  # for tests on this machine alone; never with addresses that others can reach"
    return "[auth]\n# allow_plaintext = false  # passwords cross the network with TLS only"


def _listener(one: Listening, host: str) -> str:
    return (
        f"[[listener]]  # {one.words}\n"
        f"protocol = {quoted(one.protocol)}\n"
        f"address  = {quoted(f'{host}:{one.port}')}\n"
        f"tls      = {quoted(one.tls)}"
    )


def quoted(value: str) -> str:
    """A TOML basic string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"'
        + "".join(f"\\u{ord(char):04x}" if ord(char) < 32 or ord(char) == 127 else char for char in escaped)
        + '"'
    )
