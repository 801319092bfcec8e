"""The JSON API of a test server: the same questions as from Python, for programs in every other language."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import Any

import msgspec

from correo.clock.adjustable import AdjustableLoop
from correo.mail.address import BadAddress, fold_domain
from correo.mail.instant import iso8601
from correo.net import Flush, Stream, TlsInfo
from correo.testing.far import State
from correo.testing.faults import Fault, fault_of
from correo.testing.handles import Waiting, as_seconds
from correo.testing.message import Message, Query
from correo.testing.options import FOREVER
from correo.testing.stage import Stage
from correo.wire.http_server import BadRequest, Request, Server

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
LONGEST_WAIT = 300.0  # seconds that a question may be left open
JSON = "application/json"
EML = ".eml"


@dataclass(frozen=True, slots=True)
class Answer:
    status: HTTPStatus
    body: bytes
    content_type: str = JSON


class NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    address: str
    password: str | None = None
    aliases: list[str] = []


class NewFault(msgspec.Struct, forbid_unknown_fields=True):
    reply: str = ""
    at: str = ""
    to: str | None = None
    sender: str | None = None
    protocol: str | None = None
    times: int | None = None
    slow: float = 0.0
    drop: str = ""
    greylist: str = ""
    rate: str = ""


class FarState(msgspec.Struct, forbid_unknown_fields=True):
    domain: str
    state: str = State.UP.value
    reply: str = ""
    to: str = "*"


class ClockMove(msgspec.Struct, forbid_unknown_fields=True):
    advance: str


class Api:
    """The routes. `ports` are told by GET /."""

    def __init__(self, stage: Stage, host: str, ports: dict[str, int]) -> None:
        self._stage = stage
        self._host = host
        self._ports = ports
        self._routes: dict[tuple[str, str], Callable[[Request], Awaitable[Any]]] = {
            ("GET", ""): self._about,
            ("GET", "messages"): self._messages,
            ("DELETE", "messages"): self._clear,
            ("GET", "refused"): self._refused,
            ("GET", "accounts"): self._accounts,
            ("POST", "accounts"): self._add_account,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "far"): self._set_far,
            ("GET", "clock"): self._clock,
            ("POST", "clock"): self._advance,
            ("GET", "queue"): self._queue,
        }
        self._of_one: dict[tuple[str, str], Callable[[str], Awaitable[Any]]] = {
            ("GET", "messages"): self._message,
            ("DELETE", "faults"): self._remove_fault,
            ("GET", "far"): self._far,
        }

    async def answer(self, request: Request) -> Answer:
        if not _names_us(host := request.fields.get("host", ""), self._host):
            return error(HTTPStatus.FORBIDDEN, "the Host field names somebody else")
        if request.fields.get("origin", ours := f"http://{host}") != ours:
            return error(HTTPStatus.FORBIDDEN, "web pages are not answered")
        name, _, one = request.path.removeprefix("/").partition("/")
        try:
            if one:
                route = self._of_one.get((request.method, name))
                found = await route(one) if route else None
            else:
                plain = self._routes.get((request.method, name))
                found = await plain(request) if plain else None
        except (ValueError, msgspec.MsgspecError) as wrong:
            return error(HTTPStatus.BAD_REQUEST, str(wrong))
        if isinstance(found, Answer):
            return found
        if found is None:
            known = {path for _, path in (*self._routes, *self._of_one)}
            status = HTTPStatus.METHOD_NOT_ALLOWED if name in known else HTTPStatus.NOT_FOUND
            return error(status, f"there is no {request.method} {request.path}; see docs/testing.md")
        return Answer(HTTPStatus.OK, msgspec.json.encode(found))

    # -- what there is -------------------------------------------------------------------------------------------------

    async def _about(self, request: Request) -> Any:
        return {"host": self._host, "ports": self._ports, **await self._clock(request)}

    async def _messages(self, request: Request) -> Any:
        wanted = {name: request.query.get(name) for name in ("to", "sender", "subject", "contains")}
        wanted["to"] = wanted["to"] or None  # an empty field of a form; only a sender can be nobody
        query = Query(**wanted)
        wait = float(request.query.get("wait", "0"))
        if not 0 <= wait <= LONGEST_WAIT:
            raise ValueError(f"wait= is 0 to {LONGEST_WAIT:g} seconds")
        journal = self._stage.journal
        if wait:
            try:
                async with asyncio.timeout(wait):
                    await journal.arrival(query)
            except TimeoutError:
                pass
        return [_summary(message) for message in journal.find(query)]

    async def _message(self, name: str) -> Any:
        taken = [self._stage.journal, *(host.journal for host in self._stage.far.by_domain.values())]
        for message in chain.from_iterable(journal.messages for journal in taken):
            if name == message.id:
                return _summary(message) | _whole(message)
            if name == message.id + EML:
                return Answer(HTTPStatus.OK, message.raw, "message/rfc822")
        return error(HTTPStatus.NOT_FOUND, f"there is no message {name}")

    async def _clear(self, request: Request) -> Any:
        await self._stage.clear()
        return {}

    async def _refused(self, request: Request) -> Any:
        return [
            {
                "time": iso8601(one.instant),
                "protocol": one.protocol,
                "command": one.command,
                "reply": one.reply,
                "by_fault": one.by_fault,
            }
            for one in self._stage.journal.refused
        ]

    async def _accounts(self, request: Request) -> Any:
        return await self._stage.here.people.addresses()

    async def _add_account(self, request: Request) -> Any:
        new = msgspec.json.decode(request.body, type=NewAccount)
        await self._stage.here.people.add(new.address, new.password, new.aliases)
        return {"address": new.address}

    async def _queue(self, request: Request) -> Any:
        waiting = [Waiting.of(one) for one in await self._stage.waiting()]
        return [
            {
                "sender": one.sender,
                "recipient": one.recipient,
                "attempts": one.attempts,
                "next_try": one.next_try,
                "state": one.state,
                "reply": one.reply,
            }
            for one in waiting
        ]

    # -- what goes wrong -----------------------------------------------------------------------------------------------

    async def _faults(self, request: Request) -> Any:
        return [_fault(one) for one in self._stage.faults]

    async def _add_fault(self, request: Request) -> Any:
        new = msgspec.json.decode(request.body, type=NewFault)
        return _fault(self._stage.faults.add(fault_of(**msgspec.structs.asdict(new))))

    async def _clear_faults(self, request: Request) -> Any:
        self._stage.faults.clear()
        return {}

    async def _remove_fault(self, name: str) -> Any:
        for fault in self._stage.faults:
            if str(fault.id) == name:
                fault.remove()
                return {}
        return error(HTTPStatus.NOT_FOUND, f"there is no fault {name}")

    async def _set_far(self, request: Request) -> Any:
        wanted = msgspec.json.decode(request.body, type=FarState)
        if wanted.state not in {state.value for state in State}:
            raise ValueError(f"{wanted.state!r} is no state; there are {', '.join(s.value for s in State)}")
        rule = fault_of(wanted.reply, to=wanted.to) if wanted.reply else None
        host = await self._stage.far_host(_folded(wanted.domain))
        if State(wanted.state) is State.UP:
            host.faults.clear()
        self._stage.far.set(host, State(wanted.state))
        if rule:
            host.faults.add(rule)
        return {"domain": host.domain, "state": host.state.value}

    async def _far(self, domain: str) -> Any:
        host = self._stage.far.by_domain.get(_folded(domain))
        if host is None:
            return error(HTTPStatus.NOT_FOUND, f"{domain} is not elsewhere; POST /far first")
        taken = [_summary(message) for message in host.journal.messages]
        return {"domain": host.domain, "state": host.state.value, "messages": taken}

    # -- time ----------------------------------------------------------------------------------------------------------

    async def _clock(self, request: Request) -> Any:
        return {"now": iso8601(self._stage.clock.now())}

    async def _advance(self, request: Request) -> Any:
        move = msgspec.json.decode(request.body, type=ClockMove)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, AdjustableLoop)
        await loop.advance(as_seconds(move.advance))
        return await self._clock(request)


class ApiSession:
    """One connection; a `net.Session`."""

    timeout = FOREVER  # as that of mail: time may be moved while somebody asks
    logged_in = ""

    def __init__(self, api: Api) -> None:
        self.core = Server()
        self._api = api

    async def greet(self) -> None:
        """The client speaks first."""

    async def handle(self, event: Any, flush: Flush) -> None:
        if isinstance(event, Request):
            answer = await self._api.answer(event)
            if event.method == "HEAD":
                answer = Answer(answer.status, b"", answer.content_type)
            self._reply(answer)
        elif isinstance(event, BadRequest):
            self._reply(error(event.status, event.reason))

    async def woken(self) -> None:
        """Nothing is told that was not asked."""

    def tls_started(self, tls: TlsInfo) -> None:
        """Never."""

    def timed_out(self) -> None:
        self.core.closed = True

    def broken(self, incident: str) -> None:
        self._reply(error(HTTPStatus.INTERNAL_SERVER_ERROR, f"internal error, reference {incident}"))

    def shutting_down(self, *, at_once: bool = False) -> None:
        self.core.closed = True

    async def ended(self) -> None:
        """Nothing is held."""

    def _reply(self, answer: Answer) -> None:
        self.core.reply(answer.status, answer.content_type, answer.body)


async def open_api(stage: Stage, host: str, port: int, ports: dict[str, int]) -> int:
    """Listen; the port. Raises OSError."""
    api = Api(stage, host, ports)

    def make(stream: Stream) -> ApiSession:
        return ApiSession(api)

    shown = f"[{host}]" if ":" in host else host
    return await stage.listen(f"{shown}:{port}", make, BUSY)


def error(status: HTTPStatus, words: str) -> Answer:
    return Answer(status, msgspec.json.encode({"error": words}))


def _names_us(field: str, host: str) -> bool:
    """A web page can make a browser ask under the page's own name (DNS rebinding), but not under an address or `localhost`."""
    name = field.rpartition(":")[0] if field.rpartition(":")[2].isdigit() else field
    bare = name.removeprefix("[").removesuffix("]").lower()
    if bare in ("localhost", host.lower()):
        return True
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return False
    return True


def _folded(domain: str) -> str:
    try:
        return fold_domain(domain)
    except BadAddress as wrong:
        raise ValueError(f"{domain!r}: {wrong}") from None


def _summary(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "time": iso8601(message.instant),
        "envelope_from": message.envelope_from,
        "recipients": message.recipients,
        "subject": message.subject,
        "account": message.account,
        "size": len(message.raw),
    }


def _whole(message: Message) -> dict[str, Any]:
    return {
        "headers": [[name, value] for name, value in message.headers.pairs],
        "text": message.text,
        "html": message.html,
        "links": message.links,
        "attachments": [
            {"filename": one.filename, "content_type": one.content_type, "content": one.content}  # in base64
            for one in message.attachments
        ],
    }


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "id": fault.id,
        "at": fault.moment.value,
        "to": fault.to,
        "sender": fault.sender,
        "protocol": fault.protocol,
        "reply": str(fault.effect.status or ""),
        "drop": fault.effect.drop,
        "slow": fault.effect.slow,
        "times": fault.times,
        "hits": fault.hits,
    }
