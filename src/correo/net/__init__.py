"""The network: streams, listeners, dialling, TLS, and the one loop that joins a stream to a protocol session.

`Stream` and `Dialer` are what the rest of Correo sees; `net.stream` makes them of asyncio, `net.memory` of nothing at all, for
tests. `net.drive.drive` is the only place that moves octets between a stream and a core, upgrades to TLS, keeps time, and
catches what a session did not. Sessions never touch a stream.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol


class Woken(Enum):
    WOKEN = "somebody called wake()"


WOKEN = Woken.WOKEN


@dataclass(frozen=True, slots=True)
class Peer:
    """One end of a connection; `address` is an IP address in its usual spelling, or "unix" for a local socket."""

    address: str
    port: int
    uid: int = -1  # of who connected to a local socket, by the word of the kernel; -1 for everybody else

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class TlsInfo:
    """What a TLS handshake agreed on."""

    version: str  # "TLSv1.3"
    cipher: str  # "TLS_AES_256_GCM_SHA384"
    server_name: str = ""  # SNI
    bindings: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)  # channel bindings: type and data
    certificate: tuple[str, ...] = ()  # the mail addresses in the client's certificate, which was verified
    # On the client's side, the certificates that the server showed, in DER, its own first; verified or not.
    chain: tuple[bytes, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return f"{self.version} {self.cipher}"


class Stream(Protocol):
    """A connection of octets. One task reads it; nobody else holds it, but anybody may call `wake`."""

    peer: Peer
    local: Peer
    tls: TlsInfo | None

    async def read(self, timeout: float | None) -> bytes | Woken:
        """The next octets; b"" at the end of the stream; WOKEN when `wake` was called. Raises TimeoutError, OSError."""
        ...

    def write(self, data: bytes) -> None: ...

    async def drain(self, timeout: float | None) -> None:
        """Wait until the other side has taken most of what was written. Raises TimeoutError, OSError."""
        ...

    async def start_tls(
        self, context: ssl.SSLContext, *, server_side: bool, hostname: str | None = None
    ) -> None:
        """Handshake; octets received before are gone. Raises OSError (ssl.SSLError is one), TimeoutError."""
        ...

    def wake(self) -> None:
        """Make the `read` that is waiting, or the next one, return WOKEN."""
        ...

    async def close(self) -> None:
        """Send what is written, then close; never raises, never waits longer than some seconds."""
        ...

    def abort(self) -> None:
        """Close at once, whatever is still unsent."""
        ...


class Dialer(Protocol):
    async def connect(self, address: str, port: int, timeout: float) -> Stream:
        """A connection to an IP address, or to a host as the system knows it. Raises OSError or TimeoutError."""
        ...


class Core(Protocol):
    """What `drive` needs of a protocol core (see correo.wire)."""

    @property
    def closed(self) -> bool: ...
    @property
    def tls_wanted(self) -> bool: ...
    def receive(self, data: bytes) -> None: ...
    def next_event(self) -> Any: ...
    def take_output(self) -> bytes: ...
    def tls_started(self) -> None: ...


Flush = Callable[[], Awaitable[None]]


class Session(Protocol):
    """What `drive` needs of a protocol session. The session puts replies into its core; `drive` sends them."""

    @property
    def core(self) -> Core: ...

    @property
    def timeout(self) -> float:
        """Seconds to wait for the client's next octets, in the state the session is in now."""
        ...

    @property
    def logged_in(self) -> str:
        """The address (comparison form) of who is, or ""."""
        ...

    async def greet(self) -> None: ...

    async def handle(self, event: Any, flush: Flush) -> None:
        """Answer one event; `flush` sends what the core holds, for answers too long to be held at once."""
        ...

    async def woken(self) -> None:
        """`Stream.wake` was called while the client was silent."""
        ...

    def tls_started(self, tls: TlsInfo) -> None: ...

    def timed_out(self) -> None:
        """Parting words, if the protocol has any; the core is closed afterwards."""
        ...

    def broken(self, incident: str) -> None:
        """Something of ours failed; generic words with `incident`, under which the log has the rest."""
        ...

    def shutting_down(self, *, at_once: bool = False) -> None:
        """The server stops and the client is silent: parting words, or none as long as something is to be finished; `at_once` it is
        not waited for any more."""
        ...

    async def ended(self) -> None:
        """The connection is gone: let go of whatever the session held."""
        ...
