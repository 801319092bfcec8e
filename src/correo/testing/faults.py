"""The table of faults: what goes wrong on purpose, for whom, at which moment, how often.

A rule is asked by the sessions (`testing.sessions`) at each moment it is for. What it answers is done by them.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TypedDict

from correo.mail.instant import SECOND, parse_duration
from correo.mail.status import Status
from correo.testing.message import addressed

MAX_GREYLISTED = 10_000  # tries that one rule remembers, the oldest forgotten first
MAX_RULES = 1_000
MAX_RATE = 1_000_000
MAX_SLOW = 86_400.0  # seconds

_REPLY = re.compile(r"([45]\d\d)(?:[ -](.*))?")
_RATE = re.compile(r"(\d+)/(\w+)")

GREYLISTED = "450 4.7.1 Greylisted, try again later"
TOO_FAST = "450 4.7.1 Too many messages for now, try again later"


class Moment(Enum):
    """When a rule is asked. The value is what it is called in `at` and `drop`."""

    CONNECT = "connect"
    HELLO = "hello"  # EHLO, HELO
    LOGIN = "login"  # AUTH, and the logins of POP3 and IMAP
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # DATA, or the first BDAT
    MID_DATA = "mid-data"  # some octets of the message have come
    MESSAGE = "message"  # all of it has come


PROTOCOLS = ("smtp", "pop3", "imap")
_EVERYWHERE = frozenset({Moment.CONNECT, Moment.LOGIN})
_KNOWN_RECIPIENT = frozenset({Moment.RCPT, Moment.DATA, Moment.MID_DATA, Moment.MESSAGE})
_KNOWN_SENDER = _KNOWN_RECIPIENT | {Moment.MAIL}


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is known at a moment."""

    protocol: str  # one of PROTOCOLS
    moment: Moment
    client: str  # address
    now: int  # µs
    sender: str = ""
    recipients: Sequence[str] = ()  # at RCPT the one in question, later all that were taken


@dataclass(frozen=True, slots=True)
class Effect:
    """Wait, then hang up, or answer with `status`, or go on."""

    slow: float = 0.0  # seconds
    drop: bool = False
    status: Status | None = None

    def __bool__(self) -> bool:
        return self.drop or self.status is not None or self.slow > 0


NOTHING = Effect()


@dataclass(slots=True, eq=False)
class Fault:
    """One rule. `hits`: how often something went wrong by it."""

    moment: Moment
    effect: Effect
    to: str | None = None  # an address, `*` for anything
    sender: str | None = None
    protocol: str | None = None
    times: int | None = None
    greylist: int = 0  # µs from the first try to the one that succeeds
    rate: tuple[int, int] | None = None  # so many in so many µs
    id: int = 0
    hits: int = 0
    _tries: OrderedDict[tuple[str, ...], int] = field(default_factory=OrderedDict, repr=False)
    _passed: deque[int] = field(default_factory=deque, repr=False)
    _forget: Callable[[Fault], None] = field(default=lambda fault: None, repr=False)

    def remove(self) -> None:
        """From now on all goes well."""
        self._forget(self)

    def on(self, occasion: Occasion) -> Effect:
        """What happens now by this rule; asking counts."""
        if not self._concerns(occasion) or (self.times is not None and self.hits >= self.times):
            return NOTHING
        if self.greylist and not self._too_early(occasion):
            return NOTHING
        if self.rate and not self._too_fast(occasion.now):
            return NOTHING
        self.hits += 1
        return self.effect

    def _concerns(self, occasion: Occasion) -> bool:
        to = self.to
        return (
            occasion.moment is self.moment
            and (self.protocol is None or occasion.protocol == self.protocol)
            and (self.sender is None or addressed(occasion.sender, self.sender))
            and (to is None or any(addressed(one, to) for one in occasion.recipients))
        )

    def _too_early(self, occasion: Occasion) -> bool:
        key = (occasion.client, occasion.sender, *occasion.recipients)
        first = self._tries.setdefault(key, occasion.now)
        if len(self._tries) > MAX_GREYLISTED:
            self._tries.popitem(last=False)
        return occasion.now < first + self.greylist

    def _too_fast(self, now: int) -> bool:
        assert self.rate is not None
        most, span = self.rate
        while self._passed and self._passed[0] <= now - span:
            self._passed.popleft()
        if len(self._passed) >= most:
            return True
        self._passed.append(now)
        return False


class Faults:
    """The rules of one server, asked in their order: all that only wait, and the first that objects."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._last = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self._rules))

    def add(self, fault: Fault) -> Fault:
        """Raises ValueError when there are too many."""
        if len(self._rules) >= MAX_RULES:
            raise ValueError(f"there are {MAX_RULES} faults already")
        self._last += 1
        fault.id = self._last
        fault._forget = self._forget
        self._rules.append(fault)
        return fault

    def clear(self) -> None:
        self._rules.clear()

    def on(self, occasion: Occasion) -> Effect:
        slow = 0.0
        for rule in list(self._rules):
            effect = rule.on(occasion)
            slow += effect.slow
            if effect.drop or effect.status:
                return Effect(slow, effect.drop, effect.status)
        return Effect(slow)

    def _forget(self, fault: Fault) -> None:
        if fault in self._rules:
            self._rules.remove(fault)


class Rule(TypedDict, total=False):
    """The arguments of `fault_of` by name, as `MailServer.fault` takes them."""

    at: str
    to: str | None
    sender: str | None
    protocol: str | None
    times: int | None
    slow: float
    drop: str
    greylist: str
    rate: str


def fault_of(
    reply: str = "",
    *,
    at: str = "",
    to: str | None = None,
    sender: str | None = None,
    protocol: str | None = None,
    times: int | None = None,
    slow: float = 0.0,
    drop: str = "",
    greylist: str = "",
    rate: str = "",
) -> Fault:
    """A rule in the words of a test. Raises ValueError that says what would be right."""
    if greylist or rate:
        reply = reply or (GREYLISTED if greylist else TOO_FAST)
    if not 0 <= slow <= MAX_SLOW:
        raise ValueError("slow= is a number of seconds, a day at most")
    if not (reply or drop or slow):
        raise ValueError("say what goes wrong: a reply, slow=, drop=, greylist= or rate=")
    if reply and drop:
        raise ValueError("a connection that is dropped gets no reply")
    if drop and at:
        raise ValueError("drop= says when already, at= is for the others")
    if times is not None and times < 1:
        raise ValueError("times= is at least 1")
    usual = Moment.RCPT.value if to is not None or greylist else Moment.MAIL.value
    moment = _moment(drop or at or usual)
    _check(moment, reply, to, sender, protocol, greylist)
    wait = parse_duration(greylist) if greylist else 0
    if greylist and not wait:
        raise ValueError("who is greylisted waits for a while: greylist= is more than nothing")
    return Fault(
        moment,
        Effect(slow, bool(drop), read_reply(reply) if reply else None),
        to,
        sender,
        protocol,
        times,
        wait,
        _rate(rate) if rate else None,
    )


def read_reply(text: str) -> Status:
    """`451 4.7.1 Later`. Raises ValueError."""
    match = _REPLY.fullmatch(text)
    if match is None or not text.isprintable():
        raise ValueError(f'{text!r} is no refusal of SMTP; write it as in "451 4.7.1 Try again later"')
    return Status.parse(int(match[1]), match[2] or "Refused")


def _moment(name: str) -> Moment:
    try:
        return Moment(name)
    except ValueError:
        known = ", ".join(moment.value for moment in Moment)
        raise ValueError(f"{name!r} is no moment; there are {known}") from None


def _check(
    moment: Moment, reply: str, to: str | None, sender: str | None, protocol: str | None, greylist: str
) -> None:
    if to is not None and moment not in _KNOWN_RECIPIENT:
        raise ValueError(f"at {moment.value} nobody knows yet to whom; leave to= out")
    if sender is not None and moment not in _KNOWN_SENDER:
        raise ValueError(f"at {moment.value} nobody knows yet from whom; leave sender= out")
    if protocol is not None and protocol not in PROTOCOLS:
        raise ValueError(f"{protocol!r} is no protocol; there are {', '.join(PROTOCOLS)}")
    if protocol in ("pop3", "imap") and moment not in _EVERYWHERE:
        raise ValueError(f"{protocol} has no {moment.value}; it has connect and login")
    if moment is Moment.MID_DATA and reply:
        raise ValueError('in the midst of a message there is no reply; use at="message", or drop=')
    if greylist and moment not in _KNOWN_RECIPIENT:
        raise ValueError("greylisting is at rcpt, for it needs a recipient")


def _rate(text: str) -> tuple[int, int]:
    match = _RATE.fullmatch(text)
    if match is None or not 0 < int(match[1]) <= MAX_RATE:
        raise ValueError(f'{text!r} is no rate; write it as in "10/1m"')
    span = parse_duration(match[2])
    if span < SECOND // 1000:
        raise ValueError("a rate is counted over a millisecond or more")
    return int(match[1]), span
