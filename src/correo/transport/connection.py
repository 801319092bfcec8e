"""One SMTP connection to another server: dialled, greeted, protected, and used for one message after another."""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from correo.mail.address import Address
from correo.mail.outcome import Deferred, Delivered, Failed, Outcome
from correo.mail.protection import Protection
from correo.mail.status import Status
from correo.mail.wishes import NONE
from correo.net import Dialer, Stream, Woken
from correo.net.tap import UNWATCHED, Tap, Taps
from correo.transport import Outgoing
from correo.transport.hops import Hop, Login, Ourselves, Security
from correo.transport.policy import Failure
from correo.wire import NEED_DATA
from correo.wire.smtp.client import Client
from correo.wire.smtp.dialog import (
    BodyWanted,
    Done,
    Event,
    Greeted,
    Hello,
    LoggedIn,
    Lost,
    Refused,
    Result,
    Stage,
    TlsReady,
    Transaction,
)
from correo.wire.smtp.terms import DeliverBy

# Seconds. RFC 5321 §4.5.3.2 sets the least for each stage; what it does not name follows its neighbours.
CONNECT_SECONDS = 30.0  # the system's own limit is minutes, and there may be ten more addresses to try
HANDSHAKE_SECONDS = 60.0
PIECE_SECONDS = 180.0  # §4.5.3.2.5, a piece of the message
QUIT_SECONDS = 5.0  # the mail is safe: a server that does not say goodbye is not waited for
REPLY_SECONDS = {
    Stage.GREETING: 300.0,  # §4.5.3.2.1
    Stage.HELLO: 300.0,
    Stage.STARTTLS: 300.0,
    Stage.AUTH: 300.0,
    Stage.RESET: 300.0,
    Stage.MAIL: 300.0,  # §4.5.3.2.2
    Stage.RCPT: 300.0,  # §4.5.3.2.3
    Stage.DATA: 120.0,  # §4.5.3.2.4
    Stage.BODY: 600.0,  # §4.5.3.2.6
    Stage.QUIT: QUIT_SECONDS,
}

# For one transaction, which each of its stages may keep within its limit and yet make last for days: 50 MB at 7 KB/s.
TRANSACTION_SECONDS = 7_200.0

PIECE = 64 * 1024  # octets written at once

TOO_LATE = "no answer in time"


@dataclass(frozen=True, slots=True)
class Trouble:
    """No connection came about. `host` is set where the words in `status` are the server's own."""

    status: Status
    host: str = ""
    timed_out: bool = False  # the attempt cost a long wait
    unprotected: bool = False  # what was asked of TLS did not come about: with less, it may work
    failure: Failure | None = None  # how a report calls that
    ourselves: bool = False  # it was us who answered

    def outcome(self) -> Deferred | Failed:
        if self.status.permanent:
            return Failed(self.status, self.host)
        # Where TLS is the trouble, another message may have been allowed to go without.
        return Deferred(self.status, self.host, unreachable=not self.unprotected)


@dataclass(frozen=True, slots=True)
class Answer:
    outcome: Outcome
    final: bool  # no other host is to be tried


Opened: TypeAlias = "Connection | Trouble"


class Connection:
    """Open until `usable` is False; then `close` is all that is left."""

    def __init__(self, stream: Stream, hop: Hop, hostname: str, tap: Tap = UNWATCHED) -> None:
        self.hop = hop
        self._tap = tap
        self.messages = 0  # transactions begun
        self.policy = ""  # as `Delivered` has it
        self._security = Security(None)
        self._stream = stream
        self._client = Client(hostname, lmtp=hop.lmtp)
        self._latest = math.inf  # of the loop's time: when the transaction is given up
        self._domains: set[str] = set()  # of the recipients so far

    @property
    def usable(self) -> bool:
        return not self._client.closed

    @property
    def spent(self) -> bool:
        """Whether the server takes no further transaction on this connection (MAILMAX, RFC 9422 §4.1)."""
        return 0 < self._client.extensions.limit("MAILMAX") <= self.messages

    def admits(self, recipients: Sequence[Address]) -> int:
        """How many of `recipients`, from the first on, the next transaction may have (RFC 9422 §4); 0: none on this connection."""
        if self.spent:
            return 0
        limits = self._client.extensions
        most = limits.limit("RCPTMAX") or len(recipients)
        domains, most_domains = set(self._domains), limits.limit("RCPTDOMAINMAX")
        for count, address in enumerate(recipients[:most]):
            domains.add(address.host)
            if 0 < most_domains < len(domains):
                return count
        return min(most, len(recipients))

    @property
    def tls(self) -> str:
        return str(self._stream.tls) if self._stream.tls else ""

    async def send(self, message: Outgoing, recipients: Sequence[Address]) -> tuple[Answer, ...]:
        """One transaction; an answer for each recipient, in order. Raises what `message.content` raises; the connection is not usable then."""
        if refusal := self._cannot_take(message, recipients):
            return (Answer(refusal, final=True),) * len(recipients)
        self.messages += 1
        self._domains |= {address.host for address in recipients}
        self._latest = asyncio.get_running_loop().time() + TRANSACTION_SECONDS
        # A server without 8BITMIME gets 8-bit text as it is: nearly all of them pass it on unharmed, whereas
        # converting it (RFC 6152 §3) would break every signature over the body.
        self._client.send_mail(
            Transaction(
                message.sender,
                recipients,
                message.size,
                message.body,
                _international(message, recipients),
                [message.wishes.get(address.folded, NONE) for address in recipients],
                message.ret,
                message.envelope_id,
                message.terms.protection is Protection.REQUIRED and self._security.requiretls,
                _by(message),
                message.terms.priority,
            )
        )
        event = await self._next()
        if isinstance(event, BodyWanted):
            try:
                content = await message.content()
            except BaseException:
                self.abort()
                raise
            event = await self._send_content(content)
        assert isinstance(event, Done | Lost)
        reason = event.reason if isinstance(event, Lost) else ""
        return tuple(self._answer(result, reason) for result in _not_too_many(event.results))

    async def alive(self) -> bool:
        """Whether the server has said nothing since the last message: neither goodbye nor anything else."""
        try:
            data = await self._stream.read(0)
        except TimeoutError:
            return True
        except OSError:
            return False
        return isinstance(data, Woken)

    async def close(self) -> None:
        """Say goodbye and hang up."""
        if self.usable:
            self._client.send_quit()
            await self._next()
        self._tap.close()
        await self._stream.close()

    def abort(self) -> None:
        self._client.abandon("given up")
        self._tap.close()
        self._stream.abort()

    # -- opening -----------------------------------------------------------------------------------------------------

    async def _open(self, security: Security, ourselves: Ourselves) -> Trouble | None:
        """From the greeting to where the first message may begin."""
        self._security, self.policy = security, security.by
        itself = Trouble(Status(550, "5.4.6", f"{self.hop} is this server itself"), ourselves=True)
        if ourselves.reached(self._stream.local, self._stream.peer):
            return itself
        if security.implicit and (trouble := await self._handshake(security)):
            return trouble
        event = await self._next()
        if not isinstance(event, Greeted):
            return self._trouble(event)
        if event.name.removesuffix(".") in ourselves.names:
            return itself
        if trouble := await self._hello():
            return trouble
        if not security.implicit and (trouble := await self._protect(security)):
            return trouble
        if security.requiretls and "REQUIRETLS" not in self._client.extensions:  # RFC 8689 §4.2.1
            words = f"{self.hop} does not support REQUIRETLS"
            return Trouble(Status(550, "5.7.30", words), unprotected=True)
        return await self._log_in(security.login) if security.login else None

    async def _hello(self) -> Trouble | None:
        self._client.send_hello()
        event = await self._next()
        return None if isinstance(event, Hello) else self._trouble(event)

    async def _protect(self, security: Security) -> Trouble | None:
        """STARTTLS, if it is offered and wanted."""
        if security.context is None:
            return None
        if "STARTTLS" in self._client.extensions:
            self._client.send_starttls()
            event = await self._next()
            if isinstance(event, TlsReady):
                return await self._handshake(security) or await self._hello_again(security)
            if not isinstance(event, Refused):
                return _unsure(self._trouble(event))
        if security.required:
            return _unprotected(f"{self.hop} does not offer TLS", Failure.NOT_OFFERED, security)
        return None

    async def _hello_again(self, security: Security) -> Trouble | None:
        """With TLS 1.3 it is only now that a server can tell us that it does not want our handshake."""
        self._client.tls_started()
        trouble = await self._hello()
        return _unsure(trouble) if trouble else None

    async def _handshake(self, security: Security) -> Trouble | None:
        assert security.context is not None
        name = security.name or (self.hop.address if self.hop.name.startswith("[") else self.hop.name)
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await self._stream.start_tls(security.context, server_side=False, hostname=name)
        except (OSError, TimeoutError) as error:
            self._tap.note("TLS failed")
            return self._failed(_certificate_failure(error), security)
        self._tap.tls_started(self._stream.tls)
        shown = self._stream.tls.chain if self._stream.tls else ()
        if security.proof and (failure := security.proof(shown)):
            return self._failed(failure, security)
        return None

    def _failed(self, failure: Failure, security: Security) -> Trouble:
        self.abort()
        by_records = security.proof is not None and failure is Failure.NOT_TRUSTED
        why = _NOT_THE_ONE if by_records else _WHY.get(failure, "the handshake failed")
        return _unprotected(f"no TLS with {self.hop}: {why}", failure, security)

    async def _log_in(self, login: Login) -> Trouble | None:
        """A refusal is no fault of the message, so it is never final."""
        try:
            self._client.send_auth(login.user, login.password)
        except ValueError:
            return Trouble(Status(451, "4.7.8", f"{self.hop} offers no way to log in that is known here"))
        event = await self._next()
        if isinstance(event, LoggedIn):
            return None
        if isinstance(event, Refused):
            return Trouble(Status(454, "4.7.8", f"{self.hop} refused the login: {event.reply.status}"))
        return self._trouble(event)

    def _trouble(self, event: Event) -> Trouble:
        """What came instead of the event that was hoped for."""
        if isinstance(event, Refused):
            return Trouble(event.reply.status, str(self.hop))
        assert isinstance(event, Lost)
        if event.reply:
            return Trouble(event.reply.status, str(self.hop))
        stage = event.stage.value if event.stage else "anything"
        words = f"no answer to {stage} from {self.hop}: {event.reason}"
        return Trouble(Status(451, "4.4.2", words), timed_out=event.reason == TOO_LATE)

    # -- octets ------------------------------------------------------------------------------------------------------

    async def _next(self) -> Event:
        """Send what is to be sent; the next event. `Lost` stands for everything that can happen to a connection."""
        client, loop = self._client, asyncio.get_running_loop()
        heard, deadline = -1, 0.0
        try:
            output = client.take_output()
            if self._tap.on:
                self._tap.sent(output, begins=client.stage is not Stage.BODY)
            self._stream.write(output)
            await self._stream.drain(PIECE_SECONDS)
            while (event := client.next_event()) is NEED_DATA:
                if output := client.take_output():
                    if self._tap.on:
                        self._tap.sent(output, begins=False)
                    self._stream.write(output)
                if heard != client.heard:
                    # By reply, not by octet: a server that sends one letter a minute is as silent as any.
                    heard = client.heard
                    deadline = loop.time() + REPLY_SECONDS[client.stage or Stage.QUIT]
                    if client.stage is not Stage.BODY:  # there, giving up early means sending it twice
                        deadline = min(deadline, self._latest)
                data = await self._stream.read(max(0.0, deadline - loop.time()))
                if not isinstance(data, Woken):
                    if self._tap.on:
                        self._tap.received(data)
                    client.receive(data)
        except TimeoutError:
            event = client.abandon(TOO_LATE)
        except OSError:
            event = client.abandon("the connection broke off")
        return event

    async def _send_content(self, content: bytes) -> Event:
        client, stream, loop = self._client, self._stream, asyncio.get_running_loop()
        view = memoryview(content)
        client.begin_body(len(view))
        try:
            for start in range(0, max(1, len(view)), PIECE):
                client.send_body(bytes(view[start : start + PIECE]))
                if start + PIECE >= len(view):
                    client.end_body()  # with the last piece: what is short is one packet
                output = client.take_output()
                if self._tap.on:
                    self._tap.body(output, chunked="CHUNKING" in client.extensions)
                stream.write(output)
                await stream.drain(max(0.0, min(PIECE_SECONDS, self._latest - loop.time())))
        except TimeoutError:
            return client.abandon("it takes the message too slowly")
        except OSError:
            return await self._last_words()
        return await self._next()

    async def _last_words(self) -> Event:
        """The server hung up in the middle of the message: perhaps it has said why."""
        client = self._client
        while (event := client.next_event()) is NEED_DATA:
            try:
                data = await self._stream.read(QUIT_SECONDS)
            except (OSError, TimeoutError):
                return client.abandon("the connection broke off")
            if not isinstance(data, Woken):
                if self._tap.on:
                    self._tap.received(data)
                client.receive(data)
        return event

    # -- what it means -----------------------------------------------------------------------------------------------

    def _cannot_take(self, message: Outgoing, recipients: Sequence[Address]) -> Failed | None:
        """What the server has announced leaves no doubt: it need not be asked."""
        extensions = self._client.extensions
        if _international(message, recipients) and "SMTPUTF8" not in extensions:  # RFC 6531 §3.5
            return Failed(Status(550, "5.6.7", f"{self.hop} does not take internationalized mail"))
        if 0 < extensions.size < message.size:  # RFC 1870 §6.1
            words = (
                f"{self.hop} takes messages of at most {extensions.size} octets, this one has {message.size}"
            )
            return Failed(Status(552, "5.3.4", words))
        if message.terms.by_return and "DELIVERBY" not in extensions:  # RFC 2852 §4.1.3
            return Failed(Status(550, "5.3.3", f"{self.hop} does not promise to deliver in time"))
        if message.terms.by_return and message.seconds_left < max(1, extensions.min_by_time):
            return Failed(Status(550, "5.4.7", f"there is too little time left to deliver by {self.hop}"))
        return None

    def _answer(self, result: Result, reason: str) -> Answer:
        # Once the message has been sent, another host might be the second to get it (RFC 5321 §4.5.3.2.6).
        sent = result.stage is Stage.BODY
        if result.reply is None:
            words = f"no answer to {result.stage.value} from {self.hop}: {reason}"
            return Answer(Deferred(Status(451, "4.4.2", words)), final=sent)
        status, host = result.reply.status, str(self.hop)
        if status.ok:
            dsn, by = "DSN" in self._client.extensions, "DELIVERBY" in self._client.extensions
            return Answer(Delivered(status, host, self.tls, self.policy, dsn, by), final=True)
        if status.permanent:
            return Answer(Failed(status, host), final=True)
        return Answer(Deferred(status, host), final=sent)


def _not_too_many(results: Sequence[Result]) -> list[Result]:
    """RFC 5321 §4.5.3.1.10: where others were taken, a 552 that says no more means "too many recipients", hence "later"."""
    taken = any(result.stage in (Stage.DATA, Stage.BODY) for result in results)
    return [
        replace(result, reply=replace(result.reply, code=452))
        if taken and result.stage is Stage.RCPT and result.reply and _is_too_many(result.reply.status)
        else result
        for result in results
    ]


def _is_too_many(status: Status) -> bool:
    return status.code == 552 and status.enhanced in ("", "5.5.3")


# Codes of OpenSSL's verification (openssl-verification-options(1)) that are told apart; the rest is no trust.
_VERIFICATION = {9: Failure.EXPIRED, 10: Failure.EXPIRED, 62: Failure.OTHER_NAME, 64: Failure.OTHER_NAME}
_WHY = {
    Failure.EXPIRED: "its certificate is not valid at present",
    Failure.OTHER_NAME: "its certificate is for another name",
    Failure.NOT_TRUSTED: "its certificate is not from an authority that is trusted",
}
# By TLSA records no authority has to be trusted, so that nobody should look for one.
_NOT_THE_ONE = "its certificate is not the one that its TLSA records name"


def _certificate_failure(error: Exception) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFICATION.get(error.verify_code, Failure.NOT_TRUSTED)
    return Failure.ANY


def _unprotected(words: str, failure: Failure, security: Security) -> Trouble:
    """What is configured or published may be mended; who asks for REQUIRETLS is told at once (RFC 8689 §4.2.1)."""
    if security.by:
        words += f" (wanted: {security.by})"
    elif security.required:
        words += ", which is required"
    status = Status(550, "5.7.10", words) if security.requiretls else Status(451, "4.7.5", words)
    return Trouble(status, unprotected=True, failure=failure)


def _unsure(trouble: Trouble) -> Trouble:
    """What stands between us and a server that said nothing may be TLS."""
    return replace(trouble, unprotected=True, failure=Failure.ANY) if not trouble.host else trouble


def _by(message: Outgoing) -> DeliverBy | None:
    terms = message.terms
    return DeliverBy(message.seconds_left, terms.by_return, terms.by_trace) if terms.deliver_by else None


def _international(message: Outgoing, recipients: Sequence[Address]) -> bool:
    if message.utf8 or (message.sender and not message.sender.ascii):
        return True
    return not all(address.ascii for address in recipients)


async def open_connection(
    dialer: Dialer,
    hop: Hop,
    *,
    hostname: str,
    ourselves: Ourselves,
    security: Security,
    taps: Taps | None = None,
) -> Opened:
    """Ready for the first message, or the trouble there was."""
    try:
        stream = await dialer.connect(hop.address, hop.port, CONNECT_SECONDS)
    except TimeoutError:
        words = f"no connection to {hop}: no answer in {CONNECT_SECONDS:.0f} seconds"
        return Trouble(Status(451, "4.4.1", words), timed_out=True)
    except ConnectionRefusedError:
        return Trouble(Status(451, "4.4.1", f"no connection to {hop}: refused"))
    except OSError:
        return Trouble(Status(451, "4.4.1", f"no connection to {hop}: the network does not lead there"))
    tap = UNWATCHED if taps is None else taps.outgoing(hop.name, stream.peer)
    connection = Connection(stream, hop, hostname, tap)
    try:
        trouble = await connection._open(security, ourselves)
    except BaseException:
        connection.abort()
        raise
    if trouble is None:
        return connection
    await connection.close()
    return trouble
