"""The tree of options. Each has its default as it is written in the file, and the reason for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from correo.config.incoming import Smtp
from correo.config.reading import Imap, Pop3
from correo.config.values import (
    address,
    choice,
    choices,
    count,
    count_or_any,
    domains,
    duration,
    duration_or_never,
    durations,
    durations_or_usual,
    flag,
    grants,
    host,
    host_or_none,
    networks,
    option,
    path,
    required,
    seconds,
    size,
    text,
    texts,
    way,
)
from correo.mail.way import Way

DATABASE = "correo.db"  # the file in data_dir that holds everything
INDEX = "index.db"  # the one beside it, made from it, that makes searches fast
WATCH = "watch"  # the folder beside them with the sockets for those who watch

PROTOCOLS = ("smtp", "submission", "lmtp", "pop3", "imap")
MECHANISMS = (
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-1",
    "EXTERNAL",
    "OAUTHBEARER",
    "XOAUTH2",
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
)


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
    proxy_from: tuple[str, ...] = option(
        [],
        networks,
        "load balancers, by address or network, which must say by the PROXY protocol, version 1 or 2, for whom they connect",
    )

    @property
    def local(self) -> bool:
        """Whether it is for programs of this machine, who are known by their user."""
        return self.protocol == "submission" and self.address.startswith("unix:")


@dataclass(frozen=True, slots=True)
class Pair:
    """[[tls.certificates]]: a further certificate, shown to those who ask for a name that is in it."""

    certificate: str = required(
        text,
        "PEM file with the certificate and its chain; its names are taken from it, wildcards among them",
    )
    key: str = required(text, "PEM file with its private key")


@dataclass(frozen=True, slots=True)
class Tls:
    """[tls]: what proves our name. Read again at SIGHUP, and soon after a file has changed."""

    certificate: str = option(
        "",
        text,
        "PEM file with the certificate and its chain, relative to the configuration file; shown unless another name is wanted",
    )
    key: str = option("", text, "PEM file with the private key, relative to the configuration file")
    client_ca: str = option(
        "", text, "PEM file with the authorities whose certificates let mail programs log in by EXTERNAL"
    )
    minimum_version: str = option(
        "1.2",
        choice("1.2", "1.3"),
        "the oldest TLS to speak; with 1.3 some other servers would send in clear text",
    )
    ciphers: str = option(
        "", text, "of TLS 1.2, as OpenSSL writes them; empty: those with forward secrecy and without SHA-1"
    )
    certificates: tuple[Pair, ...] = ()

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All of them, the one that is shown to whoever asks for no name first."""
        first = (Pair(self.certificate, self.key),) if self.certificate else ()
        return (*first, *self.certificates)


@dataclass(frozen=True, slots=True)
class Dns:
    """[dns]: whom to ask where mail goes."""

    servers: tuple[str, ...] = option(
        [], texts, "host:port of each; empty means the system's resolvers (/etc/resolv.conf)"
    )
    validating: bool = option(
        False,
        flag,
        "true: these servers check DNSSEC and the way to them is safe, so that DANE can rely on them; those on this machine are "
        "believed anyway",
    )


@dataclass(frozen=True, slots=True)
class Auth:
    """[auth]: how people prove who they are."""

    allow_plaintext: bool = option(
        False, flag, "true lets passwords cross connections without TLS: for tests on loopback"
    )
    mechanisms: tuple[str, ...] = option(
        ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "EXTERNAL", "OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"],
        choices(*MECHANISMS),
        "each is offered where it can be used; without PLAIN and LOGIN no command takes a password",
    )
    end_point_binding: bool = option(
        False,
        flag,
        "true offers -PLUS under TLS 1.3, too, with tls-server-end-point; programs that then want tls-exporter cannot log in",
    )
    ban_after: int = option(
        20,
        count(0, 10_000),
        "failed logins of one network (an IPv4 address or IPv6 /64) before it is banned, over all protocols; five times as many of the "
        "/24 or /48 around it; 0 bans nobody",
    )
    ban_window: int = option("10m", duration, "time in which so many failures are forgotten")
    ban_time: int = option("15m", duration, "how long a ban lasts; it is in memory, so a restart lifts it")
    never_ban: tuple[str, ...] = option(
        [],
        networks,
        "networks of which no failures are counted, as in 192.0.2.0/24: a webmail server, say; loopback never is",
    )
    concurrency: int = option(
        2, count(1, 64), "password hashes computed at once; each takes 19 MiB and a core for some 20 ms"
    )


@dataclass(frozen=True, slots=True)
class OAuth:
    """[oauth]: an authorization server whose tokens let people log in, by OAUTHBEARER and XOAUTH2."""

    introspection: str = option(
        "", text, "URL to ask whose a token is (RFC 7662); https, or http on this machine. Empty: no tokens"
    )
    client_id: str = option("", text, "what this server is called there")
    client_secret_file: str = option(
        "", text, "file that holds the secret that goes with it, relative to the configuration file"
    )
    ca: str = option("", text, "PEM file with the authority to trust there, instead of the system's")
    claim: str = option("username", text, "member of the answer that is the address to log in to")
    scope: str = option("", text, "what a token must allow, parted by blanks")
    audience: str = option("", text, "for whom a token must have been made; empty takes any that is active")
    configuration: str = option(
        "", text, "URL that clients are told when a token is refused, to find out how to get another"
    )
    timeout: float = option("10s", seconds, "how long an answer may take")


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
    urgent_retry: tuple[int, ...] = option(
        [], durations_or_usual, "as retry, for priorities above 0 (MT-PRIORITY, RFC 6710); empty: no other"
    )
    urgent_expire: int = option("", duration_or_never, 'as expire, for these; "" = no other')


@dataclass(frozen=True, slots=True)
class Sendmail:
    """[sendmail]: mail of this machine's own programs. They come by a [[listener]] with submission on a unix socket."""

    origin: str = option(
        "",
        host_or_none,
        "the domain behind names without one, such as root, and in which every user has his own name; empty is hostname",
    )
    spool: str = option(
        "",
        text,
        "folder where messages wait while the server is down; empty: programs are told to try again later. A restart is "
        "needed to change it",
    )
    senders: Mapping[str, tuple[str, ...]] = option(
        {"root": ["*"]},
        grants,
        "under which further names users may send: addresses, @domain, or * for all; * as user is everybody",
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
    tls_required: tuple[str, ...] = option(
        [],
        domains,
        'mail to these goes out under TLS or waits; ".example.com" is all below it, "*" is everybody',
    )
    tls_verified: tuple[str, ...] = option(
        [],
        domains,
        "the same, and only to mail hosts with a certificate for their name that is trusted here, or that DANE proves",
    )
    mta_sts: bool = option(
        True, flag, "heed the policies that domains publish by MTA-STS (RFC 8461); false fetches none"
    )
    dane: bool = option(
        True, flag, "heed TLSA records (RFC 7672), as far as a resolver that is believed has checked them"
    )
    tls_ca: str = option(
        "",
        text,
        "PEM file with the authorities to trust for mail hosts and MTA-STS, instead of the system's",
    )
    rate: int = option(
        0,
        count_or_any(1, 1_000_000),
        "messages to one destination in a minute, for servers that count; 0 is any number",
    )
    ipv6: bool = option(
        True, flag, "false where the machine has no IPv6 route; IPv6 addresses are then left out"
    )
    source_address: str = option("", text, "local address to send from; empty leaves it to the system")


@dataclass(frozen=True, slots=True)
class Route:
    """[[route]]: mail for some domains that goes another way, or at another pace. Of several, that which fits best is taken."""

    domains: tuple[str, ...] = required(
        domains, '"example.net", ".example.net" for all below it, "*" for all the rest'
    )
    to: Way = option(  # noqa: RUF009
        "mx",
        way,
        "mx: their own mail hosts; mx:DOMAIN: those of another domain; smtp:HOST:PORT; lmtp:HOST:PORT or lmtp:unix:/PATH; discard; hold",
    )
    name: str = option("", text, "for `correo queue reroute --to route:NAME`")
    user: str = option("", text, "log in there as this user; only to a host that is named")
    password_file: str = option(
        "", text, "file that holds that user's password, relative to the configuration file"
    )
    tls: str = option(
        "",
        choice("", "none", "starttls", "verified", "implicit"),
        'empty is as usual; starttls is without where it is not offered; verified and implicit are not; with a user and unless "none", the '
        "certificate is verified",
    )
    source_address: str = option("", text, "local address to send from; empty is that of [transport]")
    concurrency: int = option(
        0, count_or_any(1, 1_000), "connections to one destination; 0 is transport.per_destination"
    )
    rate: int = option(
        0, count_or_any(1, 1_000_000), "messages to one destination in a minute; 0 is transport.rate"
    )
    retry: tuple[int, ...] = option(
        [], durations_or_usual, "as queue.retry, which is taken when this is empty"
    )
    expire: int = option("", duration_or_never, 'as queue.expire, which is taken for ""')


@dataclass(frozen=True, slots=True)
class Limits:
    """[limits]: what one client may ask of the server. Generous; loopback is not limited by address."""

    message_size: int = option("50MiB", size, "the largest message taken; announced as SIZE")
    memory: int = option(
        "512MiB",
        size,
        "messages being received at once, over all connections; beyond it senders are told to wait. Half of it may be long messages "
        "that people are reading; beyond that they wait",
    )
    recipients: int = option(
        1000, count(100, 100_000), "recipients of one message; RFC 5321 §4.5.3.1.8 asks for at least 100"
    )
    hourly_messages: int = option(
        500,
        count_or_any(1, 1_000_000_000),
        "messages one account may submit in an hour, that one which was taken over does little harm; 0 is any number",
    )
    hourly_recipients: int = option(2_000, count_or_any(1, 1_000_000_000), "recipients of these together")
    daily_messages: int = option(2_000, count_or_any(1, 1_000_000_000), "messages in 24 hours")
    daily_recipients: int = option(10_000, count_or_any(1, 1_000_000_000), "recipients of these together")
    network_hourly_messages: int = option(
        2_000,
        count_or_any(1, 1_000_000_000),
        "messages that may be submitted in an hour from one IPv4 address or IPv6 /64, whoever logs in; 0 is any number",
    )
    network_hourly_recipients: int = option(
        10_000, count_or_any(1, 1_000_000_000), "recipients of these together"
    )
    over_quota: str = option(
        "defer",
        choice("defer", "reject"),
        "mail for an account without room: defer (452) lets its sender try again for days, reject (552) returns it at once",
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
    imap_message_limit: int = option(
        0,
        count_or_any(1_000, 1_000_000_000),
        "messages one IMAP command may touch, announced as MESSAGELIMIT (RFC 9738); 0 is any number: answers are made and sent in "
        "slices, so that the server needs no limit, and clients that do not know of it would be left with the newest messages",
    )
    imap_save_limit: int = option(
        0,
        count_or_any(1_000, 1_000_000_000),
        "messages one COPY or APPEND may bring, announced as SAVELIMIT (RFC 9738); 0 is any number: other writers wait for a large "
        "copy, but clients that do not know of the limit could never make one",
    )
    login_time: float = option("1m", seconds, "from connecting to logging in, for POP3 and IMAP")
    write_time: float = option(
        "2m", seconds, "how long a client may take next to nothing of an answer before it is hung up on"
    )
    drain: float = option("30s", seconds, "how long connections may take to end after SIGTERM")


@dataclass(frozen=True, slots=True)
class Ledger:
    """[ledger]: what is known of mail that came and went."""

    keep: int = option(
        "90d",
        duration_or_never,
        "how long journeys are kept after they ended, for `correo trace` and `correo queue history`: long enough for most questions, and "
        'not for ever, since they tell who wrote to whom; "" = for ever. The sums of `correo ledger` stay',
    )


@dataclass(frozen=True, slots=True)
class Search:
    """[search]: how IMAP's SEARCH finds text."""

    index: bool = option(
        True,
        flag,
        "keeps index.db up in the background, about as large as the text of the mail; false looks into every message",
    )


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
    workers: int = option(
        0,
        count_or_any(1, 64),
        "processes that serve side by side; 0 is one for each core, at most 16. A restart is needed to change it",
    )
    listener: tuple[Listener, ...] = ()
    route: tuple[Route, ...] = ()
    tls: Tls = field(default_factory=Tls)
    dns: Dns = field(default_factory=Dns)
    auth: Auth = field(default_factory=Auth)
    oauth: OAuth = field(default_factory=OAuth)
    queue: Queue = field(default_factory=Queue)
    smtp: Smtp = field(default_factory=Smtp)
    sendmail: Sendmail = field(default_factory=Sendmail)
    transport: Transport = field(default_factory=Transport)
    limits: Limits = field(default_factory=Limits)
    pop3: Pop3 = field(default_factory=Pop3)
    imap: Imap = field(default_factory=Imap)
    ledger: Ledger = field(default_factory=Ledger)
    search: Search = field(default_factory=Search)
    log: Log = field(default_factory=Log)
    source: Path = Path()  # the file this was read from; not an option
