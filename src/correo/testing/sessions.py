"""Sessions that do what the table of faults says, and note what was taken and refused.

Each wraps a session of the real server, sees the events first and its replies last, and changes nothing where no rule speaks.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from correo.clock import Clock
from correo.mail.address import Address
from correo.mail.instant import SECOND
from correo.mail.status import Status
from correo.net import Core, Flush, Session, Stream, TlsInfo
from correo.net.drive import Gone
from correo.receive.conversation import Stage, Transaction
from correo.receive.session import SmtpSession
from correo.testing.faults import Effect, Faults, Moment, Occasion
from correo.testing.journal import Journal, Refusal
from correo.testing.message import Message
from correo.wire.smtp.answer import Reply
from correo.wire.smtp.server import AuthResponse, BeginChunk, Chunk, Command, EndOfChunk, EndOfData, Server
from correo.wire.smtp.syntax import BadSyntax, parse_forward_path, parse_reverse_path

PROGRAM = "program"  # as whom mail is taken from programs that do not log in
MAX_SHOWN = 200  # characters of a command that are noted

NO_COMMAND = "a line that is no command"
_SHOWN = {AuthResponse: "AUTH", EndOfChunk: "BDAT", EndOfData: "the message"}
_ANY = frozenset(Stage)
_QUEUED = re.compile(r"^250 .* queued as (\S+)")
_MOMENTS = {
    "EHLO": Moment.HELLO,
    "HELO": Moment.HELLO,
    "AUTH": Moment.LOGIN,
    "MAIL": Moment.MAIL,
    "RCPT": Moment.RCPT,
    "DATA": Moment.DATA,
}
# When a command is in order: out of order it is the server's own business to say so.
_STAGES = {
    Moment.MAIL: frozenset({Stage.GREETED}),
    Moment.RCPT: frozenset({Stage.SENDER, Stage.RECIPIENTS}),
    Moment.DATA: frozenset({Stage.RECIPIENTS}),
}


@dataclass(frozen=True, slots=True)
class Desk:
    """What the sessions of one server share."""

    clock: Clock
    faults: Faults
    journal: Journal
    # Asked before RCPT, with sender and recipient: makes the mailboxes there should be, or says why not.
    admit: Callable[[Address | None, Address], Awaitable[Status | None]]


class Wrapped(ABC):
    """A `net.Session` that passes everything on."""

    protocol = ""

    def __init__(self, desk: Desk, session: Session, stream: Stream) -> None:
        self.desk = desk
        self.session = session
        self.client = stream.peer.address

    @property
    def core(self) -> Core:
        return self.session.core

    @property
    def timeout(self) -> float:
        return self.session.timeout

    @property
    def logged_in(self) -> str:
        return self.session.logged_in

    async def greet(self) -> None:
        if (status := await self.suffer(Moment.CONNECT, "")) is not None:
            self.turn_away(status)
        else:
            await self.session.greet()

    async def handle(self, event: Any, flush: Flush) -> None:
        await self.session.handle(event, flush)

    async def woken(self) -> None:
        await self.session.woken()

    def tls_started(self, tls: TlsInfo) -> None:
        self.session.tls_started(tls)

    def timed_out(self) -> None:
        self.session.timed_out()

    def broken(self, incident: str) -> None:
        self.session.broken(incident)

    def shutting_down(self, *, at_once: bool = False) -> None:
        self.session.shutting_down(at_once=at_once)

    async def ended(self) -> None:
        await self.session.ended()

    # ------------------------------------------------------------------------------------------------------------------

    @abstractmethod
    def turn_away(self, status: Status) -> None:
        """Instead of a greeting, and for good."""

    async def suffer(
        self, moment: Moment, command: str, sender: str = "", recipients: Sequence[str] = ()
    ) -> Status | None:
        """What the rules want at this moment: waits; raises Gone to hang up; or else what is to be answered."""
        now = self.desk.clock.now()
        effect: Effect = self.desk.faults.on(
            Occasion(self.protocol, moment, self.client, now, sender, recipients)
        )
        if effect.slow:
            await asyncio.sleep(effect.slow)
        if effect.drop:
            self.note(command, "", by_fault=True)
            raise Gone
        if effect.status is not None:
            self.note(command, str(effect.status), by_fault=True)
        return effect.status

    def note(self, command: str, answer: str, *, by_fault: bool) -> None:
        shown = command[:MAX_SHOWN]
        self.desk.journal.refused.append(
            Refusal(self.protocol, shown, answer, by_fault, self.desk.clock.now())
        )


class _Overheard(Server):
    """A core whose last replies are known."""

    said: tuple[Reply, ...] = ()

    def forget(self) -> None:
        self.said = ()

    def reply(self, *replies: Reply) -> None:
        self.said = replies
        super().reply(*replies)


class SmtpWrapped(Wrapped):
    protocol = "smtp"

    def __init__(self, desk: Desk, session: SmtpSession, stream: Stream, *, trusted: bool) -> None:
        """`trusted`: who does not log in may send anything, as programs of the server's own machine may."""
        super().__init__(desk, session, stream)
        self.smtp = session
        self.overheard = _Overheard(max_size=session.talk.limits.message_size)
        session.core = self.overheard
        if trusted:
            session.talk.user = PROGRAM
        self._midway = False  # this message has been asked about in its midst
        self._answered = 0  # µs: when a rule answered last
        self._owed: Status | None = None  # the answer to a message by BDAT that is refused at its beginning

    @property
    def timeout(self) -> float:
        """Counted from the last answer, whoever gave it."""
        idle = self.smtp.talk.limits.idle
        since = (self.desk.clock.now() - self._answered) / SECOND
        return max(self.smtp.timeout, min(idle - since, idle))

    def turn_away(self, status: Status) -> None:
        self._refuse(status)
        self.overheard.closed = True

    async def handle(self, event: Any, flush: Flush) -> None:
        match event:
            case Command(verb, argument):
                await self._command(verb, argument, flush)
            case BeginChunk() if self.smtp.talk.stage is Stage.RECIPIENTS:
                self._midway, self._owed = False, await self._at(Moment.DATA, "BDAT")
                await self.smtp.handle(event, flush)
            case Chunk():
                await self._in_the_midst()
                await self.smtp.handle(event, flush)
            case EndOfChunk() if self._owed is not None:
                self._refuse_message(self._owed)
            case EndOfData() | EndOfChunk(last=True) if self.smtp.talk.transaction is not None:
                await self._in_the_midst()
                await self._message(self.smtp.talk.open, event, flush)
            case _:
                await self._really(event, flush, _SHOWN.get(type(event), NO_COMMAND))

    async def _command(self, verb: str, argument: str, flush: Flush) -> None:
        shown = verb if verb == "AUTH" else f"{verb} {argument}".strip()
        moment = _MOMENTS.get(verb)
        self._midway, self._owed = False, None
        if moment is not None and (status := await self._before(moment, shown, argument)) is not None:
            self._refuse(status)
        else:
            await self._really(Command(verb, argument), flush, shown)

    async def _really(self, event: Any, flush: Flush, shown: str) -> None:
        self.overheard.forget()
        await self.smtp.handle(event, flush)
        for said in self.overheard.said:
            if said.code >= 400:
                self.note(shown, _text(said), by_fault=False)

    async def _before(self, moment: Moment, shown: str, argument: str) -> Status | None:
        """What is said instead of what the server would say."""
        if self.smtp.talk.stage not in _STAGES.get(moment, _ANY):
            return None
        try:
            if moment is Moment.MAIL:
                sender, _ = parse_reverse_path(argument)
                return await self.suffer(moment, shown, str(sender or ""))
            if moment is Moment.RCPT:
                recipient, _ = parse_forward_path(argument)
                return await self._recipient(recipient, shown)
        except BadSyntax:
            return None
        return await self._at(moment, shown)

    async def _recipient(self, recipient: Address | None, shown: str) -> Status | None:
        sender = self.smtp.talk.open.sender
        named = [str(recipient or "postmaster")]
        status = await self.suffer(Moment.RCPT, shown, str(sender or ""), named)
        if status is None and recipient is not None:
            status = await self.desk.admit(sender, recipient)
            if status is not None:
                self.note(shown, str(status), by_fault=False)
        return status

    async def _at(self, moment: Moment, shown: str) -> Status | None:
        transaction = self.smtp.talk.transaction
        if transaction is None:
            return await self.suffer(moment, shown)
        recipients = [str(one) for one in transaction.recipients]
        return await self.suffer(moment, shown, str(transaction.sender or ""), recipients)

    async def _in_the_midst(self) -> None:
        if not self._midway and self.smtp.talk.transaction is not None:
            self._midway = True
            await self._at(Moment.MID_DATA, "the message, in its midst")

    async def _message(self, transaction: Transaction, event: EndOfData | EndOfChunk, flush: Flush) -> None:
        status = await self._at(Moment.MESSAGE, "the message")
        if status is not None:
            self._refuse_message(status)
            return
        raw = b"".join((*transaction.chunks, transaction.tail))
        sender, recipients = transaction.sender, tuple(map(str, transaction.recipients))
        await self._really(event, flush, "the message")
        said = _text(self.overheard.said[-1])
        if queued := _QUEUED.search(said):
            account = self.smtp.talk.account
            logged_in = account.address if account else ""
            now = self.desk.clock.now()
            self.desk.journal.add(Message(queued[1], str(sender or ""), recipients, raw, now, logged_in))

    def _refuse_message(self, status: Status) -> None:
        self._owed = None
        self.smtp.talk.reset()
        self.overheard.forget_chunks()
        self._refuse(status)

    def _refuse(self, status: Status) -> None:
        self.overheard.reply(Reply.of(status))
        self._answered = self.desk.clock.now()


def _text(said: Reply) -> str:
    return str(Status(said.code, said.enhanced, " ".join(said.lines)))
