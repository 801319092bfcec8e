"""One POP3 connection: which commands may come, and what they work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import structlog

from correo.access.pop3.commands import BY_VERB, COMMANDS
from correo.access.pop3.locks import Locks
from correo.access.pop3.maildrop import Maildrop, open_maildrop
from correo.access.pop3.replies import REPLIES
from correo.access.pop3.state import State
from correo.accounts import Account
from correo.accounts.login import Authentication, Challenge, Denied, LoggedIn, Logins
from correo.clock import Clock
from correo.mail.errors import Kind, Refused
from correo.mail.instant import SECOND
from correo.net import Flush, Peer, TlsInfo
from correo.storage.bus import Bus
from correo.storage.bus import account as account_topic
from correo.storage.db import Database
from correo.wire.pop3 import reply
from correo.wire.pop3.server import AuthResponse, Command, Eof, Event, Server, TooLong
from correo.wire.sasl import Channel

log = structlog.get_logger("pop3")

MAX_ERRORS = 20  # unknown or refused commands before we hang up: a person's client makes none
MAX_FAILED_LOGINS = 3  # on one connection; more is guessing


@dataclass(frozen=True, slots=True)
class Pop3Options:
    hostname: str
    starttls: bool  # STLS is offered: the listener has a certificate
    allow_plaintext: bool
    idle: float  # seconds
    login_time: float  # seconds


@dataclass(frozen=True, slots=True)
class Services:
    """What sessions share."""

    db: Database
    bus: Bus
    clock: Clock
    logins: Logins
    locks: Locks
    options: Pop3Options


class Pop3Session:
    """Answers the events of one core. Commands are rows of `commands.COMMANDS`; they return a reply and write nothing."""

    def __init__(self, services: Services, peer: Peer, tls: TlsInfo | None) -> None:
        self.core = Server()
        self.commands = COMMANDS
        self.services = services
        self.peer = peer
        self.tls = tls
        self.state = State.AUTHORIZATION
        self.user = ""  # what USER said, until PASS
        self.account: Account | None = None
        self.maildrop: Maildrop | None = None
        self._authentication: Authentication | None = None
        self._opened = services.clock.now()
        self._errors = 0
        self._failed_logins = 0

    # -- the contract of net.Session ---------------------------------------------------------------------------------

    @property
    def timeout(self) -> float:
        options = self.services.options
        if self.account is not None:
            return options.idle
        # One deadline for all that comes before login, or a stranger could stay by a NOOP now and then.
        return max(0.0, options.login_time - (self.services.clock.now() - self._opened) / SECOND)

    async def greet(self) -> None:
        self.core.greet(f"{self.services.options.hostname} POP3 ready")

    async def handle(self, event: Event, flush: Flush) -> None:
        if isinstance(event, Eof):
            return
        answer = await self._answer(event)
        if isinstance(answer, reply.Err):
            self._errors += 1
            if self._errors >= MAX_ERRORS or self._failed_logins >= MAX_FAILED_LOGINS:
                answer = reply.Err(answer.text, answer.code, last=True)
        self.core.reply(answer)

    async def woken(self) -> None:
        """Nothing: a maildrop does not change while it is open."""

    def tls_started(self, tls: TlsInfo) -> None:
        self.tls = tls
        self.user = ""  # RFC 2595 §4: what was said in clear text is forgotten

    def timed_out(self) -> None:
        """RFC 1939 §3: without a word, and without removing anything."""
        self.core.close()

    def broken(self, incident: str) -> None:
        self.core.reply(reply.Err(f"Internal error, reference {incident}", "SYS/TEMP", last=True))

    def shutting_down(self) -> None:
        self.core.reply(reply.Err("Server shutting down", "SYS/TEMP", last=True))

    async def ended(self) -> None:
        if self.maildrop is not None and self.account is not None:
            self.services.locks.release(self.account.id)
            self.maildrop = None

    # -- for the commands --------------------------------------------------------------------------------------------

    @property
    def channel(self) -> Channel:
        return self.services.logins.channel(self.tls, self.services.options.allow_plaintext)

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
        self._authentication = self.services.logins.authentication(self.channel)
        return self._authentication

    async def authenticated(self, step: Challenge | LoggedIn | Denied) -> reply.Reply:
        """The reply to one step of a SASL exchange."""
        match step:
            case Challenge(data=data):
                return reply.Challenge(data)
            case LoggedIn(account=account):
                return await self.log_in(account)
            case Denied(kind=kind):
                return self.denied(kind, "")
        assert_never(step)

    async def log_in(self, account: Account) -> reply.Reply:
        """Open the maildrop; `account` has proved who he is."""
        services = self.services
        if not services.locks.acquire(account.id):
            return REPLIES[Kind.IN_USE]
        try:
            self.maildrop = await services.db.read(open_maildrop, account.id)
        except BaseException:
            services.locks.release(account.id)
            raise
        self.account = account
        self.state = State.TRANSACTION
        log.info("login", account=account.address, address=self.peer.address, tls=str(self.tls or ""))
        count, size = len(self.maildrop.drops), sum(drop.size for drop in self.maildrop.drops)
        return reply.Ok(f"Maildrop has {count} messages ({size} octets)")

    def denied(self, kind: Kind, login: str) -> reply.Err:
        if kind in (Kind.BAD_CREDENTIALS, Kind.DISABLED):
            self._failed_logins += 1
            log.warning("authentication failed", protocol="pop3", address=self.peer.address, login=login)
        return REPLIES[kind]

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
        if command is None:
            return reply.Err("Unknown command")
        if self.state not in command.states:
            return reply.Err("Log in first" if self.account is None else "Not now: you are logged in")
        return await command.run(self, argument)
