"""The accounts of a test server: those that a test makes, and mailboxes for everybody else, made when mail comes for them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Sequence

from correo import accounts, mailbox
from correo.accounts import Cost, Credentials, NoSuchUser, NotLocal, make_credentials
from correo.clock import Chance, Clock
from correo.mail.address import Address, BadAddress, fold_domain
from correo.mail.errors import Kind, Refused
from correo.mail.status import Status
from correo.storage import bus as topics
from correo.storage.bus import Bus
from correo.storage.db import Database, Tx
from correo.testing.journal import Journal
from correo.testing.message import Message

# Passwords of tests are no secrets: what a thief could do with the hash does not matter, what a login costs does.
CHEAP = Cost(passes=1, memory=8, lanes=1, iterations=4096)
MAX_MADE = 10_000  # mailboxes made on the fly: a client that makes up names must not fill the disk
FULL = Status(452, "4.3.1", "This test server has made as many mailboxes as it may")

_RETURN_PATH = b"Return-Path: <>\r\n"
_BY_SMTP = b"Received: "
_SENDER = re.compile(rb"Return-Path: <([^>\r\n]*)>\r\n")
_NAMED = re.compile(rb"\r\nMessage-ID: <([^@>\r\n]+)@")


class People:
    """Of one server. `elsewhere` are the domains that others serve; `made_up`: anybody gets a mailbox."""

    def __init__(
        self,
        db: Database,
        bus: Bus,
        clock: Clock,
        chance: Chance,
        journal: Journal,
        *,
        elsewhere: Collection[str],
        made_up: bool,
        password: str,
    ) -> None:
        self.db = db
        self.made: dict[int, Address] = {}  # on the fly, by the account's id
        self._bus = bus
        self._clock = clock
        self._chance = chance
        self._journal = journal
        self._elsewhere = elsewhere
        self._made_up = made_up
        self._usual = self._credentials(password)
        self._looked: dict[int, int] = {}  # up to which UID each inbox has been looked through
        self._unsubscribe: dict[int, Callable[[], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, address: str, password: str | None = None, aliases: Sequence[str] = ()) -> None:
        """Make an account, or give one that was made on the fly its password. Raises ValueError."""
        try:
            credentials = self._usual if password is None else self._credentials(password)
            id = await self._open(Address.parse(address), credentials)
            self.made.pop(id, None)
            for alias in aliases:
                await self.db.write(_add_alias, alias, address, self._clock.now())
        except BadAddress as wrong:
            raise ValueError(f"{address!r}: {wrong}") from None
        except Refused as refused:
            raise ValueError(refused.detail or refused.kind.value) from None

    async def addresses(self) -> list[str]:
        return [one.spelling for one in await self.db.read(accounts.list_accounts)]

    async def admit(self, sender: Address | None, recipient: Address) -> Status | None:
        """Make the mailboxes that are missing, where anybody has one; a sender's when there may be a bounce for him."""
        if not self._made_up:
            return None
        wanted = sender if recipient.host in self._elsewhere else recipient
        if wanted is None or wanted.host in self._elsewhere:
            return None
        try:
            if not isinstance(await self.db.read(accounts.resolve, wanted), NoSuchUser | NotLocal):
                return None
            if len(self.made) >= MAX_MADE:
                return FULL
            wanted = _without_tag(wanted)
            self.made[await self._open(wanted, self._usual)] = wanted
        except Refused:
            pass  # a name that no account can have, or a full disk: the server itself will say so
        return None

    async def inbox(self, address: str, folder: str) -> list[Message]:
        """What lies there. Raises ValueError."""
        try:
            return await self.db.read(_contents, Address.parse(address), folder)
        except BadAddress as wrong:
            raise ValueError(f"{address!r}: {wrong}") from None
        except Refused as refused:
            raise ValueError(refused.detail or refused.kind.value) from None

    async def has(self, domain: str) -> bool:
        """Whether there are mailboxes of this domain, which is in comparison form."""
        return await self.db.read(accounts.is_local, domain)

    async def empty(self) -> None:
        """No mail, only the first folders, and nobody who was made on the fly."""
        while self.made:
            id, address = self.made.popitem()
            await self.db.write(_remove, address, id, self._clock.now())
            self._unsubscribe.pop(id)()
            del self._looked[id]
            self._bus.publish(topics.account(id))
        for account in await self.db.read(accounts.list_accounts):
            await self.db.write(_empty, account.id, self._chance, self._clock.now())
            self._looked[account.id] = 0
            self._bus.publish(topics.account(account.id))

    def close(self) -> None:
        for unsubscribe in self._unsubscribe.values():
            unsubscribe()

    # ------------------------------------------------------------------------------------------------------------------

    def _credentials(self, password: str) -> Credentials:
        return make_credentials(password, self._chance, CHEAP)

    async def _open(self, address: Address, credentials: Credentials) -> int:
        """The account's id."""
        now = self._clock.now()
        id = await self.db.write(_open, address, credentials, self._chance, now)
        if id not in self._looked:
            self._looked[id] = 0
            self._unsubscribe[id] = self._bus.subscribe(topics.account(id), lambda: self._stirred(id))
        return id

    def _stirred(self, account_id: int) -> None:
        """Something came or went; a notice of the server's own came by no session, and is noted here."""
        task = asyncio.get_running_loop().create_task(self._look(account_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, account_id: int) -> None:
        if account_id not in self._looked:
            return  # the account is gone
        after, found = await self.db.read(_notices, account_id, self._looked[account_id])
        self._looked[account_id] = after
        for id, recipient, raw in found:
            self._journal.add(Message(id, "", (recipient,), raw, self._clock.now()))


def _without_tag(address: Address) -> Address:
    local, user = address.local.partition("+")[0], address.user.partition("+")[0]
    return Address(local, address.domain, f"{user}@{address.host}") if local else address


async def _open(tx: Tx, address: Address, credentials: Credentials, chance: Chance, now: int) -> int:
    """The account's id; where there is one already it gets these credentials."""
    if not await accounts.is_local(tx, address.host):
        await accounts.add_domain(tx, address.host, now)
    if known := await accounts.get_account(tx, address.folded):
        await accounts.set_credentials(tx, address.folded, credentials)
        return known.id
    account = await accounts.add_account(
        tx, id=chance.id(now), address=address, credentials=credentials, now=now
    )
    await mailbox.open_account(tx, account.id, chance, now)
    return account.id


async def _add_alias(tx: Tx, alias: str, target: str, now: int) -> None:
    host = fold_domain(alias[1:]) if alias.startswith("@") else Address.parse(alias).host
    if not await accounts.is_local(tx, host):
        await accounts.add_domain(tx, host, now)
    await accounts.add_alias(tx, alias, [target], now)


async def _contents(tx: Tx, address: Address, folder: str) -> list[Message]:
    account = await accounts.get_account(tx, address.folded)
    box = await mailbox.find(tx, account.id, folder) if account else None
    if account is None or box is None:
        what = f"mailbox {folder!r} of {address}" if account else f"account {address}"
        raise Refused(Kind.NOT_FOUND, f"there is no {what}")
    found = []
    for message in await mailbox.messages(tx, box.id):
        raw = await mailbox.raw(tx, message.content_id)
        sender = _SENDER.match(raw)
        envelope_from = sender[1].decode("utf-8", "replace") if sender else ""
        found.append(Message(str(message.uid), envelope_from, (account.spelling,), raw, message.received))
    return found


async def _notices(tx: Tx, account_id: int, after: int) -> tuple[int, list[tuple[str, str, bytes]]]:
    """Up to which UID was looked, and the server's own notices: those with the null sender that no server has received."""
    found: list[tuple[str, str, bytes]] = []
    account, box = await accounts.account_by_id(tx, account_id), await mailbox.inbox(tx, account_id)
    if account is None or box is None:
        return after, found
    for message in await mailbox.messages(tx, box.id, ((after + 1, mailbox.MAX_UID),)):
        after = message.uid
        raw = await mailbox.raw(tx, message.content_id)
        if raw.startswith(_RETURN_PATH) and not raw.startswith(_RETURN_PATH + _BY_SMTP):
            named = _NAMED.search(raw)
            id = named[1].decode("ascii", "replace") if named else str(message.uid)
            found.append((id, account.spelling, raw.removeprefix(_RETURN_PATH)))
    return after, found


async def _remove(tx: Tx, address: Address, account_id: int, now: int) -> None:
    await accounts.remove_account(tx, address.folded)
    await mailbox.remove_account(tx, account_id, now)
    try:
        await accounts.remove_domain(tx, address.host)
    except Refused:
        pass  # others have mailboxes there


async def _empty(tx: Tx, account_id: int, chance: Chance, now: int) -> None:
    await mailbox.remove_account(tx, account_id, now)
    await mailbox.open_account(tx, account_id, chance, now)
