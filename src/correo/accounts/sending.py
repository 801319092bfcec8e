"""How much an account may send in an hour and in a day: counted in the database, so that a restart gives no new start.

Counted by hours of the clock, over a window that slides: of the hour that is leaving it, the part that is still inside counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from correo.mail.instant import HOUR
from correo.storage.db import Tx

DAY_HOURS = 24

_SENT = (
    "SELECT hour, messages, recipients FROM accounts_sent WHERE account_id = $1 AND hour BETWEEN $2 AND $3"
)
_COUNT = """INSERT INTO accounts_sent (account_id, hour, messages, recipients) VALUES ($1, $2, 1, $3)
ON CONFLICT (account_id, hour) DO UPDATE SET
  messages = accounts_sent.messages + 1, recipients = accounts_sent.recipients + excluded.recipients"""
_FORGET = "DELETE FROM accounts_sent WHERE hour < $1"


@dataclass(frozen=True, slots=True)
class SendLimits:
    """0 is any number."""

    hour_messages: int = 0
    hour_recipients: int = 0
    day_messages: int = 0
    day_recipients: int = 0

    def __bool__(self) -> bool:
        return any((self.hour_messages, self.hour_recipients, self.day_messages, self.day_recipients))


@dataclass(frozen=True, slots=True)
class Sent:
    """In the last hour and the last day."""

    hour_messages: float = 0.0
    hour_recipients: float = 0.0
    day_messages: float = 0.0
    day_recipients: float = 0.0

    def exceeds(self, limits: SendLimits, messages: int, recipients: int) -> bool:
        """Whether so many more would be too many."""
        return (
            _beyond(self.hour_messages + messages, limits.hour_messages)
            or _beyond(self.hour_recipients + recipients, limits.hour_recipients)
            or _beyond(self.day_messages + messages, limits.day_messages)
            or _beyond(self.day_recipients + recipients, limits.day_recipients)
        )


async def sent(tx: Tx, account_id: int, now: int) -> Sent:
    this = now // HOUR
    return window(await tx.all(_SENT, account_id, this - DAY_HOURS, this), now)


def window(rows: list[tuple[int, int, int]], now: int) -> Sent:
    """From hour, messages and recipients of each hour; those that lie outside of the last day may be among them."""
    this, part = now // HOUR, 1 - now % HOUR / HOUR
    counts = [0.0, 0.0, 0.0, 0.0]
    for hour, messages, recipients in rows:
        for at, hours in ((0, 1), (2, DAY_HOURS)):
            weight = part if hour == this - hours else 1 if this - hours < hour <= this else 0
            counts[at] += messages * weight
            counts[at + 1] += recipients * weight
    return Sent(*counts)


async def count_sent(tx: Tx, account_id: int, recipients: int, limits: SendLimits, now: int) -> bool:
    """Count one message, in the transaction that takes it; False, and nothing is done, where it is too much."""
    if limits and (await sent(tx, account_id, now)).exceeds(limits, 1, recipients):
        return False
    await tx.run(_COUNT, account_id, now // HOUR, recipients)
    return True


async def forget_sent(tx: Tx, now: int) -> int:
    """Remove what lies outside of every window."""
    return await tx.run(_FORGET, now // HOUR - DAY_HOURS)


def _beyond(has: float, most: int) -> bool:
    return most > 0 and has > most
