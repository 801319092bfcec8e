"""The walk over mail hosts, against servers that follow a script, on a network in memory and in virtual time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import pytest

from correo.clock.virtual import SeededChance, VirtualClock, VirtualLoop, run
from correo.dns.zone import Zone, ZoneResolver
from correo.mail.address import Address
from correo.mail.outcome import Deferred, Delivered, Failed, Outcome
from correo.net import Woken
from correo.net.memory import MemoryDialer, MemoryNetwork, MemoryStream
from correo.net.tls import verified_context
from correo.transport import Outgoing
from correo.transport.connection import CONNECT_SECONDS, REPLY_SECONDS, TRANSACTION_SECONDS
from correo.transport.remote import MAX_SESSIONS, Options, RemoteTransport
from correo.transport.smarthost import Smarthost
from correo.wire.smtp.dialog import Stage

ANA = Address.parse("ana@here.example")
BOB, EVA, ZOE = (Address.parse(f"{name}@there.example") for name in ("bob", "eva", "zoe"))
MESSAGE = b"Subject: hello\r\n\r\n.dots and\r\nlines\r\n"

HANG_UP = "!hang up"
SILENCE = "!silence"
DRIBBLE = "!dribble"
SLOW = "!slow"  # as late as the standard lets a server be


@dataclass
class Server:
    """Answers each command by the longest beginning that `answers` has, else with 250.

    A list is used up from its front; its last answer repeats.
    """

    greeting: str = "220 mx.there.example ESMTP"
    extensions: tuple[str, ...] = ("PIPELINING", "SIZE 10000", "8BITMIME")
    answers: dict[str, str | list[str]] = field(default_factory=dict)
    during_data: str = ""  # said after the first octets of the message, then hung up
    log: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def serve(self, stream: MemoryStream) -> None:
        self.connections += 1
        conversation = _Conversation(self, stream)
        try:
            await conversation.run()
        except (OSError, EOFError):
            pass

    def answer(self, line: str) -> str:
        for length in range(len(line), 0, -1):
            found = self.answers.get(line[:length])
            if isinstance(found, list):
                return found.pop(0) if len(found) > 1 else found[0]
            if found is not None:
                return found
        if line.startswith("EHLO"):
            lines = ("mx.there.example", *self.extensions)
            return "\r\n".join(f"250-{line}" for line in lines[:-1]) + f"\r\n250 {lines[-1]}"
        return {"DATA": "354 go", "QUIT": "221 bye", "STARTTLS": "220 go"}.get(line, "250 ok")


class _Conversation:
    def __init__(self, server: Server, stream: MemoryStream) -> None:
        self.server = server
        self.stream = stream
        self.buffer = b""

    async def run(self) -> None:
        await self.say(self.server.greeting)
        while True:
            line = (await self.until(b"\r\n")).decode()
            self.server.log.append(line)
            answer = self.server.answer(line)
            await self.say(answer)
            if line == "STARTTLS" and answer.startswith("220"):
                await self.stream.start_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), server_side=True)
                self.buffer = b""
            if line == "DATA" and answer.startswith("354"):
                await self.message()
            if line == "QUIT":
                return

    async def message(self) -> None:
        if self.server.during_data:
            await self.more()
            await self.say(self.server.during_data)
            raise EOFError
        self.buffer = b"\r\n" + self.buffer
        if text := await self.until(b"\r\n.\r\n"):
            self.server.messages.append(text.removeprefix(b"\r\n") + b"\r\n")
        await self.say(self.server.answer("."))

    async def say(self, answer: str) -> None:
        if answer == HANG_UP:
            raise EOFError
        if answer == SILENCE:
            await asyncio.sleep(10**6)
        if answer == SLOW:
            await asyncio.sleep(299)
            answer = "250 ok"
        if answer == DRIBBLE:
            for _ in range(100_000):
                self.stream.write(b"2")
                await asyncio.sleep(60)
        self.stream.write(answer.encode() + b"\r\n")

    async def until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            await self.more()
        found, _, self.buffer = self.buffer.partition(end)
        return found

    async def more(self) -> None:
        data = await self.stream.read(None)
        if not data or isinstance(data, Woken):
            raise EOFError
        self.buffer += data


class World:
    """A zone, a network, and a transport on it."""

    def __init__(self, zone: str, **options: Any) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.clock = VirtualClock(loop)
        self.zone = Zone(zone)
        self.network = MemoryNetwork()
        self.dialer = Dialer(self.network)
        self.loaded = 0
        self.transport = RemoteTransport(
            ZoneResolver(self.zone, self.clock),
            self.dialer,
            self.clock,
            SeededChance(1),
            Options(**{"hostname": "mail.here.example", "ipv6": False, **options}),
        )

    def server(self, address: str, server: Server | None = None, port: int = 25) -> Server:
        server = server or Server()
        self.network.listen(address, port, server.serve)
        return server

    async def deliver(self, *recipients: Address, **changes: Any) -> list[Outcome]:
        message = {"sender": ANA, "size": len(MESSAGE), "body": "7BIT", "utf8": False, **changes}
        return await self.transport.deliver(Outgoing(content=self._content, **message), recipients or (BOB,))

    async def one(self, *recipients: Address, **changes: Any) -> Outcome:
        (outcome,) = await self.deliver(*recipients, **changes)
        return outcome

    async def _content(self) -> bytes:
        self.loaded += 1
        return MESSAGE


class NoTls(MemoryStream):
    """Fails in the handshake, as with a server that speaks something else."""

    async def start_tls(
        self, context: ssl.SSLContext, *, server_side: bool, hostname: str | None = None
    ) -> None:
        raise ssl.SSLError("handshake failure")


class Dialer:
    """Notes who is dialled; streams to addresses in `no_tls` fail in the handshake."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._inner = MemoryDialer(network, "192.0.2.1")
        self.dialled: list[str] = []
        self.no_tls: set[str] = set()

    async def connect(self, address: str, port: int, timeout: float) -> MemoryStream:
        self.dialled.append(address)
        stream = await self._inner.connect(address, port, timeout)
        if address in self.no_tls:
            stream.__class__ = NoTls
        return stream


def virtually(scenario: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(scenario)
    def test() -> None:
        run(scenario())

    return test


ONE = "there.example MX 10 mx.there.example\nmx.there.example A 10.0.0.1\n"
TWO = ONE + "there.example MX 20 mx2.there.example\nmx2.there.example A 10.0.0.2\n"
FIRST, SECOND = "mx.there.example [10.0.0.1]:25", "mx2.there.example [10.0.0.2]:25"


@virtually
async def test_delivered() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1", Server(answers={".": "250 2.0.0 queued as 7"}))
    outcome = await world.one()
    assert isinstance(outcome, Delivered)
    assert (str(outcome.status), outcome.host, outcome.tls) == ("250 2.0.0 queued as 7", FIRST, "")
    assert server.messages == [MESSAGE.replace(b"\r\n.dots", b"\r\n..dots")]
    assert server.log[:2] == ["EHLO mail.here.example", f"MAIL FROM:<ana@here.example> SIZE={len(MESSAGE)}"]


@virtually
async def test_tls_is_used_where_it_is_offered() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1", Server(extensions=("STARTTLS", "PIPELINING")))
    outcome = await world.one()
    assert isinstance(outcome, Delivered)
    assert outcome.tls.startswith("TLSv1.3")
    assert [line.split()[0] for line in server.log[:4]] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]


@virtually
async def test_a_failed_handshake_is_followed_by_clear_text_to_the_same_host() -> None:
    world = World(TWO)
    world.dialer.no_tls.add("10.0.0.1")
    server = world.server("10.0.0.1", Server(extensions=("STARTTLS",)))
    outcome = await world.one()
    assert isinstance(outcome, Delivered)
    assert (outcome.host, outcome.tls) == (FIRST, "")
    assert world.dialer.dialled == ["10.0.0.1", "10.0.0.1"]
    assert server.log.count("STARTTLS") == 1


@virtually
async def test_starttls_refused_is_followed_by_clear_text() -> None:
    world = World(ONE)
    world.server("10.0.0.1", Server(extensions=("STARTTLS",), answers={"STARTTLS": "454 no"}))
    assert isinstance(await world.one(), Delivered)


@virtually
async def test_results_are_each_recipients_own() -> None:
    world = World(ONE)
    answers: dict[str, str | list[str]] = {"RCPT TO:<eva": "550 5.1.1 who?", "RCPT TO:<zoe": "452 4.2.2 full"}
    world.server("10.0.0.1", Server(answers=answers))
    bob, eva, zoe = await world.deliver(BOB, EVA, ZOE)
    assert isinstance(bob, Delivered)
    assert isinstance(eva, Failed)
    assert (str(eva.status), eva.host) == ("550 5.1.1 who?", FIRST)
    assert isinstance(zoe, Deferred)
    assert zoe.status.enhanced == "4.2.2"


@virtually
async def test_whom_the_first_host_defers_the_second_may_take() -> None:
    world = World(TWO)
    first = world.server("10.0.0.1", Server(answers={"RCPT TO:<eva": "451 later"}))
    second = world.server("10.0.0.2")
    bob, eva = await world.deliver(BOB, EVA)
    assert isinstance(bob, Delivered)
    assert isinstance(eva, Delivered)
    assert (bob.host, eva.host) == (FIRST, SECOND)
    assert (len(first.messages), len(second.messages)) == (1, 1)
    assert not any("bob" in line for line in second.log)


@pytest.mark.parametrize(
    "server",
    [
        Server(greeting="421 busy"),
        Server(greeting="554 not you"),
        Server(greeting=HANG_UP),
        Server(greeting=SILENCE),
        Server(greeting="SSH-2.0-OpenSSH"),
        Server(answers={"EHLO": "451 later"}),
        Server(answers={"EHLO": "550 no", "HELO": "550 no"}),
        Server(answers={"MAIL": "451 later"}),
        Server(answers={"MAIL": "421 bye"}),
        Server(answers={"MAIL": HANG_UP}),
        Server(answers={"RCPT": SILENCE}),
        Server(answers={"RCPT": DRIBBLE}),
        Server(answers={"RCPT": "250 ok\r\n250 ok\r\n250 ok\r\n250 ok"}),
        Server(answers={"DATA": "451 later"}),
        Server(answers={"DATA": "250 fine"}),
        Server(answers={"DATA": HANG_UP}),
        None,
    ],
    ids=lambda server: f"{server.greeting}{server.answers}" if server else "nobody",
)
def test_the_next_host_is_tried_after(server: Server | None) -> None:
    async def scenario() -> None:
        world = World(TWO)
        if server:
            world.server("10.0.0.1", server)
        second = world.server("10.0.0.2")
        outcome = await world.one()
        assert isinstance(outcome, Delivered)
        assert outcome.host == SECOND
        assert len(second.messages) == 1

    run(scenario())


@pytest.mark.parametrize(
    ("server", "code", "enhanced"),
    [
        (Server(answers={"MAIL": "550 5.7.1 not you"}), 550, "5.7.1"),
        (Server(answers={"DATA": "554 5.7.0 no"}), 554, "5.7.0"),
        (Server(answers={".": "554 5.6.0 spam"}), 554, "5.6.0"),
        (Server(answers={"RCPT": "550 5.1.1 who"}), 550, "5.1.1"),
        (Server(during_data="552 5.3.4 too big"), 552, "5.3.4"),
        (Server(extensions=("SIZE 10",)), 552, "5.3.4"),
    ],
    ids=lambda value: str(value.answers) if isinstance(value, Server) else "",
)
def test_no_other_host_is_tried_after_a_final_no(server: Server, code: int, enhanced: str) -> None:
    async def scenario() -> None:
        world = World(TWO)
        world.server("10.0.0.1", server)
        world.server("10.0.0.2")
        outcome = await world.one()
        assert isinstance(outcome, Failed)
        assert (outcome.status.code, outcome.status.enhanced) == (code, enhanced)
        assert world.dialer.dialled == ["10.0.0.1"]

    run(scenario())


@pytest.mark.parametrize("answer", ["451 4.3.0 disk", HANG_UP, SILENCE, "421 bye", "250", "354 more"])
def test_once_the_message_was_sent_no_other_host_gets_it(answer: str) -> None:
    async def scenario() -> None:
        world = World(TWO)
        world.server("10.0.0.1", Server(answers={".": answer}))
        world.server("10.0.0.2")
        outcome = await world.one()
        assert isinstance(outcome, Delivered if answer == "250" else Deferred)
        assert world.dialer.dialled == ["10.0.0.1"]

    run(scenario())


@virtually
async def test_a_server_that_drops_in_the_middle_of_the_message_took_nothing() -> None:
    world = World(ONE)
    world.server("10.0.0.1", Server(during_data=HANG_UP))
    outcome = await world.one()
    assert isinstance(outcome, Deferred)
    assert (outcome.status.enhanced, outcome.host) == ("4.4.2", "")


@virtually
async def test_a_server_that_answers_354_after_refusing_everybody() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1", Server(answers={"RCPT": "550 no"}))
    assert isinstance(await world.one(), Failed)
    assert server.messages == []
    assert world.loaded == 0
    server.answers.clear()
    assert isinstance(await world.one(), Delivered)
    assert server.connections == 1


@virtually
async def test_greylisting() -> None:
    world = World(ONE)
    world.server("10.0.0.1", Server(answers={"RCPT": ["451 4.7.1 come back", "250 ok"]}))
    assert isinstance(await world.one(), Deferred)
    assert isinstance(await world.one(), Delivered)


@virtually
async def test_a_silent_server_costs_what_the_standard_says() -> None:
    world = World(ONE)
    world.server("10.0.0.1", Server(answers={"MAIL": SILENCE}))
    start = world.clock.now()
    assert isinstance(await world.one(), Deferred)
    assert world.clock.now() - start == REPLY_SECONDS[Stage.MAIL] * 10**6


@virtually
async def test_a_host_that_does_not_answer_is_not_tried_again_at_once() -> None:
    world = World(ONE)
    world.network.silent.add("10.0.0.1")
    start = world.clock.now()
    for _ in range(5):
        assert isinstance(await world.one(), Deferred)
    assert world.clock.now() - start == CONNECT_SECONDS * 10**6
    await asyncio.sleep(31)
    world.network.silent.clear()
    world.server("10.0.0.1")
    assert isinstance(await world.one(), Delivered)


@virtually
async def test_nobody_there() -> None:
    world = World(TWO)
    outcome = await world.one()
    assert isinstance(outcome, Deferred)
    assert (outcome.status.enhanced, outcome.host) == ("4.4.1", "")
    assert world.dialer.dialled == ["10.0.0.1", "10.0.0.2"]


@virtually
async def test_all_hosts_refuse_for_good() -> None:
    world = World(TWO)
    for address in ("10.0.0.1", "10.0.0.2"):
        world.server(address, Server(greeting="554 5.7.1 not you"))
    outcome = await world.one()
    assert isinstance(outcome, Failed)
    assert outcome.host == SECOND


@virtually
async def test_one_host_refuses_for_good_and_one_is_down() -> None:
    world = World(TWO)
    world.server("10.0.0.2", Server(greeting="554 5.7.1 not you"))
    assert isinstance(await world.one(), Deferred)


@virtually
async def test_not_every_host_of_a_large_domain_is_tried() -> None:
    hosts = "".join(
        f"there.example MX {n} mx{n}.there.example\nmx{n}.there.example A 10.0.1.{n}\n" for n in range(9)
    )
    world = World(hosts)
    for number in range(9):
        world.server(f"10.0.1.{number}", Server(answers={"RCPT": "451 later"}))
    assert isinstance(await world.one(), Deferred)
    assert len(world.dialer.dialled) == MAX_SESSIONS


@pytest.mark.parametrize(
    ("zone", "code", "enhanced"),
    [
        ("there.example MX 0 .", 556, "5.1.10"),
        ("x.example A 10.0.0.1", 550, "5.1.2"),
        ("there.example TXT nothing", 550, "5.4.4"),
        ("there.example MX 10 mail.here.example\nmail.here.example A 10.0.0.9", 550, "5.4.6"),
        ("there.example MX 10 mx.there.example\nmx.there.example A 192.0.2.1", 550, "5.4.6"),
        ("there.example FAIL", 451, "4.4.3"),
    ],
)
def test_what_the_dns_decides(zone: str, code: int, enhanced: str) -> None:
    async def scenario() -> None:
        world = World(zone, own_endpoints=frozenset({("192.0.2.1", 25)}))
        outcome = await world.one()
        assert isinstance(outcome, Failed if code >= 500 else Deferred)
        assert (outcome.status.code, outcome.status.enhanced, outcome.host) == (code, enhanced, "")
        assert world.dialer.dialled == []

    run(scenario())


@virtually
async def test_hosts_that_are_preferred_to_us_are_tried() -> None:
    world = World(
        TWO + "there.example MX 15 us.there.example\nus.there.example A 192.0.2.1",
        own_endpoints=frozenset({("192.0.2.1", 25)}),
    )
    outcome = await world.one()
    assert isinstance(outcome, Deferred)
    assert world.dialer.dialled == ["10.0.0.1"]


@virtually
async def test_a_server_that_greets_with_our_name_is_ourselves() -> None:
    world = World(TWO)
    world.server("10.0.0.1", Server(greeting="220 Mail.Here.Example ESMTP"))
    outcome = await world.one()
    assert isinstance(outcome, Failed)
    assert outcome.status.enhanced == "5.4.6"
    assert world.dialer.dialled == ["10.0.0.1"]


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::"])
@pytest.mark.parametrize("domain", ["there.example", "[192.0.2.1]", "[127.0.0.1]", "[127.0.0.2]"])
def test_whoever_listens_everywhere_knows_himself_whatever_he_is_called(wildcard: str, domain: str) -> None:
    async def scenario() -> None:
        # The dialer dials from 192.0.2.1, as the system does where that is an address of its own.
        world = World(
            "there.example MX 10 mx.there.example\nmx.there.example A 192.0.2.1",
            own_endpoints=frozenset({(wildcard, 25)}),
        )
        for address in ("192.0.2.1", "127.0.0.1", "127.0.0.2"):
            world.server(address)
        outcome = await world.one(Address.parse(f"bob@{domain}"))
        assert isinstance(outcome, Failed)
        assert outcome.status.enhanced == "5.4.6"

    run(scenario())


@pytest.mark.parametrize("ours", [("192.0.2.1", 25), ("0.0.0.0", 2525), ("127.0.0.1", 25)])
def test_neighbours_on_one_machine_are_not_ourselves(ours: tuple[str, int]) -> None:
    async def scenario() -> None:
        world = World("", own_endpoints=frozenset({ours}))
        world.server("127.0.0.2")
        assert isinstance(await world.one(Address.parse("bob@[127.0.0.2]")), Delivered)

    run(scenario())


@virtually
async def test_a_server_that_hangs_up_at_starttls_gets_it_in_clear_text() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1", Server(extensions=("STARTTLS",), answers={"STARTTLS": HANG_UP}))
    outcome = await world.one()
    assert isinstance(outcome, Delivered)
    assert (outcome.tls, server.connections) == ("", 2)


@virtually
async def test_a_server_that_hangs_up_after_the_handshake_gets_it_in_clear_text() -> None:
    world = World(ONE)
    answers: dict[str, str | list[str]] = {
        "EHLO": ["250-mx\r\n250 STARTTLS", HANG_UP, "250-mx\r\n250 STARTTLS"]
    }
    server = world.server("10.0.0.1", Server(answers=answers))
    outcome = await world.one()
    assert isinstance(outcome, Delivered)
    assert (outcome.tls, server.connections) == ("", 2)


@virtually
async def test_what_is_refused_under_tls_is_not_tried_in_clear_text() -> None:
    world = World(ONE)
    answers: dict[str, str | list[str]] = {"EHLO": ["250-mx\r\n250 STARTTLS", "421 4.7.0 go away"]}
    server = world.server("10.0.0.1", Server(answers=answers))
    assert isinstance(await world.one(), Deferred)
    assert server.connections == 1


@virtually
async def test_a_host_that_never_greets_is_not_tried_again_at_once() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1", Server(greeting=SILENCE))
    for _ in range(3):
        assert isinstance(await world.one(), Deferred)
    assert server.connections == 1


@virtually
async def test_a_server_that_is_slow_at_every_step_is_given_up_in_the_end() -> None:
    world = World(ONE)
    world.server("10.0.0.1", Server(answers={"RCPT": SLOW}))
    start = world.clock.now()
    outcomes = await world.deliver(*(Address.parse(f"u{number}@there.example") for number in range(100)))
    assert all(isinstance(outcome, Deferred) for outcome in outcomes)
    assert world.clock.now() - start == TRANSACTION_SECONDS * 10**6


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("552 too many recipients", Deferred),
        ("552 5.5.3 too many recipients", Deferred),
        ("452 4.5.3 too many recipients", Deferred),
        ("552 5.2.2 mailbox full", Failed),
    ],
)
def test_too_many_recipients_is_no_reason_to_bounce(answer: str, kind: type[Outcome]) -> None:
    async def scenario() -> None:
        world = World(ONE)
        world.server("10.0.0.1", Server(answers={"RCPT TO:<eva": answer}))
        bob, eva = await world.deliver(BOB, EVA)
        assert isinstance(bob, Delivered)
        assert isinstance(eva, kind)
        assert isinstance(await world.one(EVA), Deferred if answer.startswith("4") else Failed)

    run(scenario())


@virtually
async def test_address_literals_and_other_ports() -> None:
    world = World("", port=2525)
    world.server("10.0.0.7", port=2525)
    outcome = await world.one(Address.parse("bob@[10.0.0.7]"))
    assert isinstance(outcome, Delivered)
    assert outcome.host == "[10.0.0.7] [10.0.0.7]:2525"


@virtually
async def test_internationalized_mail_needs_a_server_for_it() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1")
    eai = Address.parse("b\u00f6b@there.example")
    for outcome in (await world.one(utf8=True), await world.one(eai)):
        assert isinstance(outcome, Failed)
        assert outcome.status.enhanced == "5.6.7"
    server.extensions = ("SMTPUTF8", "8BITMIME")
    await world.transport.close()
    other = World(ONE)
    other.server("10.0.0.1", server)
    assert isinstance(await other.one(eai, body="8BITMIME"), Delivered)
    assert "MAIL FROM:<ana@here.example> BODY=8BITMIME SMTPUTF8" in server.log
    assert "RCPT TO:<b\u00f6b@there.example>" in server.log


@virtually
async def test_eight_bit_text_goes_as_it_is_to_a_server_of_old() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1", Server(extensions=(), answers={"EHLO": "500 what"}))
    assert isinstance(await world.one(body="8BITMIME"), Delivered)
    assert server.log[:3] == [
        "EHLO mail.here.example",
        "HELO mail.here.example",
        "MAIL FROM:<ana@here.example>",
    ]


@virtually
async def test_connections_are_used_again_while_they_are_fresh() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1")
    for _ in range(3):
        assert isinstance(await world.one(), Delivered)
    assert server.connections == 1
    await asyncio.sleep(6)
    assert server.log[-1] == "QUIT"
    assert isinstance(await world.one(), Delivered)
    assert server.connections == 2


@virtually
async def test_connections_are_used_again_by_a_worker_after_one_that_has_ended() -> None:
    """As when another begins to keep house: the one before closes what it shares with the next."""
    world = World(ONE)
    server = world.server("10.0.0.1")
    assert isinstance(await world.one(), Delivered)
    await world.transport.close()
    for _ in range(3):
        assert isinstance(await world.one(), Delivered)
    assert server.connections == 2
    await asyncio.sleep(6)
    assert server.log[-1] == "QUIT"


@virtually
async def test_a_connection_serves_a_limited_number_of_messages() -> None:
    world = World(ONE, max_messages=2)
    server = world.server("10.0.0.1")
    for _ in range(4):
        assert isinstance(await world.one(), Delivered)
    await asyncio.sleep(1)
    assert server.connections == 2
    assert server.log.count("QUIT") == 2


@virtually
async def test_a_kept_connection_that_is_lost_costs_nobody_his_mail() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1", Server(answers={"MAIL": ["250 ok", HANG_UP, "250 ok"]}))
    assert isinstance(await world.one(), Delivered)
    assert isinstance(await world.one(), Delivered)
    assert server.connections == 2


@virtually
async def test_a_kept_connection_on_which_the_server_spoke_is_not_used() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1", Server(answers={".": ["250 ok\r\n421 4.4.2 idle", "250 ok"]}))
    assert isinstance(await world.one(), Delivered)
    await asyncio.sleep(1)
    assert isinstance(await world.one(), Delivered)
    assert server.connections == 2
    assert len(server.messages) == 2


@virtually
async def test_closing_says_goodbye() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1")
    await world.one()
    await world.transport.close()
    assert server.log[-1] == "QUIT"


@virtually
async def test_content_that_cannot_be_read_leaves_no_half_message() -> None:
    async def broken() -> bytes:
        raise OSError("disk")

    world = World(ONE)
    server = world.server("10.0.0.1")
    with pytest.raises(OSError, match="disk"):
        await world.transport.deliver(Outgoing(ANA, broken, 10, "7BIT", False), [BOB])
    assert server.messages == []
    assert isinstance(await world.one(), Delivered)


@virtually
async def test_a_cancelled_delivery_leaves_no_connection() -> None:
    world = World(ONE)
    server = world.server("10.0.0.1", Server(answers={"MAIL": [SILENCE, "250 ok"]}))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await world.one()
    assert isinstance(await world.one(), Delivered)
    assert server.connections == 2


def relay(tls: str = "none", user: str = "ana") -> Smarthost:
    return Smarthost.parse("relay.here.example:587", user, "secret" if user else "", tls)


RELAY = "relay.here.example A 10.0.0.5"


@virtually
async def test_smarthost() -> None:
    world = World(RELAY, smarthost=relay())
    server = world.server("10.0.0.5", Server(extensions=("AUTH PLAIN LOGIN",)), port=587)
    other = Address.parse("max@elsewhere.example")
    assert world.transport.lane("there.example") == world.transport.lane("elsewhere.example")
    outcomes = await world.deliver(BOB, other)
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert server.log[1] == "AUTH PLAIN AGFuYQBzZWNyZXQ="


@virtually
async def test_a_login_refused_by_the_smarthost_is_nobodys_bounce() -> None:
    world = World(RELAY, smarthost=relay())
    world.server("10.0.0.5", Server(extensions=("AUTH PLAIN",), answers={"AUTH": "535 5.7.8 no"}), port=587)
    outcome = await world.one()
    assert isinstance(outcome, Deferred)
    assert outcome.status.enhanced == "4.7.8"
    await world.transport.close()


@virtually
async def test_a_login_is_never_sent_in_clear_text_where_tls_is_wanted() -> None:
    world = World(RELAY, smarthost=relay("starttls"))
    server = world.server("10.0.0.5", Server(extensions=("AUTH PLAIN",)), port=587)
    assert isinstance(await world.one(), Deferred)
    server.extensions = ("STARTTLS", "AUTH PLAIN")
    world.dialer.no_tls.add("10.0.0.5")
    assert isinstance(await world.one(), Deferred)
    assert not any(line.startswith("AUTH") for line in server.log)
    world.dialer.no_tls.clear()
    assert isinstance(await world.one(), Delivered)


@virtually
async def test_a_smarthost_that_is_ourselves_is_nobodys_bounce() -> None:
    world = World(
        "relay.example A 192.0.2.1", smarthost=Smarthost("relay.example", 25), own_endpoints={("::", 25)}
    )
    world.server("192.0.2.1")
    outcome = await world.one()
    assert isinstance(outcome, Deferred)
    assert outcome.status.enhanced == "4.3.5"


@virtually
async def test_smarthost_with_implicit_tls() -> None:
    world = World(RELAY, smarthost=relay("implicit", user=""))
    world.server("10.0.0.5", port=587)
    outcome = await world.one()
    assert isinstance(outcome, Delivered)
    assert outcome.tls


@pytest.mark.parametrize("zone", ["", "relay.here.example FAIL", "relay.here.example TXT x"])
def test_a_smarthost_that_cannot_be_found_is_waited_for(zone: str) -> None:
    async def scenario() -> None:
        world = World(zone, smarthost=relay())
        assert isinstance(await world.one(), Deferred)

    run(scenario())


@virtually
async def test_a_smarthost_by_address() -> None:
    world = World("", smarthost=Smarthost.parse("10.0.0.5:25"))
    world.server("10.0.0.5")
    assert isinstance(await world.one(), Delivered)


@pytest.mark.parametrize("text", ["relay", "relay:", ":25", "relay:smtp", "relay:99999", "relay:0"])
def test_smarthosts_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        Smarthost.parse(text)


def test_a_smarthost_does_not_show_its_password() -> None:
    assert "secret" not in repr(relay())
    assert "secret" not in repr(relay("starttls").security(verified_context()))
    assert Smarthost.parse("[2001:db8::1]:25").host == "2001:db8::1"
