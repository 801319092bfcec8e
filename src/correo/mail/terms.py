"""How a sender wants his message to be carried: when, before or behind others, and how protected. Pure values."""

from __future__ import annotations

from dataclasses import dataclass

from correo.mail.instant import HOUR
from correo.mail.protection import Protection

LOWEST, HIGHEST = -9, 9  # priorities, RFC 6710 §5
# How much earlier a message counts as having come, for each step of its priority: urgent mail goes in front of a backlog, and what
# can wait is passed by others for hours, but not for ever.
HEAD_START = HOUR


@dataclass(frozen=True, slots=True)
class Terms:
    """Times are µs UTC, 0 where nothing was said."""

    hold_until: int = 0  # nobody gets it before that (RFC 4865)
    deliver_by: int = 0  # it is to be there by then (RFC 2852)
    by_return: bool = False  # else it goes back; False: else its sender is told, and it is tried further
    by_trace: bool = False  # he is told of each server that took it, too
    priority: int = 0  # LOWEST..HIGHEST (RFC 6710)
    protection: Protection = Protection.USUAL  # RFC 8689

    def too_late(self, now: int) -> bool:
        """Whether nobody may get it any more (RFC 2852 §4)."""
        return self.by_return and self.deliver_by <= now


PLAIN = Terms()
