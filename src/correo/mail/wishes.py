"""What a sender wants to be told about one recipient of his message (RFC 3461 §4.1, §4.2). Pure values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Flag


class Notify(Flag):
    """When a notice is to be sent. Nothing of it is `NEVER`."""

    NEVER = 0
    SUCCESS = 1
    FAILURE = 2
    DELAY = 4


@dataclass(frozen=True, slots=True)
class Wishes:
    """`notify` None: he said nothing, which means failures and delays (RFC 3461 §5.2.5, §5.2.6)."""

    notify: Notify | None = None
    original: str = ""  # ORCPT as it was written, "" for none: it is handed on letter by letter (§5.2.1 d)

    def wants(self, what: Notify) -> bool:
        return what is not Notify.SUCCESS if self.notify is None else what in self.notify

    @property
    def of_a_group(self) -> Wishes:
        """For those an alias leads to when it leads to several: success was the alias's (RFC 3461 §5.2.7.3 c)."""
        return self if self.notify is None else replace(self, notify=self.notify & ~Notify.SUCCESS)

    def and_those(self, other: Wishes) -> Wishes:
        """For one place that two addresses lead to: who asked to hear of either hears of it."""
        if self.notify == other.notify:
            return self
        return replace(self, notify=self._said | other._said)

    @property
    def _said(self) -> Notify:
        return Notify.FAILURE | Notify.DELAY if self.notify is None else self.notify


NONE = Wishes()
