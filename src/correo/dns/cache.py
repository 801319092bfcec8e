"""Answers remembered as long as they may be, "no" included (RFC 2308)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from correo.clock import Clock
from correo.dns import Answer, DnsFailure, Rdtype, Resolver, Status, names
from correo.dns.flights import Flights
from correo.mail.instant import DAY, HOUR, SECOND

# A message to many recipients asks the same question again and again within seconds: even a lifetime of zero is stretched
# to this. Answers that name no lifetime are included; RFC 2308 §5 forbids that to servers that ask each other in circles.
FLOOR = 5 * SECOND
CEILING = 1 * DAY  # a domain that moves is followed within a day, however long it said that it would not
NEGATIVE_CEILING = 3 * HOUR  # RFC 2308 §5: values of one to three hours work well
FAILURE = (
    5 * SECOND
)  # RFC 9520 §3.2: between one second and five minutes; the queue's own delays are longer anyway

MAX_OCTETS = (
    32 * 1024 * 1024
)  # about 80,000 domains with their hosts; a process of an ISP sees fewer in a day
_ENTRY_OCTETS = 400  # key, Answer and entry without the records, roughly
_RECORD_OCTETS = 100  # a str, bytes or dataclass without its text, roughly

_Key = tuple[str, Rdtype]


@dataclass(frozen=True, slots=True)
class _Entry:
    outcome: Answer | DnsFailure
    until: int
    octets: int


class CachingResolver:
    """Remembers what `inner` says, at most about `capacity` octets of it; what was not asked for longest goes first."""

    def __init__(self, inner: Resolver, clock: Clock, *, capacity: int = MAX_OCTETS) -> None:
        self._inner = inner
        self._clock = clock
        self._capacity = capacity
        self._octets = 0
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._flights: Flights[_Key, Answer] = Flights()

    async def lookup(self, name: str, rdtype: Rdtype) -> Answer:
        """Raises DnsFailure."""
        folded = names.fold(name)
        if folded is None:
            return Answer.no_such_name(name, rdtype, self._clock.now())
        key = (folded, rdtype)
        outcome = self._recall(key)
        if outcome is None:
            return await self._flights.share(key, lambda: self._fetch(key))
        if isinstance(outcome, DnsFailure):
            # A new one each time: an exception raised again and again would collect tracebacks.
            raise DnsFailure(outcome.name, outcome.rdtype, outcome.reason)
        return outcome

    def _recall(self, key: _Key) -> Answer | DnsFailure | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        # More than CEILING left: the clock was set back, and nobody knows how old this is.
        if not 0 < entry.until - self._clock.now() <= CEILING:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.outcome

    async def _fetch(self, key: _Key) -> Answer:
        try:
            answer = await self._inner.lookup(*key)
        except DnsFailure as failure:
            self._remember(key, DnsFailure(*key, failure.reason), self._clock.now() + FAILURE)
            raise
        now = self._clock.now()
        ceiling = CEILING if answer.status is Status.OK else NEGATIVE_CEILING
        answer = replace(answer, expires=min(max(answer.expires, now + FLOOR), now + ceiling))
        self._remember(key, answer, answer.expires)
        return answer

    def _remember(self, key: _Key, outcome: Answer | DnsFailure, until: int) -> None:
        self._drop(key)
        entry = _Entry(outcome, until, _weigh(outcome))
        self._entries[key] = entry
        self._octets += entry.octets
        while self._octets > self._capacity:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: _Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._octets -= entry.octets


def _weigh(outcome: Answer | DnsFailure) -> int:
    if isinstance(outcome, DnsFailure):
        return _ENTRY_OCTETS
    texts = (record for record in outcome.records if isinstance(record, str | bytes))
    return _ENTRY_OCTETS + _RECORD_OCTETS * len(outcome.records) + sum(map(len, texts))
