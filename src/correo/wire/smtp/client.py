"""SMTP as a client speaks it (RFC 5321), with PIPELINING (RFC 2920), SIZE (1870), 8BITMIME (6152), SMTPUTF8 (6531),
STARTTLS (3207), enhanced codes (2034), DSN (3461), CHUNKING (3030), DELIVERBY (2852), MT-PRIORITY (6710), LIMITS (9422) and
AUTH PLAIN and LOGIN (4954).

In: the server's octets (`receive`), and what to do next (`send_...`), which may be called when nothing is outstanding.
Out: octets (`take_output`) and events (`next_event`): one for each `send_...`, or `Lost`, after which there is nothing more.

The server is not believed: replies nobody asked for, replies that are none, a 354 where every recipient was refused, 421 and
the end of the stream at any place all lead to a result for each recipient, and never to one that says more than was answered.
"""

from __future__ import annotations

import base64
import re
from collections import deque
from collections.abc import Iterator

from correo.mail.address import Address
from correo.mail.wishes import NONE, Notify
from correo.wire import NEED_DATA
from correo.wire.smtp.dialog import (
    BodyWanted,
    Bye,
    Done,
    Event,
    Extensions,
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
from correo.wire.smtp.dsn import in_ascii, notify_words
from correo.wire.smtp.reply import NotSmtp, Reply, ReplyReader
from correo.wire.smtp.stuffing import Stuffer
from correo.wire.smtp.terms import by_words

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Client:
    """One connection, from the server's greeting to the end. `hostname` is what we call ourselves."""

    def __init__(self, hostname: str, *, lmtp: bool = False) -> None:
        """`lmtp`: the server answers for each recipient after the message (RFC 2033)."""
        self.extensions = Extensions()
        self.closed = False
        self.heard = 0  # replies so far: a reply is what a timeout waits for
        self._hostname = hostname
        self._lmtp = lmtp
        self._reader = ReplyReader()
        self._output: list[bytes] = []
        self._outstanding: deque[Stage] = deque([Stage.GREETING])
        self._planned: deque[tuple[Stage, bytes]] = deque()  # what waits for a reply because of no PIPELINING
        self._ended = False  # the server's side of the stream
        self._handshaking = False
        self._fallback = False  # EHLO was refused, HELO is tried
        self._secrets: deque[bytes] = deque()  # what AUTH will answer to the next challenges
        self._results: list[Result | None] = []  # None: accepted so far
        self._answered = 0  # RCPT commands
        self._refused = False  # MAIL was
        self._begun = False  # the server may hold a transaction that needs RSET
        self._stuffer: Stuffer | None = None  # while the message is sent by DATA
        self._chunking = False  # it is sent by BDAT
        self._hasty = False  # the server answered before it was asked

    @property
    def stage(self) -> Stage | None:
        """What the next reply answers; None when nothing is outstanding."""
        return self._outstanding[0] if self._outstanding else None

    def receive(self, data: bytes) -> None:
        if not data:
            self._ended = True
        elif not self._handshaking and not self.closed:
            self._reader.feed(data)

    def take_output(self) -> bytes:
        output = b"".join(self._output)
        self._output.clear()
        return output

    def next_event(self) -> Event:
        if self._handshaking and self._ended:
            return self._lost("the connection was closed")
        if self._hasty:
            return self._lost("the server speaks out of turn")
        while not self.closed and not self._handshaking:
            reply = self._reader.next()
            if reply is None:
                if self._ended and self.stage is Stage.QUIT:
                    return self._bye()
                return self._lost("the connection was closed") if self._ended else NEED_DATA
            if isinstance(reply, NotSmtp):
                return self._lost(reply.reason)
            self.heard += 1
            if not self._outstanding:
                return self._unasked(reply)
            if reply.code == 421 and self.stage is not Stage.QUIT:
                # RFC 5321 §3.8: the server closes, whatever it is that this answers.
                return self._lost("the server is closing", reply)
            event = self._take(self._outstanding.popleft(), reply)
            if event is not None:
                return event
        return NEED_DATA

    def abandon(self, reason: str) -> Lost:
        """Nothing more will come, for a reason that only the network knows."""
        return self._lost(reason)

    # -- what to do next ---------------------------------------------------------------------------------------------

    def send_hello(self) -> None:
        self._fallback = False
        self._send(Stage.HELLO, f"{'LHLO' if self._lmtp else 'EHLO'} {self._hostname}")

    def send_starttls(self) -> None:
        self._send(Stage.STARTTLS, "STARTTLS")

    def tls_started(self) -> None:
        """What was learnt before is forgotten (RFC 3207 §4.2): say hello again."""
        self._handshaking = False
        self._reader.clear()
        self.extensions = Extensions()

    def send_auth(self, user: str, password: str) -> None:
        """Raises ValueError when the server offers neither PLAIN nor LOGIN."""
        name, secret = user.encode(), password.encode()
        offered = self.extensions.mechanisms
        if "PLAIN" in offered:
            initial = base64.b64encode(b"\0" + name + b"\0" + secret).decode()
            self._secrets = deque()
            self._send(Stage.AUTH, f"AUTH PLAIN {initial}")
        elif "LOGIN" in offered:
            self._secrets = deque((base64.b64encode(name), base64.b64encode(secret)))
            self._send(Stage.AUTH, "AUTH LOGIN")
        else:
            raise ValueError("the server offers no mechanism that can be used")

    def send_mail(self, transaction: Transaction) -> None:
        """Begin a transaction; what is left of the one before is reset first.

        Raises ValueError for an address that cannot be written.
        """
        commands = [(Stage.MAIL, self._mail(transaction))]
        commands += [(Stage.RCPT, command) for command in self._recipients(transaction)]
        if "CHUNKING" not in self.extensions:
            commands.append((Stage.DATA, "DATA"))
        if self._begun:
            commands.insert(0, (Stage.RESET, "RSET"))
        self._results = [None] * len(transaction.recipients)
        self._answered = 0
        self._refused = False
        self._planned.extend((stage, line.encode() + b"\r\n") for stage, line in commands)
        self._advance()

    def begin_body(self, size: int) -> None:
        """After `BodyWanted`: so many octets follow."""
        if self._chunking:
            self._output.append(b"BDAT %d LAST\r\n" % size)

    def send_body(self, piece: bytes) -> None:
        """The next octets of the message, as they are stored."""
        self._output.append(self._stuffer.encode(piece) if self._stuffer else piece)

    def end_body(self) -> None:
        if self._stuffer:
            self._output.append(self._stuffer.finish())
        self._stuffer = None
        self._chunking = False
        answers = sum(result is None for result in self._results) if self._lmtp else 1  # RFC 2033 §4.2, §4.3
        self._outstanding.extend([Stage.BODY] * answers)

    def send_quit(self) -> None:
        self._send(Stage.QUIT, "QUIT")

    # -- replies -----------------------------------------------------------------------------------------------------

    def _take(self, stage: Stage, reply: Reply) -> Event | None:
        """The reply to `stage`; None if there is nothing to tell yet."""
        match stage:
            case Stage.QUIT:
                return self._bye()
            case Stage.HELLO:
                return self._hello(reply)
            case Stage.AUTH:
                return self._auth(reply)
            case Stage.RESET:
                self._reset()
                return None
            case Stage.MAIL:
                return self._mailed(reply)
            case Stage.RCPT:
                return self._recipient(reply)
            case Stage.DATA:
                return self._data(reply)
            case Stage.BODY:
                return self._body(reply)
        if reply.first_digit == 3:
            return self._nonsense(stage, reply)
        if reply.first_digit != 2:
            return Refused(stage, reply)
        if stage is Stage.GREETING:
            return Greeted(reply)
        # What came after the 220 was sent in clear text, by whomever (RFC 3207 §6).
        self._reader.clear()
        self._handshaking = True
        return TlsReady()

    def _hello(self, reply: Reply) -> Event | None:
        if reply.first_digit == 3:
            return self._nonsense(Stage.HELLO, reply)
        if reply.first_digit == 2:
            self.extensions = Extensions() if self._fallback else Extensions.of(reply)
            return Hello(self.extensions)
        if reply.first_digit == 5 and not self._fallback and not self._lmtp:  # RFC 5321 §3.2
            self._fallback = True
            self._send(Stage.HELLO, f"HELO {self._hostname}")
            return None
        return Refused(Stage.HELLO, reply)

    def _auth(self, reply: Reply) -> Event | None:
        if reply.first_digit == 2:
            return LoggedIn()
        if reply.first_digit != 3:
            return Refused(Stage.AUTH, reply)
        if reply.code != 334:
            return self._nonsense(Stage.AUTH, reply)
        # A challenge more than the mechanism has is cancelled (RFC 4954 §4), which the server then refuses.
        answer = self._secrets.popleft() if self._secrets else b"*"
        self._output.append(answer + b"\r\n")
        self._outstanding.append(Stage.AUTH)
        return None

    def _reset(self) -> None:
        self._begun = False
        self._advance()

    def _mailed(self, reply: Reply) -> Event | None:
        if reply.first_digit == 3:
            return self._nonsense(Stage.MAIL, reply)
        if reply.first_digit == 2:
            self._begun = True
            self._advance()
            return None
        self._refused = True
        self._decide(Stage.MAIL, reply)
        self._planned.clear()
        return None if self._outstanding else self._done()

    def _recipient(self, reply: Reply) -> Event | None:
        if reply.first_digit == 3:
            return self._nonsense(Stage.RCPT, reply)
        if reply.first_digit != 2 and not self._refused:
            self._results[self._answered] = Result(Stage.RCPT, reply)
        self._answered += 1
        if [stage for stage, _ in self._planned] == [Stage.DATA] and not self._accepted:
            self._planned.clear()  # only DATA is left, and it would be for nobody
            return self._done()
        self._advance()
        if self._answered == len(self._results) and "CHUNKING" in self.extensions:
            return self._chunk()
        return None

    def _chunk(self) -> Event:
        """All recipients are answered, and nothing is outstanding: the message may follow (RFC 3030 §2)."""
        if not self._accepted:
            return self._done()
        if self._reader:
            self._decide(Stage.DATA, None)
            return self._lost("the server answers before it was asked")
        self._chunking = True
        return BodyWanted()

    def _data(self, reply: Reply) -> Event | None:
        if reply.first_digit == 2:
            return self._nonsense(Stage.DATA, reply)
        if reply.first_digit != 3:
            self._decide(Stage.DATA, reply)
            return self._done()
        if (
            not self._accepted and self._lmtp
        ):  # RFC 2033 §4.2: it must be refused, for there would be no answer
            return self._nonsense(Stage.DATA, reply)
        if not self._accepted:
            # RFC 2920 §3.1: a server may answer 354 although it refused everybody; end the message that nobody gets.
            self._output.append(Stuffer().finish())
            self._outstanding.append(Stage.BODY)
            return None
        if self._reader:
            self._decide(Stage.DATA, None)
            return self._lost("the server answers before it was asked")
        self._stuffer = Stuffer()
        return BodyWanted()

    def _body(self, reply: Reply) -> Event | None:
        if reply.first_digit == 3:
            return self._nonsense(Stage.BODY, reply)
        if self._lmtp:
            return self._body_of_one(reply)
        self._begun = "CHUNKING" in self.extensions and reply.first_digit != 2  # RFC 3030 §2
        self._decide(Stage.BODY, reply)
        return self._done()

    def _body_of_one(self, reply: Reply) -> Event | None:
        """The answer for the first recipient that has none; they come in the order of the RCPT commands (RFC 2033 §4.2)."""
        self._begun = "CHUNKING" in self.extensions
        self._results[self._results.index(None)] = Result(Stage.BODY, reply)
        return None if self._outstanding else self._done()

    def _unasked(self, reply: Reply) -> Event:
        """A reply to nothing: a server that goes away, gives up in the middle of a message, or lies."""
        if (self._stuffer or self._chunking) and reply.first_digit in (4, 5):
            self._decide(Stage.BODY, reply)
        return self._lost("the server speaks out of turn", reply if reply.first_digit in (4, 5) else None)

    # -- the parts they share ----------------------------------------------------------------------------------------

    @property
    def _accepted(self) -> bool:
        """Whether any recipient is accepted so far."""
        return any(result is None for result in self._results[: self._answered])

    def _decide(self, stage: Stage, reply: Reply | None) -> None:
        """What is undecided is decided by `reply`."""
        self._results = [result or Result(stage, reply) for result in self._results]

    def _done(self) -> Done:
        results = tuple(result for result in self._results if result is not None)
        self._results = []
        return Done(results)

    def _nonsense(self, stage: Stage, reply: Reply) -> Lost:
        self._outstanding.appendleft(stage)
        return self._lost(f"{reply.code} is no answer to {stage.value}")

    def _lost(self, reason: str, reply: Reply | None = None) -> Lost:
        stage = self.stage
        where = Stage.BODY if self._stuffer or self._chunking else stage or Stage.MAIL
        self._decide(where, reply)
        results = self._done().results
        self.closed = True
        self._handshaking = self._hasty = False
        self._outstanding.clear()
        self._planned.clear()
        self._stuffer = None
        self._chunking = False
        return Lost(stage, reason, reply, results)

    def _bye(self) -> Bye:
        self.closed = True
        self._outstanding.clear()
        return Bye()

    def _send(self, stage: Stage, line: str) -> None:
        self._planned.append((stage, line.encode() + b"\r\n"))
        self._advance()

    def _advance(self) -> None:
        """Send what is planned: all of it with PIPELINING, else the next command once nothing is outstanding."""
        if self._planned and not self._outstanding and self._reader:
            # Taken for the answer to what is sent now, it would move all answers on by one: that to the last recipient
            # would be the one to the message, which BDAT sends without a 354 in between.
            self._hasty = True
            self._planned.clear()
        pipelining = "PIPELINING" in self.extensions
        while self._planned and (pipelining or not self._outstanding):
            stage, line = self._planned.popleft()
            self._outstanding.append(stage)
            self._output.append(line)

    def _mail(self, transaction: Transaction) -> str:
        utf8 = transaction.utf8 and "SMTPUTF8" in self.extensions
        words = [f"MAIL FROM:{_path(transaction.sender, utf8) if transaction.sender else '<>'}"]
        if "SIZE" in self.extensions:
            words.append(f"SIZE={transaction.size}")
        if transaction.body == "8BITMIME" and "8BITMIME" in self.extensions:
            words.append("BODY=8BITMIME")
        if utf8:
            words.append("SMTPUTF8")
        if transaction.requiretls and "REQUIRETLS" in self.extensions:  # RFC 8689 §2
            words.append("REQUIRETLS")
        if "DSN" in self.extensions:  # RFC 3461 §5.2.1: what was said is handed on, what was not is not
            if transaction.ret and transaction.sender:
                words.append(f"RET={transaction.ret}")
            if transaction.envelope_id:
                words.append(f"ENVID={transaction.envelope_id}")
        if transaction.by and "DELIVERBY" in self.extensions:
            words.append(f"BY={by_words(transaction.by)}")
        if transaction.priority and "MT-PRIORITY" in self.extensions:
            words.append(f"MT-PRIORITY={transaction.priority}")
        return " ".join(words)

    def _recipients(self, transaction: Transaction) -> Iterator[str]:
        utf8 = transaction.utf8 and "SMTPUTF8" in self.extensions
        for number, address in enumerate(transaction.recipients):
            command = f"RCPT TO:{_path(address, utf8)}"
            if "DSN" in self.extensions:
                wishes = transaction.wishes[number] if transaction.wishes else NONE
                # RFC 3461 §6.1: of a notice nobody is told anything.
                notify = wishes.notify if transaction.sender else Notify.NEVER
                if notify is not None:
                    command += f" NOTIFY={notify_words(notify)}"
                if wishes.original:
                    command += f" ORCPT={wishes.original if utf8 else in_ascii(wishes.original)}"
            yield command


def _path(address: Address, utf8: bool) -> str:
    """Without SMTPUTF8 the domain goes in A-labels (RFC 6531 §3.2). Raises ValueError if that is not enough."""
    if not utf8 and not address.domain.isascii():
        address = Address(address.local, address.host, address.folded)
    path = f"<{address}>"
    if _CONTROL.search(path) or (not utf8 and not path.isascii()):
        raise ValueError(
            "the address cannot be written" if utf8 else "the address cannot be written without SMTPUTF8"
        )
    return path
