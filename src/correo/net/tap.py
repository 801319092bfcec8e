"""Looking on: who watches is shown the dialogue of each connection that he asked for, and no connection waits for him.

Each connection has a `Tap`, whose `on` is False as long as nobody watches it: that is all that it costs. `Taps` knows the connections
and the watchers of this process, whichever came first. What is shown of a dialogue, and what is hidden, is `wire.watched`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from correo.clock import Clock
from correo.mail.instant import moment
from correo.net import Peer, TlsInfo
from correo.net.networks import NOBODY, Networks
from correo.wire.watched import NOTE, Shown
from correo.wire.watched.outgoing import Outgoing

MAX_EARLY = 100  # lines kept for a watcher of one account until it is known whose connection it is

log = structlog.get_logger("net")

Listen = Callable[[bool], Any]  # makes what follows a dialogue; whether messages are shown


@dataclass(frozen=True, slots=True)
class Wants:
    """Which connections somebody watches: those that fit everything that is given."""

    session: str = ""
    hosts: frozenset[str] = frozenset()  # names, of servers that we go to
    networks: Networks = NOBODY
    account: str = ""  # comparison form: who is logged in
    protocols: frozenset[str] = frozenset()
    data: bool = False  # messages, too


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One line of one dialogue. `at` in µs UTC."""

    at: int
    session: str
    protocol: str
    peer: str
    account: str
    who: str  # C, S, or * for what is said about it
    text: str


class Watcher(Protocol):
    wants: Wants

    def show(self, glimpse: Glimpse) -> None:
        """Never waits, never raises."""
        ...


class LoggedIn(Protocol):
    @property
    def logged_in(self) -> str:
        """The address (comparison form) of who is, or ""."""
        ...


class Guest(LoggedIn, Protocol):
    """As much of a session as a tap looks at."""

    @property
    def core(self) -> object: ...


class _Stranger:
    """Nobody is logged in, as where we are the client."""

    logged_in = ""


STRANGER: LoggedIn = _Stranger()


class _Watching:
    """One watcher of one connection."""

    __slots__ = ("early", "listener", "live", "watcher")

    def __init__(self, watcher: Watcher, listener: Any, *, live: bool) -> None:
        self.watcher = watcher
        self.listener = listener
        self.live = live  # False: in the midst of something whose beginning was not seen
        self.early: deque[Glimpse] | None = deque(maxlen=MAX_EARLY) if watcher.wants.account else None


class Tap:
    """Of one connection."""

    __slots__ = (
        "_listen",
        "_opened",
        "_taps",
        "_watchings",
        "_who",
        "name",
        "on",
        "packing",
        "peer",
        "protocol",
        "session",
    )

    def __init__(
        self,
        taps: Taps | None,
        session: str,
        protocol: str,
        peer: Peer,
        listen: Listen,
        who: LoggedIn,
        name: str,
    ) -> None:
        self.on = False
        self.session = session
        self.protocol = protocol
        self.peer = peer
        self.name = name  # of the server that we have gone to
        self._opened = 0 if taps is None else taps.clock.now()
        self.packing: Any = None  # a core that may pack its output, and says what it was before
        self._taps = taps
        self._listen = listen
        self._who = who
        self._watchings: list[_Watching] = []

    # -- told by who moves the octets, while `on` ------------------------------------------------------------------------

    def heard(self, event: Any) -> None:
        """What the client said; all that was said before is answered."""
        self._follow(lambda listener: listener.heard(event), begins=True)

    def said(self, octets: bytes) -> None:
        """As they go out; a core that packs them has told what they were already."""
        if octets and (self.packing is None or not self.packing.compressing):
            self.said_plainly(octets)

    def said_plainly(self, octets: bytes) -> None:
        self._follow(lambda listener: listener.said(octets))

    def settled(self) -> None:
        """Nothing is under way."""
        self._follow(lambda listener: listener.settled(), begins=True)

    def sent(self, octets: bytes, *, begins: bool) -> None:
        """Commands of ours to another server; `begins`: and all those before were answered."""
        if octets or begins:
            self._follow(lambda listener: listener.sent(octets), begins=begins)

    def body(self, octets: bytes, *, chunked: bool) -> None:
        self._follow(lambda listener: listener.body(octets, chunked=chunked))

    def received(self, octets: bytes) -> None:
        self._follow(lambda listener: listener.received(octets))

    def tls_started(self, tls: TlsInfo | None) -> None:
        self.note(f"TLS: {tls}")

    def note(self, text: str) -> None:
        for watching in self._watchings:
            self._tell(watching, [Shown(NOTE, text)])

    def close(self) -> None:
        if self.on:
            self.note("closed")
            self._leave([])
        if self._taps is not None:
            self._taps.forget(self)

    def _follow(self, listen: Callable[[Any], list[Shown]], *, begins: bool = False) -> None:
        for watching in self._watchings:
            watching.live = watching.live or begins
            if not watching.live:
                continue
            try:
                lines = listen(watching.listener)
            except Exception:  # a fault of ours in looking on is not to reach who is looked at
                log.exception("a dialogue cannot be watched", session=self.session)
                self._leave([])
                return
            self._tell(watching, lines)

    # -- told by `Taps` --------------------------------------------------------------------------------------------------

    def admit(self, watcher: Watcher, *, live: bool) -> None:
        """Show it to the watcher from now on, where it is what he wants."""
        if not self._fits(watcher.wants):
            return
        self._watchings = [*self._watchings, _Watching(watcher, self._listen(watcher.wants.data), live=live)]
        if self.packing is not None:
            self.packing.overheard = self.said_plainly
        self.on = True
        account = self._who.logged_in
        whose = f", logged in as {account}" if account else ""
        since = moment(self._opened).strftime("open since %Y-%m-%d %H:%M:%SZ")
        self._tell(self._watchings[-1], [Shown(NOTE, "connected" if live else since + whose)])

    def dismiss(self, watcher: Watcher) -> None:
        self._leave([watching for watching in self._watchings if watching.watcher is not watcher])

    def _leave(self, watchings: list[_Watching]) -> None:
        self._watchings = watchings
        self.on = bool(watchings)
        if self.packing is not None and not self.on:
            self.packing.overheard = None

    def _fits(self, wants: Wants) -> bool:
        if wants.session and wants.session != self.session:
            return False
        if wants.protocols and self.protocol not in wants.protocols:
            return False
        where = wants.hosts or wants.networks
        return not where or self.name in wants.hosts or self.peer.address in wants.networks

    def _tell(self, watching: _Watching, lines: list[Shown]) -> None:
        if not lines:
            return
        assert self._taps is not None
        at, account = self._taps.clock.now(), self._who.logged_in
        glimpses = [
            Glimpse(
                at, self.session, self.protocol, self.name or str(self.peer), account, line.who, line.text
            )
            for line in lines
        ]
        if watching.early is not None:
            if account != watching.watcher.wants.account:
                if not account:
                    watching.early.extend(glimpses)
                return
            glimpses = [*watching.early, *glimpses]
            watching.early.clear()
        for glimpse in glimpses:
            watching.watcher.show(glimpse)


class Taps:
    """The connections of this process. `place` makes their names different from those of other processes."""

    def __init__(self, clock: Clock, place: str = "") -> None:
        self.clock = clock
        self._place = place
        self._count = 0
        self._taps: dict[int, Tap] = {}
        self._watchers: list[Watcher] = []

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    def incoming(self, protocol: str, peer: Peer, tls: TlsInfo | None, session: Guest) -> Tap:
        """Somebody has come."""
        tap = self._open(protocol, peer, _LISTENERS[protocol], session, "")
        tap.packing = session.core if hasattr(session.core, "overheard") else None
        return self._begin(tap, tls)

    def outgoing(self, name: str, peer: Peer, tls: TlsInfo | None = None) -> Tap:
        """We have gone somewhere; `name` is that of the server."""
        return self._begin(self._open("outgoing", peer, _outgoing, STRANGER, name), tls)

    def watch(self, watcher: Watcher) -> None:
        self._watchers.append(watcher)
        for tap in list(self._taps.values()):
            tap.admit(watcher, live=False)

    def unwatch(self, watcher: Watcher) -> None:
        self._watchers.remove(watcher)
        for tap in self._taps.values():
            tap.dismiss(watcher)

    def forget(self, tap: Tap) -> None:
        self._taps.pop(id(tap), None)

    def _open(self, protocol: str, peer: Peer, listen: Listen, who: LoggedIn, name: str) -> Tap:
        self._count += 1
        tap = Tap(self, f"{self._place}{self._count}", protocol, peer, listen, who, name)
        self._taps[id(tap)] = tap
        return tap

    def _begin(self, tap: Tap, tls: TlsInfo | None) -> Tap:
        if self._watchers:
            for watcher in self._watchers:
                tap.admit(watcher, live=True)
            if tap.on and tls is not None:
                tap.tls_started(tls)
        return tap


def _smtp(data: bool) -> Any:
    from correo.wire.watched.smtp import Smtp

    return Smtp(data=data)


def _pop3(data: bool) -> Any:
    from correo.wire.watched.pop3 import Pop3

    return Pop3(data=data)


def _imap(data: bool) -> Any:
    from correo.wire.watched.imap import Imap

    return Imap(data=data)


def _outgoing(data: bool) -> Any:
    return Outgoing(data=data)


_LISTENERS: dict[str, Listen] = {
    "smtp": _smtp,
    "submission": _smtp,
    "lmtp": _smtp,
    "pop3": _pop3,
    "imap": _imap,
}
PROTOCOLS = (*_LISTENERS, "outgoing")

UNWATCHED = Tap(None, "", "", Peer("", 0), _outgoing, STRANGER, "")
