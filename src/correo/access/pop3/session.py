"""One POP3 connection: which commands may come, and what they work on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

import structlog

from correo.access.pop3.ahead import ReadAhead
from correo.access.pop3.commands import BY_VERB, COMMANDS
from correo.access.pop3.commands.retr import answer_with
from correo.access.pop3.delays import Delays
from correo.access.pop3.languages import DEFAULT, translated, words
from correo.access.pop3.locks import Locks
from correo.access.pop3.maildrop import Maildrop, count_messages, open_maildrop
from correo.access.pop3.replies import LOGIN_DELAY, REPLIES, SHUT_OUT
from correo.access.pop3.state import State
from correo.accounts import Account, Client
from correo.accounts.login import Authentication, Challenge, Denied, LoggedIn, Logins, log_denied
from correo.accounts.presence import Visit, do_nothing
from correo.clock import Chance, Clock
from correo.mail.errors import Kind, Refused
from correo.mail.instant import SECOND
from correo.net import Flush, Peer, TlsInfo
from correo.net.limits import READING, Budget
from correo.storage.bus import Bus
from correo.storage.bus import account as account_topic
from correo.storage.db import Database
from correo.wire.pop3 import reply
from correo.wire.pop3.server import AuthResponse, Command, Eof, Event, Server, TooLong
from correo.wire.sasl import Channel

log = structlog.get_logger("pop3")

MAX_ERRORS = 20  # unknown or refused commands before we hang up: a person's client makes none
MAX_FAILED_LOGINS = 3  # on one connection; more is guessing
FEW = 500  # messages; a maildrop of more is read in a thread
MEMORY = 512 * 1024 * 1024  # octets of long messages that are being sent, over all connections


@dataclass(frozen=True, slots=True)
class Pop3Options:
    hostname: str
    starttls: bool  # STLS is offered: the listener has a certificate
    allow_plaintext: bool
    idle: float  # seconds
    login_time: float  # seconds
    login_delay: int = 0  # µs from one login of an account to the next, 0 = none
    keep_deleted: int = 0  # µs that a deleted message stays in the Trash, 0 = it goes at once
    language: str = DEFAULT  # of a client that asks for whichever we prefer


@dataclass(frozen=True, slots=True)
class Services:
    """What sessions share."""

    db: Database
    bus: Bus
    clock: Clock
    logins: Logins
    chance: Chance
    locks: Locks
    options: Pop3Options
    delays: Delays = field(default_factory=Delays)
    budget: Budget = field(default_factory=lambda: Budget(MEMORY))


class Pop3Session:
    """Answers the events of one core. Commands are rows of `commands.COMMANDS`; they return a reply and write nothing."""

    def __init__(
        self, services: Services, peer: Peer, tls: TlsInfo | None, wake: Callable[[], None] = do_nothing
    ) -> None:
        """`wake`: makes `woken` be called soon, as `Stream.wake` does."""
        self.core = Server()
        self.commands = COMMANDS
        self.services = services
        self.peer = peer
        self.tls = tls
        self.state = State.AUTHORIZATION
        self.user = ""  # what USER said, until PASS
        self.account: Account | None = None
        self.maildrop: Maildrop | None = None
        self.ahead = ReadAhead(services.db, lambda message: answer_with(message, utf8=self.utf8))
        self.utf8 = False  # RFC 6856 §2.1
        self.language = DEFAULT
        self._held = 0  # octets of the budget that the answer to one command has
        self._authentication: Authentication | None = None
        self._opened = services.clock.now()
        self._errors = 0
        self._failed_logins = 0
        self._visit = Visit(services.logins.presence, wake)

    # -- the contract of net.Session ---------------------------------------------------------------------------------

    @property
    def timeout(self) -> float:
        options = self.services.options
        if self.account is not None:
            return options.idle
        # One deadline for all that comes before login, or a stranger could stay by a NOOP now and then.
        return max(0.0, options.login_time - (self.services.clock.now() - self._opened) / SECOND)

    @property
    def logged_in(self) -> str:
        return self.account.address if self.account else ""

    async def greet(self) -> None:
        self.core.greet(f"{self.services.options.hostname} POP3 ready")

    async def handle(self, event: Event, flush: Flush) -> None:
        if isinstance(event, Eof):
            return
        if self._visit.over:  # without removing anything
            self.core.reply(translated(SHUT_OUT, self.language))
            return
        try:
            answer = translated(await self._answer(event), self.language)
            await self._say(answer, flush)
        finally:
            if self._held:
                self.services.budget.give(self._held)
                self._held = 0

    async def _say(self, answer: reply.Reply, flush: Flush) -> None:
        if isinstance(answer, reply.Lines) and len(answer.body) > reply.PIECE:
            for _ in self.core.reply_in_pieces(answer):
                await flush()
            return
        if isinstance(answer, reply.Err):
            self._errors += 1
            if self._errors >= MAX_ERRORS or self._failed_logins >= MAX_FAILED_LOGINS:
                answer = reply.Err(answer.text, answer.code, last=True)
        self.core.reply(answer)

    async def woken(self) -> None:
        """A maildrop does not change while it is open, but its owner may be shut out; a server says nothing that was not asked for."""
        if self._visit.over:
            self.core.close()

    def tls_started(self, tls: TlsInfo) -> None:
        self.tls = tls
        self.user = ""  # RFC 2595 §4: what was said in clear text is forgotten
        self.language = DEFAULT

    def timed_out(self) -> None:
        """RFC 1939 §3: without a word, and without removing anything."""
        self.core.close()

    def broken(self, incident: str) -> None:
        sorry = words("Internal error, reference", self.language)
        self.core.reply(reply.Err(f"{sorry} {incident}", "SYS/TEMP", last=True))

    def shutting_down(self, *, at_once: bool = False) -> None:
        parting = reply.Err("Server shutting down", "SYS/TEMP", last=True)
        self.core.reply(translated(parting, self.language))

    async def ended(self) -> None:
        self._visit.end()
        self.leave()

    # -- for the commands --------------------------------------------------------------------------------------------

    @property
    def channel(self) -> Channel:
        return self.services.logins.channel(self.tls, self.services.options.allow_plaintext)

    @property
    def client(self) -> Client:
        return Client("pop3", self.peer.address)

    @property
    def may_send_password(self) -> bool:
        return self.services.logins.takes_passwords(self.channel)

    @property
    def may_start_tls(self) -> bool:
        return self.services.options.starttls and self.tls is None

    @property
    def drop(self) -> Maildrop:
        assert self.maildrop is not None, "the table of commands lets no one here before login"
        return self.maildrop

    def authentication(self) -> Authentication:
        self._authentication = self.services.logins.authentication(self.channel, self.client)
        return self._authentication

    async def authenticated(self, step: Challenge | LoggedIn | Denied) -> reply.Reply:
        """The reply to one step of a SASL exchange."""
        match step:
            case Challenge(data=data):
                return reply.Challenge(data)
            case LoggedIn(account=account):
                return await self.log_in(account)
            case Denied():
                return self.denied(step)
        assert_never(step)

    async def log_in(self, account: Account) -> reply.Reply:
        """Open the maildrop; `account` has proved who he is."""
        services = self.services
        if not services.locks.acquire(account.id):
            return REPLIES[Kind.IN_USE]
        try:
            if not services.delays.enter(account.id, services.clock.now(), services.options.login_delay):
                services.locks.release(account.id)
                return LOGIN_DELAY
            many = await services.db.read(count_messages, account.id) > FEW
            read = services.db.scan if many else services.db.read
            self.maildrop = await read(open_maildrop, account.id)
        except BaseException:
            services.locks.release(account.id)
            raise
        self.account = account
        self.state = State.TRANSACTION
        self._visit.begin(account)
        log.info("login", account=account.address, address=self.peer.address, tls=str(self.tls or ""))
        return reply.Ok(f"Maildrop has {len(self.maildrop)} messages ({self.maildrop.size} octets)")

    def leave(self) -> None:
        """Close the maildrop: somebody else may open it."""
        if self.maildrop is not None and self.account is not None:
            self.services.locks.release(self.account.id)
            self.maildrop = None

    def denied(self, denied: Denied) -> reply.Err:
        if log_denied(denied, "pop3", self.peer.address):
            self._failed_logins += 1
        return REPLIES[denied.said]

    def hold(self, size: int) -> None:
        """Reserve memory for the answer to this command. Raises Refused(UNAVAILABLE)."""
        budget = self.services.budget
        size = budget.of_reader(size)
        if not budget.take(size, READING):
            raise Refused(Kind.UNAVAILABLE, "too many long messages are being sent")
        self._held += size

    def publish(self) -> None:
        """After the commit of a change to the maildrop's account."""
        if self.account is not None:
            self.services.bus.publish(account_topic(self.account.id))

    # ------------------------------------------------------------------------------------------------------------------

    async def _answer(self, event: Event) -> reply.Reply:
        try:
            match event:
                case Command(verb=verb, argument=argument):
                    return await self._run(verb, argument)
                case AuthResponse(data=data) if self._authentication is not None:
                    return await self.authenticated(await self._authentication.respond(data))
                case TooLong():
                    return reply.Err("Line too long")
                case _:
                    return reply.Err("Nothing was asked")
        except Refused as refused:
            if refused.kind in (Kind.UNAVAILABLE, Kind.BROKEN):
                log.error("refused", kind=refused.kind.name, detail=refused.detail, address=self.peer.address)
            return REPLIES[refused.kind]

    async def _run(self, verb: str, argument: str) -> reply.Reply:
        command = BY_VERB.get(verb)
        if not argument.isascii() and any("\udc80" <= char <= "\udcff" for char in argument):
            return reply.Err("Commands are UTF-8")  # RFC 6856 §2.2
        if command is None:
            return reply.Err("Unknown command")
        if self.state not in command.states:
            return reply.Err("Log in first" if self.account is None else "Not now: you are logged in")
        return await command.run(self, argument)
