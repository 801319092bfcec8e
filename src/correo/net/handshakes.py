"""TLS handshakes that fail are told of in the log, for they are all that is ever heard of a client that cannot agree with us.

Strangers can fail as often as they like, so the log has a bound: what is left out is counted.
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable

import structlog

from correo.clock import Clock
from correo.mail.instant import MINUTE
from correo.net.limits import network_of

log = structlog.get_logger("net")

Failed = Callable[[str, OSError | TimeoutError], None]  # with the address of the client


def unheard(address: str, error: OSError | TimeoutError) -> None:
    """For those who need not know."""


WINDOW = MINUTE
FEW = 5  # lines of one network in a window: whoever tries again hears of it, whoever scans fills no disk
MOST = 100  # lines of all networks in a window


class FailedHandshakes:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = -WINDOW
        self._written: Counter[str] = Counter()  # lines in this window, by network
        self._left_out = 0

    def note(self, protocol: str, address: str, error: OSError | TimeoutError) -> None:
        now = self._clock.now()
        if not 0 <= now - self._began < WINDOW:  # or the clock was set back
            if self._left_out:
                log.info("more TLS handshakes failed", count=self._left_out)
            self._began, self._left_out = now, 0
            self._written.clear()
        network = network_of(address)
        if self._written[network] >= FEW or self._written.total() >= MOST:
            self._left_out += 1
            return
        self._written[network] += 1
        log.info("TLS handshake failed", protocol=protocol, address=address, reason=reason_of(error))


def reason_of(error: OSError | TimeoutError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS does not say why").lower().replace("_", " ")
    if isinstance(error, TimeoutError | ConnectionAbortedError):  # the latter is how event loops say it
        return "it took too long"
    return "the client left"
