"""The world a server lives in."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from correo.clock import Chance, Clock
from correo.dns import Resolver
from correo.net import Dialer
from correo.ops.leisure import unmeasured


@dataclass(frozen=True, slots=True)
class World:
    """What a server is given instead of taking it: time, chance, names and the network."""

    clock: Clock
    chance: Chance
    resolver: Resolver | None = None  # None: as the configuration says
    dialer: Dialer | None = None
    processor: Callable[[], float] = unmeasured  # seconds of it that this process has taken so far
    trust: ssl.SSLContext | None = None  # who vouches for other servers; None: as the configuration says
