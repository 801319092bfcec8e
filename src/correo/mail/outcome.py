"""What became of one attempt to bring a message to one recipient."""

from __future__ import annotations

from dataclasses import dataclass

from correo.mail.status import Status


@dataclass(frozen=True, slots=True)
class Delivered:
    """The next server took responsibility: its 250 stands in `status`."""

    status: Status
    host: str  # "mx.example.net [192.0.2.7]:25"
    tls: str = ""  # "TLSv1.3 TLS_AES_256_GCM_SHA384", "" = none
    policy: str = ""  # what proved the server, or what was asked for and not had
    dsn: bool = False  # what the sender wants to be told is now its business (RFC 3461 §5.2.1)
    deliver_by: bool = False  # so is the time by which it is to be there (RFC 2852 §4.1.3)


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now: try again later."""

    status: Status
    host: str = ""  # "" when no server was reached
    unreachable: bool = False  # no server could be spoken to, which is no fault of this message: any other would fare the same


@dataclass(frozen=True, slots=True)
class Failed:
    """Never: return the message to its sender."""

    status: Status
    host: str = ""


@dataclass(frozen=True, slots=True)
class Discarded:
    """The operator wants no mail to go there, and nobody to be told."""

    status: Status
    host: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """The operator wants to look at mail that goes there."""

    status: Status
    host: str = ""


Outcome = Delivered | Deferred | Failed | Discarded | Held
