"""One connection of SMTP or LMTP: events in, replies out, and what bounds a client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from correo.accounts.presence import do_nothing
from correo.mail.errors import Kind, Refused
from correo.mail.instant import SECOND
from correo.net import Flush, Peer, TlsInfo
from correo.receive import incoming
from correo.receive.commands import COMMANDS, auth, bdat
from correo.receive.commands.row import Command as Row
from correo.receive.conversation import Conversation, Note, Transaction
from correo.receive.options import Profile, ReceiveOptions, Services
from correo.receive.replies import STATUSES
from correo.wire.buffer import Overlong
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.data import Fault
from correo.wire.smtp.server import (
    AuthResponse,
    BeginChunk,
    Chunk,
    Command,
    EndOfChunk,
    EndOfData,
    Eof,
    Event,
    Malformed,
    Server,
)
from correo.wire.smtp.syntax import BadSyntax

log = structlog.get_logger("smtp")

# Who says these is no mail client: a web page that makes a browser talk to us (cross-protocol attack).
FOREIGN = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})

SHUT_OUT = reply(421, "4.7.0", "The account was closed or has another password")

_BY_VERB: dict[Profile, dict[str, Row[Any]]] = {
    profile: {row.verb: row for row in COMMANDS if profile in row.profiles} for profile in Profile
}
_VERBS = frozenset(row.verb for row in COMMANDS)


class SmtpSession:
    """Answers the events of its core; a `net.Session`."""

    def __init__(
        self,
        options: ReceiveOptions,
        services: Services,
        peer: Peer,
        tls: TlsInfo | None = None,
        wake: Callable[[], None] = do_nothing,
    ) -> None:
        """`wake`: makes `woken` be called soon, as `Stream.wake` does."""
        self.core = Server(max_size=options.limits.message_size)
        self.talk = Conversation(options, services, peer, tls, wake)
        self._commands = _BY_VERB[options.profile]
        self._data: Transaction | None = None  # whose text is being received
        self._unwanted: Reply | None = None  # the answer to a chunk whose octets are dropped
        self._deadline = 0  # µs: when the next command, or the message, must be complete

    # -- the contract of net.Session ---------------------------------------------------------------------------------

    @property
    def timeout(self) -> float:
        """Counted from the last answer, so that a client cannot keep us by one octet now and then."""
        left = (self._deadline - self.talk.services.clock.now()) / SECOND
        return min(max(left, 0.0), self.talk.limits.idle)

    @property
    def logged_in(self) -> str:
        return self.talk.account.address if self.talk.account else ""

    async def greet(self) -> None:
        if self.core.waiting:
            self.talk.notes.add(Note.EARLY)
            if self.talk.options.strict:
                self._answer(reply(421, "4.7.0", "Wait for the greeting"))
                return
        protocol = "LMTP" if self.talk.profile is Profile.LMTP else "ESMTP"
        self._answer(reply(220, "", f"{self.talk.options.hostname} {protocol} Correo"))

    async def handle(self, event: Event, flush: Flush) -> None:
        if self.talk.visit.over:
            self._answer(SHUT_OUT)  # in place of the answer to a message, too
            return
        match event:
            case BeginChunk():
                self._begin_chunk(event)
            case Chunk(data):
                if self._unwanted is None:
                    self.talk.open.add(data, self.talk.services.budget)
            case EndOfChunk():
                self._answer(*await self._end_of_chunk(event))
            case EndOfData():
                self._data = None
                self._answer(*await self._end_of_data(event))
            case Eof():
                pass
            case _:
                self._answer(self._bounded(await self._said(event)))

    async def woken(self) -> None:
        """No other session has anything to tell this one, but who is logged in may be shut out."""
        if self.talk.visit.over:
            self._answer(SHUT_OUT)

    def tls_started(self, tls: TlsInfo) -> None:
        self.talk.tls = tls

    def timed_out(self) -> None:
        self._answer(reply(421, "4.4.2", "Timeout"))

    def broken(self, incident: str) -> None:
        self._answer(reply(421, "4.3.0", f"Internal error, reference {incident}"))

    def shutting_down(self, *, at_once: bool = False) -> None:
        # A message that has begun may come to its end, as long as that is waited for.
        if at_once or self.talk.transaction is None:
            self._answer(reply(421, "4.3.2", "Server shutting down"))

    async def ended(self) -> None:
        self.talk.forget()
        if self.talk.notes:
            notes = sorted(note.value for note in self.talk.notes)
            log.info("odd client", address=self.talk.peer.address, notes=notes)

    # ------------------------------------------------------------------------------------------------------------------

    def _answer(self, *replies: Reply) -> None:
        self.core.reply(*replies)
        if replies[-1].code == 354:
            self._data = self.talk.transaction
        if self.talk.transaction is None:
            self._data = None
            self.core.forget_chunks()
        elif self.talk.open.chunked and self._data:
            return  # the time for a message runs from its first chunk on
        self._be_patient()

    def _be_patient(self) -> None:
        limits = self.talk.limits
        patience = limits.message_time if self._data else limits.idle
        self._deadline = self.talk.services.clock.now() + round(patience * SECOND)

    def _begin_chunk(self, chunk: BeginChunk) -> None:
        self._unwanted = bdat.begin(self.talk, chunk)
        if self._unwanted is None and self._data is None:
            self._data = self.talk.transaction
            self._be_patient()

    async def _end_of_chunk(self, chunk: EndOfChunk) -> tuple[Reply, ...]:
        """RFC 3030 §2: after a refusal there is no transaction, and what was sent ahead for it is refused as well."""
        unwanted, self._unwanted = self._unwanted, None
        if unwanted:
            self.core.forget_chunks()  # its last octet must not count as the one before the message that is wanted
            return (self._bounded(unwanted),)
        if chunk.last or Fault.TOO_BIG in chunk.faults or self.talk.open.starved:
            self._data = None
            replies = await self._end_of_data(EndOfData(chunk.size, chunk.faults))
            return (
                replies if chunk.last else replies[:1]
            )  # only the last has an answer for each recipient (RFC 2033 §4.3)
        return (reply(250, "2.0.0", f"{chunk.size} octets so far"),)

    async def _end_of_data(self, event: EndOfData) -> tuple[Reply, ...]:
        replies = await incoming.finish(self.talk, event)
        if replies[-1].ok:
            self.talk.errors = self.talk.idle_commands = 0
        elif replies[-1].code >= 500:
            self.talk.errors += 1
        return replies

    async def _said(self, event: Event) -> Reply:
        try:
            match event:
                case Command(verb, argument):
                    return await self._command(verb, argument)
                case AuthResponse():
                    return await auth.respond(self.talk, event)
                case Overlong() if self.talk.authentication is not None:
                    self.talk.authentication = None
                    return reply(500, "5.5.6", "Authentication exchange line is too long")  # RFC 4954 §4
                case Overlong():
                    return reply(500, "5.5.2", "Line too long")
                case Malformed():
                    return reply(500, "5.5.2", "Commands are lines of text")
        except BadSyntax as bad:
            return reply(bad.code, bad.enhanced, bad.text)
        except Refused as refused:
            if refused.kind in (Kind.UNAVAILABLE, Kind.BROKEN):
                address = self.talk.peer.address
                log.error("refused", kind=refused.kind.name, detail=refused.detail, address=address)
            return Reply.of(STATUSES[refused.kind])
        raise AssertionError("every other event is answered in handle")

    async def _command(self, verb: str, argument: str) -> Reply:
        row = self._commands.get(verb)
        if row is None:
            return self._unknown(verb)
        if row.idle:
            self.talk.idle_commands += 1
        talk = self.talk
        if self.core.waiting and (row.last or not talk.extended):
            talk.notes.add(Note.RUSHED)
            if talk.options.strict:
                return reply(421, "4.7.0", "Wait for the answer")
        if not row.offered(talk):
            return reply(502, "5.5.1", f"{verb} is not available here")
        if talk.stage not in row.stages:
            return reply(503, "5.5.1", f"{verb} is out of order: {talk.stage.value}")
        return await row.run(talk, row.parse(argument))

    def _bounded(self, answer: Reply) -> Reply:
        """`answer`, or parting words for a client that has tried too much."""
        if answer.code >= 500:
            self.talk.errors += 1
        if answer.code in (221, 421):
            return answer
        if self.talk.errors >= self.talk.limits.errors:
            return reply(421, "4.7.0", "Too many errors")
        if self.talk.idle_commands > self.talk.limits.idle_commands:
            return reply(421, "4.7.0", "Too many commands without mail")
        return answer

    def _unknown(self, verb: str) -> Reply:
        if verb in FOREIGN:
            return reply(421, "4.7.0", "This is a mail server")
        # RFC 5321 §4.2.4 knows 502 for what exists, but not here; RFC 2033 §4.1 wants EHLO unknown.
        if verb in _VERBS and self.talk.profile is not Profile.LMTP:
            return reply(502, "5.5.1", f"{verb} is not available here")
        return reply(500, "5.5.1", "Unknown command")
