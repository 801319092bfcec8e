"""Where mail is sent instead of to the mail hosts of its domain, as the operator writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from correo.mail.address import BadAddress, fold_domain

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PORTS = {
    "smtp": 25,
    "lmtp": 24,
}  # where none is written; RFC 2033 §5 forbids 25 for LMTP, and 24 is usual
_UNIX = "unix:"
MARK = ">"  # in front of a way that stands where others have a domain

SAMPLES = '"mx", "mx:example.net", "smtp:relay.example.net:587", "lmtp:unix:/run/lmtp", "discard" or "hold"'


class Kind(Enum):
    MX = "mx"  # the mail hosts of a domain
    SMTP = "smtp"  # one host
    LMTP = "lmtp"  # one host that answers for each recipient (RFC 2033)
    DISCARD = "discard"
    HOLD = "hold"
    ROUTE = "route"  # as the route of this name says


@dataclass(frozen=True, slots=True)
class Way:
    """`host`: a domain for MX, "" for the recipient's own; for SMTP and LMTP a name or an IP address, or the path of a socket,
    and then `port` is 0; the name of a ROUTE.
    """

    kind: Kind
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Way:
        """Raises ValueError that says what would be right."""
        word, colon, rest = text.partition(":")
        try:
            kind = Kind(word)
        except ValueError:
            raise ValueError(f"must be a way, as in {SAMPLES}") from None
        match kind:
            case Kind.DISCARD | Kind.HOLD:
                if colon:
                    raise ValueError(f'must be "{word}" alone')
                return cls(kind)
            case Kind.MX:
                return cls(kind, _domain(rest) if colon else "")
            case Kind.ROUTE:
                if not _NAME.fullmatch(rest):
                    raise ValueError('must name a route, as in "route:relay"')
                return cls(kind, rest)
        return cls(kind, *_place(kind, rest))

    @property
    def is_socket(self) -> bool:
        return self.host.startswith("/")

    def __str__(self) -> str:
        if self.is_socket:
            return f"{self.kind.value}:{_UNIX}{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return ":".join(part for part in (self.kind.value, host, str(self.port or "")) if part)


def is_name(text: str) -> bool:
    """Whether a route may be called so."""
    return _NAME.fullmatch(text) is not None


def as_destination(way: Way, domain: str) -> str:
    """In the place of a `domain` whose mail the operator sends another way; no domain begins so."""
    return f"{MARK}{way} {domain}"


def of_destination(destination: str) -> tuple[Way | None, str]:
    """The way, if there is one, and the domain. Raises ValueError for what `as_destination` did not write."""
    if not destination.startswith(MARK):
        return None, destination
    text, _, domain = destination.removeprefix(MARK).rpartition(" ")
    return Way.parse(text), domain


def _domain(text: str) -> str:
    try:
        return fold_domain(text)
    except BadAddress as wrong:
        raise ValueError(f'must name a domain, as in "mx:example.net" ({wrong})') from None


def _place(kind: Kind, text: str) -> tuple[str, int]:
    if kind is Kind.LMTP and text.startswith(_UNIX + "/"):
        return text.removeprefix(_UNIX), 0
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(_PORTS[kind.value])
    bare = host.removeprefix("[").removesuffix("]")
    if (
        not bare
        or re.search(r"[\s/\[\]]", bare)
        or not (":" in bare) == host.startswith("[") == host.endswith("]")
        or not re.fullmatch(r"[0-9]{1,5}", port)
        or not 0 < int(port) < 65536
    ):
        raise ValueError(
            f'must be {kind.value}:host:port, as in "{kind.value}:relay.example.net:{_PORTS[kind.value]}"'
        )
    return bare.lower(), int(port)
