"""What is known of one connection: who is there, what was said, and the mail transaction that is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from correo.accounts import Account, Authentication
from correo.accounts.presence import Visit, do_nothing
from correo.mail.address import Address
from correo.mail.envelope import SEVEN_BIT, Envelope
from correo.mail.terms import PLAIN, Terms
from correo.mail.wishes import Wishes
from correo.net import Peer, TlsInfo
from correo.net.limits import Budget
from correo.receive.options import Profile, ReceiveOptions, Services
from correo.wire.sasl import Channel
from correo.wire.smtp.xclient import UNKNOWN

SMALL = 1024  # octets of a piece that is kept together with others: BDAT may bring them one by one
PIECE = 64 * 1024  # octets of what is made of those


class Stage(Enum):
    """How far the client has come (RFC 5321 §4.1.4). The value says what comes next."""

    CONNECTED = "say who you are first"
    GREETED = "there is no mail transaction; give a sender first"
    SENDER = "there is a sender; give a recipient"
    RECIPIENTS = "there are sender and recipients; give the message"
    CHUNKS = "the message has begun; give its next chunk"


class Note(Enum):
    """What honest clients do not do. It is logged, and where the operator is strict the client is hung up on."""

    EARLY = "spoke before the greeting"  # RFC 5321 §4.3.1
    RUSHED = "sent commands ahead without knowing whether it may"  # RFC 2920 §3.1


@dataclass(slots=True)
class Transaction:
    """One mail transaction. `chunks` are charged to the budget until `clear`."""

    sender: Address | None
    body: str = SEVEN_BIT
    utf8: bool = False
    recipients: list[Address] = field(default_factory=list)  # one for each RCPT that was taken
    targets: int = 0  # to how many they lead, some perhaps more than once
    passing: bool = True  # all of them are elsewhere
    chunks: list[bytes] = field(default_factory=list)
    tail: bytearray = field(default_factory=bytearray)  # what came in very small pieces, not in `chunks` yet
    held: int = 0
    chunked: bool = False  # its text comes by BDAT (RFC 3030)
    starved: bool = False  # the budget was used up; what came was dropped
    ret: str = ""  # FULL or HDRS (RFC 3461 §4.3)
    envelope_id: str = ""  # in xtext (RFC 3461 §4.4)
    wishes: dict[str, Wishes] = field(default_factory=dict)  # by folded address, where something was said
    terms: Terms = PLAIN

    def add(self, data: bytes, budget: Budget) -> None:
        if self.starved:
            return
        if not budget.take(len(data)):
            self.clear(budget)
            self.starved = True
            return
        self.held += len(data)
        if len(data) < SMALL:
            self.tail += data
        if len(data) >= SMALL or len(self.tail) >= PIECE:
            self.gather()
            if len(data) >= SMALL:
                self.chunks.append(data)

    def gather(self) -> None:
        """All that came is in `chunks`."""
        if self.tail:
            self.chunks.append(bytes(self.tail))
            self.tail.clear()

    def clear(self, budget: Budget) -> None:
        budget.give(self.held)
        self.held = 0
        self.chunks.clear()
        self.tail.clear()

    @property
    def envelope(self) -> Envelope:
        """As it was said, but nobody twice."""
        once: dict[str, Address] = {}
        for address in self.recipients:
            once.setdefault(address.folded, address)
        return Envelope(
            self.sender,
            tuple(once.values()),
            self.body,
            self.utf8,
            self.ret,
            self.envelope_id,
            self.wishes,
            self.terms,
        )


class Conversation:
    """What commands and checks read, and commands change."""

    def __init__(
        self,
        options: ReceiveOptions,
        services: Services,
        peer: Peer,
        tls: TlsInfo | None = None,
        wake: Callable[[], None] = do_nothing,
    ) -> None:
        self.options = options
        self.limits = options.limits
        self.services = services
        self.peer = peer  # the client, or for whom it speaks
        self.front = peer  # who has connected
        self.tls = tls
        self.helo = ""  # what the client calls itself
        self.extended = False  # by EHLO or LHLO
        self.account: Account | None = None
        self.user = ""  # of this machine, who need not log in
        if options.local is not None and peer.uid >= 0:
            self.user = options.local.name(peer.uid)
        self.transaction: Transaction | None = None
        self.authentication: Authentication | None = None
        self.failed_logins = 0
        self.errors = 0
        self.idle_commands = 0  # since a message was taken
        self.notes: set[Note] = set()
        self.visit = Visit(services.logins.presence, wake)

    @property
    def profile(self) -> Profile:
        return self.options.profile

    @property
    def known(self) -> bool:
        """Whether it is one of ours, so that mail for anybody is taken."""
        return self.account is not None or self.user != ""

    @property
    def stage(self) -> Stage:
        if self.transaction is not None:
            if self.transaction.chunked:
                return Stage.CHUNKS
            return Stage.RECIPIENTS if self.transaction.recipients else Stage.SENDER
        return Stage.GREETED if self.helo else Stage.CONNECTED

    @property
    def open(self) -> Transaction:
        assert self.transaction is not None, "the table of commands lets no one here without MAIL"
        return self.transaction

    @property
    def channel(self) -> Channel:
        return self.services.logins.channel(self.tls, self.options.allow_plaintext)

    @property
    def may_send_password(self) -> bool:
        return self.services.logins.takes_passwords(self.channel)

    @property
    def answerable(self) -> str:
        """The address of which failures, and what is sent, are counted: of who is in front where he does not know his client's."""
        return self.front.address if self.peer.address == UNKNOWN else self.peer.address

    @property
    def may_ask_for_notices(self) -> bool:
        """Whether the parameters of RFC 3461 may be used."""
        return self.options.dsn or self.profile is not Profile.MX or self.known

    @property
    def may_start_tls(self) -> bool:
        return self.options.starttls and self.tls is None

    def log_in(self, account: Account) -> None:
        """`account` has proved who he is, or somebody vouches for him."""
        self.account = account
        self.visit.begin(account)

    def reset(self) -> None:
        """Give up the mail transaction (RFC 5321 §4.1.1.5)."""
        if self.transaction is not None:
            self.transaction.clear(self.services.budget)
            self.transaction = None

    def forget(self) -> None:
        """Before TLS: nothing that was said in clear text counts any more (RFC 3207 §4.2)."""
        self.reset()
        self.helo = ""
        self.extended = False
        self.account = self.authentication = None
        self.visit.end()
