"""When to try again, when to warn the sender, when to give up (RFC 5321 §4.5.4.1). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from correo.mail.instant import DAY, HOUR, MINUTE, parse_duration

JITTER = 0.1  # each pause is up to this much shorter or longer, so that what failed together is not retried together


@dataclass(frozen=True, slots=True)
class Schedule:
    """Durations in microseconds."""

    # Short at first, for greylisting; then rarer, as RFC 5321 §4.5.4.1 asks for after the first hours.
    retry: tuple[int, ...] = (5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR)
    lifetime: int = 5 * DAY  # "at least 4-5 days"
    warn_after: int = 4 * HOUR  # 0: senders are never warned
    # For priorities above 0 (RFC 6710): () and 0 where they have no times of their own.
    urgent_retry: tuple[int, ...] = ()
    urgent_lifetime: int = 0

    def __post_init__(self) -> None:
        pauses = (*self.retry, *self.urgent_retry)
        if (
            not self.retry
            or min(pauses) <= 0
            or self.lifetime <= 0
            or min(self.warn_after, self.urgent_lifetime) < 0
        ):
            raise ValueError("retry times and the lifetime must be longer than nothing")

    @classmethod
    def parse(cls, retry: Sequence[str], lifetime: str, warn_after: str) -> Schedule:
        """From durations as the configuration spells them; `warn_after` "" is never. Raises ValueError."""
        pauses = tuple(parse_duration(text) for text in retry)
        return cls(pauses, parse_duration(lifetime), parse_duration(warn_after) if warn_after else 0)

    def pauses(self, priority: int) -> tuple[int, ...]:
        return (self.urgent_retry if priority > 0 else ()) or self.retry

    def expires(self, created: int) -> int:
        return created + self.lifetime

    def warn_at(self, created: int) -> int:
        """0 when the sender is not to be warned: never, or not before the message has expired anyway."""
        return created + self.warn_after if 0 < self.warn_after < self.lifetime else 0


def next_try(
    attempts: int, retry: Sequence[int], random: Random, now: int, *, expires: int, warn_at: int = 0
) -> int:
    """The instant of the next attempt after `attempts` (>= 1) that failed; the last pause of `retry` repeats.

    A pause that would go past `expires` ends there, so that the last attempt is as late as was promised; likewise at
    `warn_at`, so that the sender is warned on time and with a fresh answer, but no sooner than after the shortest pause.
    """
    pause = retry[min(max(attempts, 1), len(retry)) - 1]
    at = now + round(pause * (1 + random.uniform(-JITTER, JITTER)))
    if now < warn_at < at:
        at = min(at, max(warn_at, now + min(retry)))
    return min(at, max(expires, now + 1))
