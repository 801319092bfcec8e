"""One IMAP connection: which commands may come, who answers them, and what else the client is told meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import structlog

from correo.access.imap import condstore, revisions, sync
from correo.access.imap.commands import BY_NAME, announced
from correo.access.imap.commands.row import SELECTED, Command
from correo.access.imap.core import Core
from correo.access.imap.listening import Listening
from correo.access.imap.news import gathered
from correo.access.imap.options import Services
from correo.access.imap.own import Own
from correo.access.imap.progress import MANY, Progress
from correo.access.imap.replies import REPLIES
from correo.access.imap.responses import PIECE, BeginTls, Completion, Continue, Responses, Status, bad, no
from correo.access.imap.room import room_to_read
from correo.access.imap.selected import Selected
from correo.access.imap.state import State
from correo.access.imap.unsent import Unsent
from correo.access.imap.view import BadNumber
from correo.access.imap.watching import Watch
from correo.accounts import Account, Client
from correo.accounts.login import Denied, log_denied
from correo.accounts.presence import Visit
from correo.mail.errors import Kind, Refused
from correo.mail.instant import SECOND
from correo.net import Flush, Peer, TlsInfo
from correo.storage.bus import account as account_topic
from correo.storage.db import Op, P, T
from correo.wire.imap import encode, framing
from correo.wire.imap.grammar import SyntaxFault
from correo.wire.sasl import Channel

log = structlog.get_logger("imap")

SHUT_OUT = "The account was closed or has another password"
MAX_ERRORS = 20  # BADs in a row before we hang up: a person's client makes none
MAX_FAILED_LOGINS = 3  # on one connection; more is guessing
STRANGERS_LITERALS = 8 * 1024  # octets of literals in one command before login: a name and a password
IDLE_SECONDS = 30 * 60  # RFC 2177 §3: a client says IDLE again at least every 29 minutes
STILL_HERE_SECONDS = (
    120  # routers between us and a client that idles forget connections that are silent for long
)
ROOM = 16 * 1024  # octets that a piece may want to be full: to wait for more would be to copy it
AT_ONCE = 4  # messages of the greatest length, or more that are shorter, in one APPEND (RFC 3502)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A command that waits for the client's next line."""

    tag: str
    row: Command[Any]
    step: Continue
    since: int


class ImapSession:
    """Answers the events of one core. Commands are rows of `commands.COMMANDS`; they return responses and write nothing."""

    def __init__(self, services: Services, peer: Peer, tls: TlsInfo | None, wake: Callable[[], None]) -> None:
        """`wake`: makes `woken` be called soon, as `Stream.wake` does."""
        self.core = Core(
            literal_limit=self._literal_limit, longest_literal=self._longest_literal, reserve=self.reserve
        )
        self.services = services
        self.peer = peer
        self.tls = tls
        self.account: Account | None = None
        self._selected: Selected | None = None
        self.tag = ""  # of the command that is being carried out
        self.introduced = False  # ID has told who the client is
        self.enabled: set[str] = set()  # extensions that change what the client is told (RFC 5161)
        self.watch: Watch | None = None  # what NOTIFY has asked for, once it was said (RFC 5465)
        self.own: Own | None = None  # where that is needed, which changes are the client's own
        self.unsent = Unsent()
        self.wake = wake
        self.progress = Progress(services.clock, self.core.send)
        self.listening = Listening(services.bus, self._stirred)
        self._dialogue: Dialogue | None = None
        self._opened = services.clock.now()
        self._reserved = 0  # octets of the budget that the literals of one command have
        self._unsent = 0  # octets given to the core since it was emptied last, as far as we know
        self._errors = 0
        self._failed_logins = 0
        self._visit = Visit(services.logins.presence, wake)

    # -- the contract of net.Session ---------------------------------------------------------------------------------

    @property
    def timeout(self) -> float:
        options = self.services.options
        if self.account is None:
            return max(0.0, options.login_time - self._stranger_for)
        return STILL_HERE_SECONDS if self.idling else options.idle

    @property
    def logged_in(self) -> str:
        return self.account.address if self.account else ""

    async def greet(self) -> None:
        words = f"{self.services.options.hostname} IMAP4rev1 ready"
        self.core.send(encode.ok(encode.UNTAGGED, words, self.capability_code()))

    async def handle(self, event: framing.Event, flush: Flush) -> None:
        if self.account is None and self._stranger_for > self.services.options.login_time:
            self.timed_out()  # although there was always something to do
            return
        if self._visit.over:
            self._bye(SHUT_OUT)
            return
        match event:
            case framing.Command():
                await self._command(event, flush)
            case framing.Line(octets=line):
                await self._line(line, flush)
            case framing.Refused(tag=tag, reason=reason, code=code):
                self._give_back()
                self.core.send(encode.no(tag, reason, code))
                self._count_error()
            case framing.BadLine(tag=tag, reason=reason):
                self._give_back()
                self.core.send(encode.bad(tag or encode.UNTAGGED, reason))
                self._count_error()
            case framing.Fatal(reason=reason):
                self.core.send(encode.bye(reason))
            case framing.Eof():
                pass

    async def woken(self) -> None:
        """Somebody changed the account: tell a client that idles or watches; else the end of its next command is early enough."""
        if self._visit.over:
            self._bye(SHUT_OUT)
            return
        if self.idling or self.watch is not None:
            await self.unsent.keep(self)
            news = await gathered(
                self, expunges=self.idling or (self.watch is not None and self.watch.immediate)
            )
            for told in news:
                self.core.send(told)
            heard = self.watch is None or (news and self.watch.interest.messages)
            if heard and (code := self._highest()):
                self.core.send(encode.ok(encode.UNTAGGED, "The highest of all", code))
            self._end_if_vanished()

    def tls_started(self, tls: TlsInfo) -> None:
        self.tls = tls

    def timed_out(self) -> None:
        waiting = self._dialogue
        if waiting and waiting.step.idle and self.now() - waiting.since < IDLE_SECONDS * SECOND:
            self.core.send(encode.ok(encode.UNTAGGED, "Still here"))
            return
        self._bye("Logged out, there was nothing to do")

    def broken(self, incident: str) -> None:
        self._bye(f"Internal error, reference {incident}", "SERVERBUG")

    def shutting_down(self, *, at_once: bool = False) -> None:
        self._bye("Server shutting down")

    async def ended(self) -> None:
        before, self.selected = self.selected, None
        self.unsent.end()
        self.listening.stop()
        self._visit.end()
        self._give_back()
        if before is not None:
            await before.recency.settled()  # so that nothing goes on that nobody waits for

    # -- for the commands --------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        if self.account is None:
            return State.NOT_AUTHENTICATED
        return State.AUTHENTICATED if self.selected is None else State.SELECTED

    @property
    def owner(self) -> Account:
        assert self.account is not None, "the table of commands lets no one here before login"
        return self.account

    @property
    def selected(self) -> Selected | None:
        return self._selected

    @selected.setter
    def selected(self, selected: Selected | None) -> None:
        self._selected = selected
        self.listening.to("selected", [account_topic(selected.access.account_id)] if selected else ())

    async def leave(self) -> None:
        """No mailbox is open; what was recent in the one before is to no session that opens it from now on."""
        before, self.selected = self.selected, None
        if before is not None:
            await before.recency.settled()

    @property
    def mailbox(self) -> Selected:
        assert self.selected is not None, "the table of commands lets no one here without a mailbox"
        return self.selected

    @property
    def idling(self) -> bool:
        return self._dialogue is not None and self._dialogue.step.idle

    @property
    def channel(self) -> Channel:
        return self.services.logins.channel(self.tls, self.services.options.allow_plaintext)

    @property
    def client(self) -> Client:
        return Client("imap", self.peer.address)

    @property
    def may_send_password(self) -> bool:
        return self.services.logins.takes_passwords(self.channel)

    @property
    def may_start_tls(self) -> bool:
        return self.services.options.starttls and self.tls is None and self.account is None

    def capabilities(self) -> list[str]:
        """What the rows of the table add, in their order."""
        return ["IMAP4rev1", revisions.REV2, "LITERAL+", *dict.fromkeys(announced(self))]

    def capability_code(self) -> str:
        return "CAPABILITY " + " ".join(self.capabilities())

    def log_in(self, account: Account) -> None:
        """`account` has proved who he is."""
        self.account = account
        self.listening.to("account", [account_topic(account.id)])
        self._visit.begin(account)
        log.info("login", account=account.address, address=self.peer.address, tls=str(self.tls or ""))

    def log_out(self) -> None:
        """Everything is as it was before login, but TLS, what ID has told, and how many logins failed (RFC 8437 §3, §4.1).

        What a command keeps for later belongs in `selected` or `enabled`, or must be forgotten here.
        """
        assert self.account is not None, "the table of commands lets no one here before login"
        log.info("logout", account=self.account.address, address=self.peer.address)
        self.account = self.selected = self.watch = self.own = None
        self.unsent.end()
        self.unsent = Unsent()
        self.listening.stop()
        self._visit.end()
        revisions.forget(self)
        self._opened = self.now()  # the time to log in begins anew

    def denied(self, denied: Denied) -> Completion:
        if log_denied(denied, "imap", self.peer.address):
            self._failed_logins += 1
        return REPLIES[denied.said]

    def now(self) -> int:
        return self.services.clock.now()

    def reserve(self, size: int) -> bool:
        """Whether there is memory for `size` octets more; it is given back when the command is answered."""
        taken = self.services.budget.take(size)
        self._reserved += size if taken else 0
        return taken

    async def hold(self, size: int) -> int:
        """Wait for memory for a message that is sent; how much to `release` then. Raises Refused(UNAVAILABLE)."""
        size = await room_to_read(self.services.budget, size)
        self._reserved += size
        return size

    def release(self, size: int) -> None:
        """Before the command is answered, for the next message of many."""
        self.services.budget.give(size)
        self._reserved -= size

    async def write(self, count: int, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Change mailboxes, touching about `count` messages, and tell whoever listens to the account, or to the mailbox's.

        A command that changes mailboxes of a third account tells those with `tell`.
        """
        db = self.services.db
        write = db.write if count <= MANY else db.bulk
        own = self.own
        work = write(op, *args, **kwargs) if own is None else own.write(self, write, op, args, kwargs)
        result = await (work if count <= MANY else self.progress.through(work))
        self.tell(self.owner.id, self.owner.id if self.selected is None else self.selected.access.account_id)
        return result

    def tell(self, *account_ids: int) -> None:
        """Something was committed that changes mailboxes of these accounts."""
        for account_id in set(account_ids):
            self.services.bus.publish(account_topic(account_id))

    async def read(self, count: int, op: Op[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        db = self.services.db
        if count <= MANY:
            return await db.read(op, *args, **kwargs)
        return await self.progress.through(db.scan(op, *args, **kwargs))

    # -- commands ----------------------------------------------------------------------------------------------------

    async def _command(self, command: framing.Command, flush: Flush) -> None:
        self.tag = command.tag
        row = BY_NAME.get(command.name)
        if row is None or (row.rev1_only and revisions.REV2 in self.enabled):
            await self._complete(command.tag, bad("There is no such command"), None, flush)
            return
        refusal = self._refusal(row) or await self._ousted(row)
        if refusal is None:
            try:
                request = row.parse(command.arguments)
            except SyntaxFault as fault:
                refusal = Completion(Status(fault.status), fault.reason, fault.code)
        if refusal is not None:
            await self._complete(command.tag, refusal, row, flush)
            return
        await self.unsent.open(self)
        await self._play(command.tag, row, row.run(self, request), flush)

    def _refusal(self, row: Command[Any]) -> Completion | None:
        if self.state not in row.states:
            if self.account is None:
                return bad("Log in first")
            if self.selected is None and State.SELECTED in row.states:
                return bad("Select a mailbox first")
            return bad("Not now: you are logged in")
        if self.core.uid_only and (row.uses_seqs or row.numbered):  # RFC 9586 §3.2, §3.8
            return bad("UIDs are required once UIDONLY is enabled", "UIDREQUIRED")
        if row.alters and self.selected is not None and self.selected.read_only:
            return no("The mailbox is open for reading only", "READ-ONLY")
        return None

    async def _ousted(self, row: Command[Any]) -> Completion | None:
        """Why a command of the selected state is refused where the mailbox may not be read any more."""
        selected = self.selected if row.states == SELECTED else None
        try:
            if selected is None or await sync.admitted(self.services.db, selected):
                return None
        except Refused as refused:
            self.log_refused(refused)
            return REPLIES[refused.kind]
        return REPLIES[Kind.NO_PERMISSION]

    async def _line(self, line: bytes, flush: Flush) -> None:
        waiting, self._dialogue = self._dialogue, None
        assert waiting is not None, "the core gives a line to a command that asked for it"
        await self._play(waiting.tag, waiting.row, waiting.step.then(line), flush, waiting.since)

    async def _play(
        self, tag: str, row: Command[Any], responses: Responses, flush: Flush, since: int | None = None
    ) -> None:
        """Send what the command answers, up to its end or to where it needs another line."""
        match await self._relay(responses, flush):
            case Completion() as completion:
                await self._complete(tag, completion, row, flush)
            case Continue() as step:
                self._dialogue = Dialogue(tag, row, step, self.now() if since is None else since)
                self.core.send(encode.continuation(step.prompt))
                self.core.expect_line()
                await self.woken()
            case BeginTls():
                self.core.send(encode.ok(tag, "Begin TLS negotiation now"))
                self.core.begin_tls()

    async def _relay(self, responses: Responses, flush: Flush) -> Completion | Continue | BeginTls:
        self.progress.begin(self.tag, flush)
        try:
            async with aclosing(responses) as stream:
                async for response in stream:
                    if not isinstance(response, bytes):
                        return response
                    await self._send(response, flush)
        except BadNumber:
            return bad("There is no message of that number")
        except Refused as refused:
            self.log_refused(refused)
            return REPLIES[refused.kind]
        finally:
            self.progress.end()
        raise AssertionError("the last response of a command is its ending")

    async def _complete(
        self, tag: str, completion: Completion, row: Command[Any] | None, flush: Flush
    ) -> None:
        # RFC 3501 §7.4.1: no EXPUNGE in the answer to FETCH, STORE or SEARCH, whose numbers it would change.
        expunges = row is not None and not row.uses_seqs and not completion.numbers_stay
        if expunges:
            await self.unsent.keep(self)
        for told in await gathered(self, expunges=expunges):
            await self._send(told, flush)
        self.core.send(_tagged(tag, self._with_highest(completion)))
        if completion.after:
            completion.after()
        self._give_back()
        self.core.resume()
        if completion.last:
            self.core.close()
        elif self._failed_logins >= MAX_FAILED_LOGINS:
            self._bye("Too many failed logins")
        elif completion.status is Status.BAD:
            self._count_error()
        else:
            self._errors = 0
        self._end_if_vanished()

    def _with_highest(self, completion: Completion) -> Completion:
        """HIGHESTMODSEQ where it is owed: in the tagged response, as RFC 7162 §3.2.7 wants of EXPUNGE, or before it."""
        code = self._highest()
        if code and completion.status is Status.OK and not completion.code:
            return replace(completion, code=code)
        if code:
            self.core.send(encode.ok(encode.UNTAGGED, "The highest of all", code))
        return completion

    def _highest(self) -> str:
        if self.selected is None or not self.selected.owes_highest:
            return ""
        self.selected.owes_highest = False
        return condstore.code(self.selected.view.told)

    async def _send(self, data: bytes, flush: Flush) -> None:
        """Long answers go out in pieces, and others get their turn in between."""
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]  # the same object where it is all of them
            self.core.send(piece)
            self._unsent += len(piece)
            if self._unsent > PIECE - ROOM:
                self._unsent = 0
                await flush()
                await asyncio.sleep(0)

    # ------------------------------------------------------------------------------------------------------------------

    @property
    def _stranger_for(self) -> float:
        """Seconds since the connection was opened: the time to log in is one for all that comes before."""
        return (self.now() - self._opened) / SECOND

    def _literal_limit(self, name: str) -> int:
        if self.account is None:
            return STRANGERS_LITERALS
        row = BY_NAME.get(name)
        carries = row is not None and row.carries_message
        return framing.LITERAL_LIMIT + (AT_ONCE * self.services.options.append_limit if carries else 0)

    def _longest_literal(self, name: str) -> int:
        return framing.LITERAL_LIMIT + self.services.options.append_limit

    def _give_back(self) -> None:
        self.services.budget.give(self._reserved)
        self._reserved = 0

    def _stirred(self) -> None:
        self.unsent.stirred = True
        if self.watch is not None:
            self.watch.stirred = True
        if self.idling or (self.watch is not None and self.watch.wakes):
            self.wake()

    def _count_error(self) -> None:
        self._errors += 1
        if self._errors >= MAX_ERRORS:
            self._bye("Too many errors")

    def _end_if_vanished(self) -> None:
        if self.selected is not None and self.selected.vanished:
            own = self.selected.access.own
            self._bye(f"The selected mailbox {'was deleted' if own else 'is not for you to read any more'}")

    def _bye(self, text: str, code: str = "") -> None:
        if not self.core.closed:
            self.core.send(encode.bye(text, code))
            self.core.close()

    def log_refused(self, refused: Refused) -> None:
        if refused.kind in (Kind.UNAVAILABLE, Kind.BROKEN):
            log.error("refused", kind=refused.kind.name, detail=refused.detail, address=self.peer.address)


def _tagged(tag: str, completion: Completion) -> bytes:
    say = {Status.OK: encode.ok, Status.NO: encode.no, Status.BAD: encode.bad}[completion.status]
    return say(tag, completion.text, completion.code)
