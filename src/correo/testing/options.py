"""What a test server is asked to be, and the configuration that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from correo.clock.system import SystemChance, SystemClock
from correo.config import Config, Listener
from correo.config.options import Auth, Limits, Queue, Search, Tls, Transport
from correo.config.values import duration, duration_or_never, durations, host, size
from correo.mail.instant import SECOND

ANY, NAMED = "any", "named"
RETRY = ("5m", "10m", "20m", "40m", "1h", "2h", "4h")

# Time may be moved by days while a client is connected, whose silence that is not.
FOREVER = 10 * 365 * 86_400.0  # seconds
DRAIN = 0.5  # seconds that connections have to end when the server stops

PROTOCOLS = ("smtp", "submission", "pop3", "imap")
# Under TLS from the first octet: there, each with what it is called among the ports.
SECURE = {"smtp": "smtps", "submission": "submissions", "pop3": "pop3s", "imap": "imaps"}


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments of `MailServer`."""

    accept: str = ANY
    password: str = "secret"
    hostname: str = "mail.test"
    host: str = "127.0.0.1"
    smtp: int = 0
    submission: int = 0
    pop3: int = 0
    imap: int = 0
    api: int | None = None
    tls: bool = False
    retry: Sequence[str] = RETRY
    expire: str = "5d"
    warn_after: str = "4h"
    message_size: str | int = "50MiB"
    start: datetime | None = None

    def __post_init__(self) -> None:
        """Raises ValueError that says what would be right."""
        if self.accept not in (ANY, NAMED):
            raise ValueError(f'accept={self.accept!r}: it is "any" or "named"')
        if self.start is not None and self.start.tzinfo is None:
            raise ValueError("start= needs a time zone, as in datetime(2026, 1, 1, tzinfo=UTC)")

    @property
    def began(self) -> int:
        """µs."""
        return SystemClock().now() if self.start is None else round(self.start.timestamp() * SECOND)

    @property
    def ports(self) -> dict[str, int]:
        """What is listened on, in the order of the listeners; 0 is any free port."""
        plain = {name: getattr(self, name) for name in PROTOCOLS}
        return plain | dict.fromkeys(SECURE.values() if self.tls else (), 0)


def configuration(options: Options, folder: Path) -> Config:
    """For a server whose data is in `folder`, to which the certificate is written. Raises ValueError, OSError."""
    return Config(
        hostname=host(options.hostname),
        data_dir=folder,
        source=folder / "correo.toml",
        listener=_listeners(options),
        tls=_certificate(options, folder) if options.tls else Tls(),
        auth=Auth(allow_plaintext=True, ban_after=0),
        queue=Queue(
            retry=durations(list(options.retry)),
            expire=duration(options.expire),
            warn_after=duration_or_never(options.warn_after),
        ),
        transport=Transport(ipv6=False, mta_sts=False, dane=False),
        limits=Limits(
            message_size=size(options.message_size),
            hourly_messages=0,
            hourly_recipients=0,
            daily_messages=0,
            daily_recipients=0,
            network_hourly_messages=0,
            network_hourly_recipients=0,
            smtp_idle=FOREVER,
            message_time=FOREVER,
            pop3_idle=FOREVER,
            imap_idle=FOREVER,
            login_time=FOREVER,
            drain=DRAIN,
        ),
        search=Search(index=False),
    )


def _listeners(options: Options) -> tuple[Listener, ...]:
    address = f"[{options.host}]" if ":" in options.host else options.host
    usual = "starttls" if options.tls else "none"
    plain = [Listener(name, f"{address}:{getattr(options, name)}", usual) for name in PROTOCOLS]
    secure = [Listener(name, f"{address}:0", "implicit") for name in SECURE] if options.tls else []
    return (*plain, *secure)


def _certificate(options: Options, folder: Path) -> Tls:
    from correo.ops.certificate import self_signed  # only here: what it needs takes long to load

    names = dict.fromkeys(["localhost", options.hostname, options.host, "127.0.0.1", "::1"])
    pair = self_signed(list(names), SystemClock().now(), SystemChance())
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(pair.certificate)
    key.touch(mode=0o600)
    key.write_bytes(pair.key)
    return Tls(certificate=str(certificate), key=str(key))
