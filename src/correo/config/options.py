"""The tree of options. Each has its default as it is written in the file, and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from correo.config.values import (
    address,
    choice,
    count,
    duration,
    duration_or_never,
    durations,
    flag,
    host,
    option,
    path,
    required,
    seconds,
    size,
    text,
    texts,
)

DATABASE = "correo.db"  # the file in data_dir that holds everything

PROTOCOLS = ("smtp", "submission", "lmtp", "pop3", "imap")


@dataclass(frozen=True, slots=True)
class Listener:
    """[[listener]]: one address that clients connect to."""

    protocol: str = required(
        choice(*PROTOCOLS), "smtp is for other servers, submission for people's mail programs"
    )
    address: str = required(address, "port 0 takes any free port; the ready line of the log names it")
    tls: str = option(
        "none",
        choice("none", "starttls", "implicit"),
        "implicit is for ports 465, 993 and 995; starttls for 25, 587, 143 and 110",
    )


@dataclass(frozen=True, slots=True)
class Tls:
    """[tls]: what proves our name. Read again at SIGHUP."""

    certificate: str = option(
        "", text, "PEM file with the certificate and its chain, relative to the configuration file"
    )
    key: str = option("", text, "PEM file with the private key, relative to the configuration file")


@dataclass(frozen=True, slots=True)
class Dns:
    """[dns]: whom to ask where mail goes."""

    servers: tuple[str, ...] = option(
        [], texts, "host:port of each; empty means the system's resolvers (/etc/resolv.conf)"
    )


@dataclass(frozen=True, slots=True)
class Auth:
    """[auth]: how people prove who they are."""

    allow_plaintext: bool = option(
        False, flag, "true lets passwords cross connections without TLS: for tests on loopback"
    )
    concurrency: int = option(
        2, count(1, 64), "password hashes computed at once; each takes 19 MiB and a core for some 20 ms"
    )


@dataclass(frozen=True, slots=True)
class Queue:
    """[queue]: mail that waits for other servers."""

    retry: tuple[int, ...] = option(
        ["5m", "10m", "20m", "40m", "1h", "2h", "4h"],
        durations,
        "time from one try to the next; the last one repeats",
    )
    expire: int = option(
        "5d",
        duration,
        "how long a message is tried before it goes back; RFC 5321 §4.5.4.1 asks for 4 to 5 days",
    )
    warn_after: int = option(
        "4h", duration_or_never, 'when the sender is told that his message still waits; "" = never'
    )


@dataclass(frozen=True, slots=True)
class Transport:
    """[transport]: how mail leaves."""

    port: int = option(25, count(1, 65535), "where other servers listen; tests set a high one")
    smarthost: str = option(
        "", text, "host:port that takes all mail for others, instead of looking up each destination"
    )
    smarthost_user: str = option("", text, "log in to the smarthost as this user")
    smarthost_password_file: str = option(
        "", text, "file that holds that user's password, relative to the configuration file"
    )
    smarthost_tls: str = option(
        "starttls",
        choice("none", "starttls", "implicit"),
        "with a user, TLS is required and the certificate verified unless none",
    )
    concurrency: int = option(100, count(1, 10_000), "connections to other servers at once")
    per_destination: int = option(
        5, count(1, 1_000), "of these to one destination: more are taken for an attack by many servers"
    )
    ipv6: bool = option(
        True, flag, "false where the machine has no IPv6 route; IPv6 addresses are then left out"
    )
    source_address: str = option("", text, "local address to send from; empty leaves it to the system")


@dataclass(frozen=True, slots=True)
class Limits:
    """[limits]: what one client may ask of the server. Generous; loopback is not limited by address."""

    message_size: int = option("50MiB", size, "the largest message taken; announced as SIZE")
    memory: int = option(
        "512MiB",
        size,
        "messages being received at once, over all connections; beyond it senders are told to wait",
    )
    recipients: int = option(
        1000, count(100, 100_000), "recipients of one message; RFC 5321 §4.5.3.1.8 asks for at least 100"
    )
    errors: int = option(
        20, count(1, 10_000), "refused or unknown commands before an SMTP client is hung up on"
    )
    connections: int = option(10_000, count(1, 1_000_000), "open connections of one listener")
    connections_per_address: int = option(
        100, count(1, 1_000_000), "of these from one IPv4 address or IPv6 /64"
    )
    received: int = option(
        100,
        count(5, 1_000),
        "Received fields before a message is taken to be in a loop; RFC 5321 §6.3 asks for 100",
    )
    smtp_idle: float = option(
        "5m", seconds, "silence of an SMTP client; RFC 5321 §4.5.3.2.7 asks for 5 minutes"
    )
    message_time: float = option(
        "30m",
        seconds,
        "from the start of a message's text to its end: who is slower holds memory for nothing",
    )
    pop3_idle: float = option("10m", seconds, "silence of a POP3 client; RFC 1939 §3 asks for 10 minutes")
    imap_idle: float = option("30m", seconds, "silence of an IMAP client; RFC 3501 §5.4 asks for 30 minutes")
    login_time: float = option("1m", seconds, "from connecting to logging in, for POP3 and IMAP")
    drain: float = option("30s", seconds, "how long connections may take to end after SIGTERM")


@dataclass(frozen=True, slots=True)
class Log:
    """[log]: what is written to standard error."""

    format: str = option(
        "auto", choice("auto", "text", "json"), "auto is text on a terminal and JSON otherwise"
    )
    level: str = option("info", choice("debug", "info", "warning", "error"), "the least that is written")


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file."""

    hostname: str = required(
        host, "the name this server gives itself; its address record should lead back here"
    )
    data_dir: Path = required(path, "where everything is kept, relative to the configuration file")  # noqa: RUF009
    user: str = option("", text, "started as root, the server binds its ports and then becomes this user")
    listener: tuple[Listener, ...] = ()
    tls: Tls = field(default_factory=Tls)
    dns: Dns = field(default_factory=Dns)
    auth: Auth = field(default_factory=Auth)
    queue: Queue = field(default_factory=Queue)
    transport: Transport = field(default_factory=Transport)
    limits: Limits = field(default_factory=Limits)
    log: Log = field(default_factory=Log)
    source: Path = Path()  # the file this was read from; not an option
