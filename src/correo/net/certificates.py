"""The certificates of a server: which of them is shown to whom, and whether their files have changed."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from correo.net.tls import ServerContext, server_context

# What changes with every way to write a file, and with its owner and mode: what could not be read may be there to be read now.
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Offer:
    """What to offer: pairs of certificate and key, of which the first is for those who name no name, or one that is in none."""

    pairs: tuple[tuple[Path, Path], ...]
    clients: Path | None = None  # the authorities whose certificates are asked for, from people alone
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    ciphers: str = ""  # of TLS 1.2, as OpenSSL writes them; "" for ours

    @property
    def files(self) -> tuple[Path, ...]:
        named = [file for pair in self.pairs for file in pair]
        return (*named, self.clients) if self.clients else tuple(named)


class Certificates:
    """The contexts that all listeners share. What is loaded again counts for later handshakes.

    Other servers are never asked for a certificate: theirs may be from anybody, and to ask would be to refuse them.
    """

    def __init__(self) -> None:
        self._servers: ServerContext | None = None
        self._people: ServerContext | None = None
        self._offer = Offer(())
        self._stamps: tuple[Stamp | None, ...] = ()

    def load(self, offer: Offer) -> None:
        """Raises OSError (ssl.SSLError is one) that names the file; then everything is as it was."""
        stamps = _stamps(offer)  # before reading: what changes meanwhile is read once more
        self._offer, before = offer, self._offer
        try:
            servers = _contexts(offer, None)
            people = servers if offer.clients is None else _contexts(offer, offer.clients)
        except OSError:
            self._offer = before
            raise
        self._stamps = stamps
        self._servers, self._people = servers, people

    def context(self, protocol: str) -> ssl.SSLContext | None:
        """What to begin a handshake with; None where there is no certificate."""
        return self._servers if protocol in ("smtp", "lmtp") else self._people

    def changed(self) -> bool:
        """Whether a file is another than at the last look or load. Two looks at the same change tell of it once."""
        stamps, before = _stamps(self._offer), self._stamps
        self._stamps = stamps
        return stamps != before

    def load_again(self) -> None:
        """The same files, with what is in them now. Raises OSError as `load` does."""
        self.load(self._offer)


def _stamps(offer: Offer) -> tuple[Stamp | None, ...]:
    return tuple(_stamp(file) for file in offer.files)


def _stamp(file: Path) -> Stamp | None:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns, status.st_size


def _contexts(offer: Offer, clients: Path | None) -> ServerContext | None:
    contexts = []
    for certificate, key in offer.pairs:
        try:
            contexts.append(server_context(certificate, key, clients, offer.minimum, offer.ciphers))
        except ssl.SSLError as wrong:
            # OpenSSL does not say which file it was, and there may be many.
            raise ssl.SSLError(
                f"{certificate} with {key}: {getattr(wrong, 'reason', None) or wrong}"
            ) from wrong
    return by_name(contexts) if contexts else None


def by_name(contexts: Sequence[ServerContext]) -> ServerContext:
    """The first of `contexts`, which gives way to the one that has the name a client asks for (RFC 6066 §3).

    A whole name comes before a wildcard; of several with the same name the first is taken. A name that none has gets the first:
    most of those who ask for one are other servers, which do not look at the certificate.
    """
    first = contexts[0]
    if len(contexts) == 1:
        return first
    named: dict[str, ServerContext] = {}
    for context in contexts:
        for name in context.names:
            named.setdefault(name.lower(), context)

    def choose(tls: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        folded = (name or "").lower().rstrip(".")
        found = named.get(folded) or named.get("*." + folded.partition(".")[2])
        if found is not None and found is not first:
            tls.context = found

    first.sni_callback = choose
    return first
