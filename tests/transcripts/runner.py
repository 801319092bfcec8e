"""Dialogs as data: plays a transcript against a session, on the whole stack from stream to database, in memory and in virtual time.

A transcript is a text file, `tests/transcripts/<protocol>/<name>.txt`. Lines that begin with `#` and empty lines mean nothing.

First come header lines, `key: value`, each key as often as needed:

    setup: domain example.org                     a local domain
    setup: account alice@example.org secret       an account and its password (and its mailboxes)
    setup: alias info@example.org alice@example.org
    setup: disable alice@example.org
    setup: app alice@example.org k7hw2-etc imap,smtp 30d           an app password; without the last for ever
    setup: apponly alice@example.org
    setup: quota alice@example.org 4096 3 -       at most so many octets, messages and mailboxes; "-" is any number
    setup: shared support@example.org             an account as which nobody logs in
    setup: admin alice@example.org                she looks after the accounts of her domain
    setup: right alice@example.org Sent bob@example.org lrs        what he may do in that mailbox of hers; or `anyone`
    mailbox: alice@example.org INBOX 3            three small messages, `Subject: message 1` and so on, in that mailbox
    message: alice@example.org INBOX From: bob@example.net\r\n\r\nText\r\n       one message, escapes as below
    queued: alice@example.org bob@example.net,!eve@example.net From: ...     she has submitted this, and it waits; `!`: it is being sent

    patience: 4 10m                               a network is banned for that long after so many failed logins
    mechanisms: SCRAM-SHA-1 PLAIN                 SASL mechanisms that are allowed, instead of the usual ones
    token: opensesame alice@example.org           a bearer token and whose it is: there is an authorization server then
    tls: yes                                      the connection is under TLS from the start; `1.2` is TLS 1.2, with channel bindings
    certificate: alice@example.org                the client shows a certificate for this address whenever TLS begins

and whatever else the factory of the protocol understands (`script.header["listener"]`, ...).

Then the dialog. A number in front names one of several connections, opened when first named; without one it is connection 1.

    C: EHLO client.example     the client sends this and CR LF; lines that follow each other are sent together
    C+: text                   the same without CR LF
    S: 250 2.1.0 Ok            the server says exactly this line
    S*                         the server says any number of lines, up to the one the next S line describes
    C close                    the client closes its side
    C tls                      the client's half of the TLS handshake, after the server has asked for it
    S close                    the server closes the connection, having said no more
    wait 5m                    so much time goes by
    stop                       the server is told to stop
    do disable alice@example.org                  what a setup line does, and what besides them: `remove`, `passwd` and a new password,
                                                  `noapp` and an app password; whoever is shut out by it is told
    = alice@example.org INBOX 2                   the mailbox has two messages
    = alice@example.org INBOX 1 has Subject: x    the message with UID 1 contains this text (`lacks`: does not)
    = queue 1                                     so many recipients wait for other servers

In what the client sends and in `has`: \r \n \t \0 \\ \x41 are octets, $(b64 text) is base64, $(rep 300 text) repeats,
$(cram challenge login password) is the answer of CRAM-MD5 to a challenge, both in base64, and $name is what
was bound before. In what the server says: `...` stands for anything, $name for something without blanks or brackets, which
is bound the first time and the same from then on, and $_ for such a thing that is not remembered.

At the end the server must not have said more than was asked for, and no session may have failed. `play` runs a script once; run it
with each of `SPLITS`, in which the server reads what the client sent whole, octet by octet, and in pieces of random sizes.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import re
import shutil
import ssl
import traceback
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.accounts.authority import Authority

from correo import accounts, mailbox
from correo.accounts import Cost, Introspection, Logins, Patience, Service, Ways, cost_for, make_credentials
from correo.accounts.account import stored_login
from correo.accounts.app_passwords import derive, derive_cram
from correo.accounts.login import USUAL
from correo.clock.virtual import START, SeededChance, VirtualClock, VirtualLoop
from correo.clock.virtual import run as run_virtually
from correo.delivery import Incoming, QueueTimes, Recipient, accept
from correo.mail.address import Address
from correo.mail.flags import Flags
from correo.mail.instant import DAY, SECOND, parse_duration
from correo.net import Peer, Session, Stream, TlsInfo, Woken
from correo.net.drive import Stopping, Terms, drive
from correo.net.memory import TLS, MemoryNetwork, MemoryStream
from correo.storage.bus.local import LocalBus
from correo.storage.db import Tx
from correo.storage.db.sqlite import Sqlite
from correo.wire.http import Endpoint

FOLDER = Path(__file__).parent
SPLITS = ("whole", "octets", "random")
PATIENCE = 20.0  # virtual seconds in which a server must have said what is expected
SILENCE = 0.01  # virtual seconds after which it is believed to say no more
CHEAP = Cost(passes=1, memory=8, lanes=1, iterations=4096)
SERVER = Peer("192.0.2.250", 25)

_LINE = re.compile(
    r"(?:(?P<connection>\d+) )?"
    r"(?:(?P<who>[CS])(?P<how>[+*]?)(?P<colon>:)? ?(?P<text>.*)|(?P<verb>wait|stop|do|=) ?(?P<rest>.*))"
)
_HEADER = re.compile(r"([a-z]+): *(.*)")
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|([rnt0\\]))")
_ESCAPED = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}
_CALL = re.compile(rb"\$\((b64|rep|cram) ([^)]*)\)")
_VARIABLE = re.compile(r"\$([a-z_][a-z0-9_]*)")
_WORD = r"[^\s\[\](){}<>]+"


@dataclass(frozen=True, slots=True)
class Step:
    number: int  # of the line in the file
    kind: str  # C C+ S S* close tls closed wait stop =
    connection: int
    text: str


@dataclass(frozen=True, slots=True)
class Script:
    path: Path
    header: dict[str, list[str]]
    steps: tuple[Step, ...]

    def one(self, key: str, default: str = "") -> str:
        """The value of a header line that may occur once."""
        values = self.header.get(key, [default])
        assert len(values) == 1, f"{self.path.name}: {key} is given more than once"
        return values[0]


@dataclass(slots=True)
class World:
    """What a session is made of."""

    db: Sqlite
    bus: LocalBus
    clock: VirtualClock
    chance: SeededChance
    logins: Logins
    cost: Cost  # of the passwords that are set before the first word
    faults: list[BaseException] = field(default_factory=list)


Factory = Callable[[World, Script, Stream], Session]  # the stream is there for its peer and its `wake`


def scripts(protocol: str) -> list[Script]:
    """Every transcript of a protocol, read."""
    return [read(path) for path in sorted((FOLDER / protocol).glob("*.txt"))]


def read(path: Path) -> Script:
    header: dict[str, list[str]] = {}
    steps: list[Step] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if not steps and (match := _HEADER.fullmatch(line)):
            header.setdefault(match[1], []).append(match[2])
        elif match := _LINE.fullmatch(line):
            steps.append(_step(match, number, path))
        else:
            raise ValueError(f"{path.name}:{number}: not understood: {line}")
    return Script(path, header, tuple(steps))


def _step(match: re.Match[str], number: int, path: Path) -> Step:
    connection = int(match["connection"] or 1)
    if match["verb"]:
        return Step(number, match["verb"], connection, match["rest"])
    who, how, text = match["who"], match["how"], match["text"]
    if match["colon"]:
        return Step(number, who + how, connection, text)
    kinds = {("C", "close"): "close", ("C", "tls"): "tls", ("S", "close"): "closed", ("S*", ""): "S*"}
    kind = kinds.get((who + how, text))
    if kind is None:
        raise ValueError(f"{path.name}:{number}: not understood")
    return Step(number, kind, connection, "")


def play(script: Script, factory: Factory, split: str, folder: Path, kind: type[Stage] | None = None) -> None:
    """Run a script to its end; `folder` is an empty one of its own. Raises AssertionError that names file and line.

    `kind`: a stage on which something else is checked than that the server says what is written.
    """
    shutil.copytree(_template().name, folder, dirs_exist_ok=True)
    run_virtually(_play(script, factory, split, folder, kind or Stage))


async def _play(script: Script, factory: Factory, split: str, folder: Path, kind: type[Stage]) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    db = await Sqlite.open(folder / "correo.db", now=START, threaded=False)
    clock, chance = VirtualClock(loop), SeededChance(1)
    ways, patience = _ways(script, clock), _patience(script)
    logins = Logins(db, clock, chance, concurrency=0, cost=CHEAP, ways=ways, patience=patience)
    world = World(db, LocalBus(), clock, chance, logins, cost_for(ways.mechanisms, CHEAP))
    stage = kind(script, world, factory, split)
    try:
        await _furnish(script, world)
        await stage.play()
    finally:
        await stage.clear()
        logins.close()
        await db.close()


def tls_of(script: Script) -> TlsInfo | None:
    """What the header says of TLS from the start."""
    said = script.one("tls", "no")
    if said == "no":
        return None
    certificate = tuple(script.header.get("certificate", ()))
    if said == "1.2":
        bindings = (("tls-server-end-point", b"end point"), ("tls-unique", b"unique"))
        return TlsInfo("TLSv1.2", "TLS_IN_MEMORY", bindings=bindings, certificate=certificate)
    return replace(TLS, certificate=certificate)


def _ways(script: Script, clock: VirtualClock) -> Ways:
    mechanisms = tuple(script.one("mechanisms").split()) or USUAL
    given = [line.split() for line in script.header.get("token", [])]
    if not given:
        return Ways(mechanisms)
    network = MemoryNetwork()
    facts = {token: {"active": True, "username": owner, "scope": "mail"} for token, owner in given}
    network.listen("id.example.org", 443, Authority({"active": False}, facts))
    endpoint = Endpoint.parse("https://id.example.org/introspect")
    service = Service(
        endpoint, "correo", "secret", scope="mail", configuration="https://id.example.org/about"
    )
    return Ways(mechanisms, Introspection(service, network.dialer(), clock, b"key", _CONTEXT))


def _patience(script: Script) -> Patience:
    said = script.one("patience").split()
    return Patience(int(said[0]), ban=parse_duration(said[1])) if said else Patience()


@cache
def _template() -> TemporaryDirectory[str]:
    """A folder with an empty database, made once: the schema takes longer than most dialogs."""
    folder = TemporaryDirectory(prefix="correo-transcripts-")

    async def make() -> None:
        await (await Sqlite.open(Path(folder.name) / "correo.db", now=START, threaded=False)).close()

    run_virtually(make())
    return folder


# -- what is there before the first word ---------------------------------------------------------------------------------


@cache
def _credentials(password: str, cost: Cost) -> accounts.Credentials:
    return make_credentials(password, SeededChance(2), cost)


async def _furnish(script: Script, world: World) -> None:
    for line in script.header.get("setup", []):
        what, *words = line.split()
        await _SETUP[what](world, *words)
    for line in script.header.get("mailbox", []):
        address, name, count = line.split()
        await _put(world, address, name, *map(sample, range(1, int(count) + 1)))
    for line in script.header.get("message", []):
        address, name, text = line.split(" ", 2)
        await _put(world, address, name, expand(text, {}))
    for line in script.header.get("queued", []):
        address, recipients, text = line.split(" ", 2)
        await _submit(world, address, recipients.split(","), expand(text, {}))


def sample(number: int) -> bytes:
    """What `mailbox:` puts there."""
    return (
        f"From: Bob <bob@example.net>\r\nTo: alice@example.org\r\nSubject: message {number}\r\n"
        f"Message-ID: <{number}@example.net>\r\nDate: Thu, 1 Jan 2026 00:00:{number % 60:02d} +0000\r\n\r\n"
        f"This is message {number}.\r\n"
    ).encode()


async def _domain(world: World, name: str) -> None:
    await world.db.write(accounts.add_domain, name, START)


async def _account(world: World, address: str, password: str) -> None:
    id = world.chance.id(START)
    add = accounts.add_account
    parsed, credentials = Address.parse(address), _credentials(password, world.cost)
    await world.db.write(add, id=id, address=parsed, credentials=credentials, now=START)
    await world.db.write(mailbox.open_account, id, world.chance, START)


async def _alias(world: World, address: str, *targets: str) -> None:
    await world.db.write(accounts.add_alias, address, targets, START)


async def _disable(world: World, address: str) -> None:
    await world.db.write(accounts.set_enabled, Address.parse(address).folded, False)


async def _app(world: World, address: str, password: str, scopes: str, lasts: str = "") -> None:
    stored = await world.db.read(stored_login, Address.parse(address).folded)
    assert stored is not None, f"no account {address}"
    await world.db.write(
        accounts.add_app_password,
        stored.account.id,
        id=world.chance.id(START),
        name=password,
        password=password,
        scram=derive(password, stored.credentials),
        cram_md5=derive_cram(password) if world.cost.cram else "",
        scopes=scopes.split(","),
        expires=START + parse_duration(lasts) if lasts else None,
        now=START,
    )


async def _apponly(world: World, address: str) -> None:
    await world.db.write(accounts.set_app_only, Address.parse(address).folded, True)


async def _quota(world: World, address: str, storage: str, messages: str, mailboxes: str) -> None:
    await world.db.write(
        _limit, address, *(None if most == "-" else int(most) for most in (storage, messages, mailboxes))
    )


async def _limit(tx: Tx, address: str, size: int | None, messages: int | None, mailboxes: int | None) -> None:
    account = await accounts.get_account(tx, Address.parse(address).folded)
    assert account is not None, f"no account {address}"
    await mailbox.set_limits(tx, account.id, messages=messages, size=size, mailboxes=mailboxes)


async def _shared(world: World, address: str) -> None:
    id = world.chance.id(START)
    await world.db.write(accounts.add_account, id=id, address=Address.parse(address), shared=True, now=START)
    await world.db.write(mailbox.open_account, id, world.chance, START)


async def _admin(world: World, address: str) -> None:
    await world.db.write(accounts.set_admin, Address.parse(address).folded, True)


async def _right(world: World, address: str, name: str, identifier: str, letters: str) -> None:
    await world.db.write(_give, address, name, identifier, letters)


async def _give(tx: Tx, address: str, name: str, identifier: str, letters: str) -> None:
    box, rights = await _box(tx, address, name), mailbox.parse_rights(letters)
    assert rights is not None, f"no such rights: {letters}"
    who = None if identifier == "anyone" else await accounts.get_account(tx, identifier)
    domain = "" if who else Address.parse(address).host
    await mailbox.set_rights(tx, box.id, who.id if who else 0, domain, False, "replace", rights, START)


_SETUP: dict[str, Callable[..., Awaitable[None]]] = {
    "domain": _domain,
    "account": _account,
    "alias": _alias,
    "disable": _disable,
    "app": _app,
    "apponly": _apponly,
    "quota": _quota,
    "shared": _shared,
    "admin": _admin,
    "right": _right,
}


async def _remove(world: World, address: str) -> None:
    await world.db.write(accounts.remove_account, Address.parse(address).folded)


async def _passwd(world: World, address: str, password: str) -> None:
    fresh = _credentials(password, world.cost)
    await world.db.write(accounts.set_credentials, Address.parse(address).folded, fresh)


async def _noapp(world: World, address: str, password: str) -> None:
    stored = await world.db.read(stored_login, Address.parse(address).folded)
    assert stored is not None, f"no account {address}"
    await world.db.write(accounts.remove_app_password, stored.account.id, password)


_LATER: dict[str, Callable[..., Awaitable[None]]] = {"remove": _remove, "passwd": _passwd, "noapp": _noapp}


async def _put(world: World, address: str, name: str, *messages: bytes) -> None:
    await world.db.write(_append, address, name, messages, world.chance, world.clock.now())


async def _append(
    tx: Tx, address: str, name: str, messages: Iterable[bytes], chance: SeededChance, now: int
) -> None:
    account = await accounts.get_account(tx, Address.parse(address).folded)
    assert account is not None, f"no account {address}"
    box = await mailbox.find(tx, account.id, name)
    if box is None:
        await mailbox.create(tx, account.id, name, chance, now)
        box = await mailbox.find(tx, account.id, name)
    assert box is not None
    for raw in messages:
        content_id = chance.id(now)
        await mailbox.store(tx, mailbox.prepare(raw), content_id, now)
        await mailbox.append(
            tx, box.id, content_id=content_id, size=len(raw), flags=Flags(), received=now, now=now
        )


async def _submit(world: World, address: str, recipients: list[str], text: bytes) -> None:
    """As `receive` would take it, with what that writes in front of it."""
    account = await world.db.read(accounts.get_account, address)
    path = f"Return-Path: <{address}>\r\n".encode()
    trace = b"Received: from client.example\r\n\tby mail.example.org;\r\n\tThu, 1 Jan 2026 00:00:00 +0000\r\n"
    number = world.chance.id(START)
    incoming = Incoming(
        id=number,
        sender=Address.parse(address),
        recipients=tuple(Recipient(Address.parse(one.removeprefix("!"))) for one in recipients),
        prepared=mailbox.prepare(path + trace + text),
        return_path_size=len(path),
        body="7BIT",
        utf8=False,
        protocol="submission",
        source="192.0.2.1",
        account=account,
        queue=QueueTimes(START + 5 * DAY, 0),
    )
    await world.db.write(accept, incoming, world.chance, START)
    for one in recipients:
        if one.startswith("!"):
            await world.db.write(_send, number, one[1:])


async def _send(tx: Tx, message_id: int, address: str) -> None:
    await tx.run(
        "UPDATE queue_recipient SET state = 'active', lease = 'worker', lease_until = $3 WHERE message_id = $1 AND folded = $2",
        message_id,
        address,
        START + DAY,
    )


# -- the dialog ----------------------------------------------------------------------------------------------------------


class Splitting(MemoryStream):
    """A server's end that reads in pieces of random sizes."""

    dice: Random | None = None
    shown: tuple[str, ...] = ()  # the addresses of the certificate that the client shows in a handshake

    async def read(self, timeout: float | None) -> bytes | Woken:
        if self.dice:
            self.chunk = self.dice.choice((1, 2, 3, 5, 8, 13, 40, 400))
        return await super().read(timeout)

    async def start_tls(
        self, context: ssl.SSLContext, *, server_side: bool, hostname: str | None = None
    ) -> None:
        await super().start_tls(context, server_side=server_side, hostname=hostname)
        self.tls = replace(TLS, certificate=self.shown)


@dataclass(slots=True)
class _Connection:
    near: MemoryStream
    far: MemoryStream
    task: asyncio.Task[None]
    heard: bytearray = field(default_factory=bytearray)
    closed: bool = False

    async def line(self, timeout: float) -> bytes | None:
        """The server's next line without CR LF; None when it closed, TimeoutError when it is silent."""
        while b"\n" not in self.heard and not self.closed:
            try:
                data = await self.near.read(timeout)
            except ConnectionError:  # the server had something to say to a client that has gone
                data = b""
            assert not isinstance(data, Woken)
            self.closed = not data
            self.heard += data
        if b"\n" not in self.heard:
            assert not self.heard, f"the last line has no end: {bytes(self.heard)!r}"
            return None
        line, _, rest = bytes(self.heard).partition(b"\n")
        self.heard[:] = rest
        assert line.endswith(b"\r"), f"a line ends in LF alone: {line!r}"
        return line[:-1]


class Stage:
    def __init__(self, script: Script, world: World, factory: Factory, split: str) -> None:
        self.script = script
        self.world = world
        self.factory = factory
        self.split = split
        self.dice = Random(script.path.name)
        self.variables: dict[str, str] = {}
        self.connections: dict[int, _Connection] = {}
        self.terms = Terms(lambda: _CONTEXT, Stopping(), self._incident)

    def _incident(self, fault: BaseException) -> str:
        self.world.faults.append(fault)
        return "incident"

    async def play(self) -> None:
        steps = list(self.script.steps)
        while steps:
            step = steps.pop(0)
            try:
                await self._perform(step, steps)
            except AssertionError as wrong:
                raise AssertionError(f"{self.script.path}:{step.number} ({self.split}): {wrong}") from None
            self._no_faults()
        for number, connection in self.connections.items():
            said = await self._more(connection)
            assert said is None, f"{self.script.path}: at the end connection {number} still said {said!r}"
            await connection.near.close()
            await asyncio.wait_for(connection.task, PATIENCE)
        self._no_faults()

    def _no_faults(self) -> None:
        if self.world.faults:
            text = "".join(traceback.format_exception(self.world.faults[0]))
            raise AssertionError(f"{self.script.path}: a session failed:\n{text}")

    async def clear(self) -> None:
        for connection in self.connections.values():
            connection.task.cancel()
        await asyncio.gather(*(c.task for c in self.connections.values()), return_exceptions=True)

    async def _perform(self, step: Step, rest: list[Step]) -> None:
        match step.kind:
            case "C" | "C+":
                self._send(step, rest)
            case "S":
                await self._hear(self._connection(step), step.text)
            case "S*":
                await self._skip(self._connection(step), step, rest)
            case "close":
                await self._connection(step).near.close()
            case "closed":
                said = await self._connection(step).line(PATIENCE)
                assert said is None, f"the server said {said!r} instead of closing"
            case "tls":
                await self._start_tls(self._connection(step))
            case "wait":
                await asyncio.sleep(parse_duration(step.text) / SECOND)
            case "stop":
                self.terms.stopping.stop()
            case "do":
                what, *words = step.text.split()
                await (_SETUP | _LATER)[what](self.world, *words)
                await self.world.logins.show_out()
            case "=":
                await self._check(step.text)

    def _connection(self, step: Step) -> _Connection:
        number = step.connection
        if number not in self.connections:
            client = Peer(f"192.0.2.{number}", 40_000 + number)
            near, far = MemoryStream(client, SERVER), Splitting(SERVER, client)
            near._other, far._other = far, near
            far.chunk = 1 if self.split == "octets" else 0
            far.dice = self.dice if self.split == "random" else None
            far.shown = tuple(self.script.header.get("certificate", ()))
            session = self.factory(self.world, self.script, far)
            task = asyncio.get_running_loop().create_task(drive(far, session, self.terms))
            self.connections[number] = _Connection(near, far, task)
        return self.connections[number]

    def _send(self, step: Step, rest: list[Step]) -> None:
        pieces = [self._octets(step)]
        while rest and rest[0].kind in ("C", "C+") and rest[0].connection == step.connection:
            pieces.append(self._octets(rest.pop(0)))
        self._connection(step).near.write(b"".join(pieces))

    def _octets(self, step: Step) -> bytes:
        return expand(step.text, self.variables) + (b"\r\n" if step.kind == "C" else b"")

    async def _hear(self, connection: _Connection, pattern: str) -> None:
        try:
            said = await connection.line(PATIENCE)
        except TimeoutError:
            raise AssertionError(f"the server is silent instead of saying {pattern!r}") from None
        assert said is not None, f"the server closed instead of saying {pattern!r}"
        assert self._matches(pattern, said), f"the server said {said!r} instead of {pattern!r}"

    async def _skip(self, connection: _Connection, step: Step, rest: list[Step]) -> None:
        following = next((s for s in rest if s.kind == "S" and s.connection == step.connection), None)
        assert following is not None, "S* needs a line S: after it"
        while not ((said := await connection.line(PATIENCE)) is None or self._matches(following.text, said)):
            pass
        assert said is not None, f"the server closed before it said {following.text!r}"
        rest.remove(following)

    def _matches(self, pattern: str, said: bytes) -> bool:
        names: list[str] = []
        parts: list[str] = []
        for piece in re.split(r"(\.\.\.|\$[a-z_][a-z0-9_]*)", pattern):
            if piece == "...":
                parts.append(".*")
            elif not (variable := _VARIABLE.fullmatch(piece)):
                parts.append(re.escape(piece))
            elif variable[1] in self.variables:
                parts.append(re.escape(self.variables[variable[1]]))
            elif variable[1] == "_":
                parts.append(_WORD)
            elif variable[1] in names:
                parts.append(f"(?P={variable[1]})")
            else:
                names.append(variable[1])
                parts.append(f"(?P<{variable[1]}>{_WORD})")
        match = re.fullmatch("".join(parts), said.decode("utf-8", "backslashreplace"))
        if match:
            self.variables.update({name: match[name] for name in names})
        return match is not None

    async def _start_tls(self, connection: _Connection) -> None:
        for _ in range(100):
            if connection.far.tls:
                break
            await asyncio.sleep(0)
        assert connection.far.tls, "the server did not ask for TLS"
        await connection.near.start_tls(_CONTEXT, server_side=False)

    async def _more(self, connection: _Connection) -> bytes | None:
        try:
            return await connection.line(SILENCE)
        except TimeoutError:
            return None

    async def _check(self, text: str) -> None:
        what, _, rest = text.partition(" ")
        if what == "queue":
            count = await self.world.db.read(_queued)
            assert count == int(rest), f"{count} recipients wait for other servers"
            return
        name, number, *more = rest.split(" ", 2)
        if not more:
            count = await self.world.db.read(_count, what, name)
            assert count == int(number), f"there are {count} messages"
            return
        verb, _, wanted = more[0].partition(" ")
        assert verb in ("has", "lacks"), f"{verb} is no check"
        raw = await self.world.db.read(_raw, what, name, int(number))
        found = expand(wanted, self.variables) in raw
        assert found is (verb == "has"), f"the message is\n{raw.decode('utf-8', 'backslashreplace')}"


def expand(text: str, variables: dict[str, str]) -> bytes:
    """What a client's line means in octets."""
    for name in sorted(variables, key=len, reverse=True):
        text = text.replace(f"${name}", variables[name])

    def call(match: re.Match[bytes]) -> bytes:
        if match[1] == b"b64":
            return base64.b64encode(_unescape(match[2]))
        if match[1] == b"cram":
            challenge, login, password = match[2].split(b" ")
            if challenge.startswith(b"$"):
                return b"="  # nobody has listened for it
            digest = hmac.new(password, base64.b64decode(challenge), "md5").hexdigest()
            return base64.b64encode(login + b" " + digest.encode())
        times, _, what = match[2].partition(b" ")
        return what * int(times)

    # A call's value has no backslashes of its own: base64 has none, and a repeated one is meant as one.
    return _unescape(_CALL.sub(call, text.encode()))


def _unescape(text: bytes) -> bytes:
    return _ESCAPE.sub(lambda m: bytes([int(m[1], 16)]) if m[1] else _ESCAPED[m[2]], text)


async def _queued(tx: Tx) -> int:
    row = await tx.one("SELECT count(*) FROM queue_recipient")
    return int(row[0]) if row else 0


async def _box(tx: Tx, address: str, name: str) -> mailbox.Mailbox:
    account = await accounts.get_account(tx, Address.parse(address).folded)
    assert account is not None, f"no account {address}"
    box = await mailbox.find(tx, account.id, name)
    assert box is not None, f"no mailbox {name}"
    return box


async def _count(tx: Tx, address: str, name: str) -> int:
    return len(await mailbox.uids(tx, (await _box(tx, address, name)).id))


async def _raw(tx: Tx, address: str, name: str, uid: int) -> bytes:
    found: Iterable[mailbox.Message] = await mailbox.messages(
        tx, (await _box(tx, address, name)).id, [(uid, uid)]
    )
    message = next(iter(found), None)
    assert message is not None, f"no message with UID {uid}"
    return await mailbox.raw(tx, message.content_id)


_CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
