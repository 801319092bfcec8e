"""A client that has said NOTIFY, and believes what it is told, knows how everything stands whatever others do (RFC 5465)."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.access.test_imap_session import CLIENT, SERVER, House, house

from correo import mailbox
from correo.clock import Chance
from correo.mail.errors import Refused
from correo.mail.flags import DELETED, FLAGGED, SEEN, Flags
from correo.mailbox import INBOX
from correo.net.memory import MemoryStream
from correo.storage.bus import account
from correo.storage.db import Tx

NAMES = ("a", "a/b", "a/b/c", "x", "x/y", "Sent", "z")
ASKED = (
    "NOTIFY SET STATUS (SELECTED (MessageNew (UID FLAGS) MessageExpunge FlagChange)) "
    "(PERSONAL (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))"
)
_LIST = re.compile(r'\* LIST \(([^)]*)\) "/" (\S+?)(?: \("OLDNAME" \((\S+)\)\))?')
_STATUS = re.compile(r"\* STATUS (\S+) \((.*)\)")
_EXISTS = re.compile(r"\* (\d+) EXISTS")
_EXPUNGE = re.compile(r"\* (\d+) EXPUNGE")
_FETCH = re.compile(r"\* (\d+) FETCH \(UID (\d+) FLAGS \(([^)]*)\)\)")

Numbers = dict[str, int]


@dataclass
class Picture:
    """What the client believes: of each mailbox but INBOX its numbers, of INBOX its messages."""

    boxes: dict[str, Numbers] = field(default_factory=dict)
    subscribed: set[str] = field(default_factory=set)
    uids: list[int | None] = field(default_factory=list)
    flags: dict[int, frozenset[str]] = field(default_factory=dict)

    def hear(self, line: str) -> None:
        if match := _LIST.fullmatch(line):
            self._listed(match[1].split(), match[2], match[3])
        elif match := _STATUS.fullmatch(line):
            words = match[2].split()
            told = dict(zip(words[::2], map(int, words[1::2]), strict=True))
            if match[1] != INBOX:  # that is selected
                box = self.boxes[match[1]]
                box.update({name: told[name] for name in box.keys() & told.keys()})
        elif match := _EXISTS.fullmatch(line):
            self.uids += [None] * (int(match[1]) - len(self.uids))
        elif match := _EXPUNGE.fullmatch(line):
            gone = self.uids.pop(int(match[1]) - 1)
            assert gone is not None
            self.flags.pop(gone)
        elif match := _FETCH.fullmatch(line):
            self.uids[int(match[1]) - 1] = int(match[2])
            self.flags[int(match[2])] = frozenset(match[3].split()) - {"\\Recent"}

    def _listed(self, attributes: list[str], name: str, old: str | None) -> None:
        if old:
            moved = [one for one in self.boxes if one == old or one.startswith(old + "/")]
            for one in moved:
                self.boxes[name + one[len(old) :]] = self.boxes.pop(one)
        elif "\\NonExistent" in attributes:
            self.boxes.pop(name, None)
        elif name != INBOX:
            self.boxes.setdefault(name, {"MESSAGES": 0, "UIDNEXT": 1, "UNSEEN": 0})
        (self.subscribed.add if "\\Subscribed" in attributes else self.subscribed.discard)(name)


async def truth(tx: Tx, account_id: int) -> Picture:
    picture = Picture(subscribed=set(await mailbox.subscriptions(tx, account_id)))
    for box in await mailbox.list_mailboxes(tx, account_id):
        if box.name != INBOX:
            picture.boxes[box.name] = {"MESSAGES": box.messages, "UIDNEXT": box.uidnext, "UNSEEN": box.unseen}
            continue
        for row in await mailbox.messages(tx, box.id):
            picture.uids.append(row.uid)
            picture.flags[row.uid] = frozenset(Flags.stored(row.flags, row.keywords).names)
    return picture


async def someone(tx: Tx, account_id: int, dice: Random, chance: Chance, now: int) -> None:
    """Does one thing; what cannot be done is not."""
    names = [box.name for box in await mailbox.list_mailboxes(tx, account_id)]
    box = await mailbox.find(tx, account_id, dice.choice([*names, INBOX, INBOX]))
    assert box is not None
    uids = await mailbox.uids(tx, box.id)
    some = [(uid, uid) for uid in sorted(dice.sample(uids, min(len(uids), dice.randint(0, 3))))]
    match dice.choice(("append", "append", "store", "expunge", "move", "create", "delete", "subscribe")):
        case "append":
            content_id = chance.id(now)
            await mailbox.store(tx, mailbox.prepare(b"x: y\r\n\r\n"), content_id, now)
            flags = Flags(dice.choice((0, SEEN)))
            await mailbox.append(
                tx, box.id, content_id=content_id, size=8, flags=flags, received=now, now=now
            )
        case "store":
            flags = Flags(dice.choice((SEEN, FLAGGED, DELETED)))
            await mailbox.store_flags(tx, box.id, some, dice.choice(("add", "remove")), flags, now)
        case "expunge":
            await mailbox.expunge(tx, box.id, some, now, only_deleted=False)
        case "move":
            target = await mailbox.find(tx, account_id, dice.choice(names))
            assert target is not None
            await mailbox.move(tx, box.id, some, target.id, now)
        case "create":
            await mailbox.create(tx, account_id, dice.choice(NAMES), chance, now)
        case "delete":
            await mailbox.delete(tx, account_id, dice.choice(NAMES), now)
        case "subscribe":
            act = dice.choice((mailbox.subscribe, mailbox.unsubscribe))
            await act(tx, account_id, dice.choice(NAMES), now)


async def rename(tx: Tx, account_id: int, old: str, new: str, chance: Chance, now: int) -> None:
    await mailbox.rename(tx, account_id, old, new, chance, now)


class Client:
    def __init__(self, home: House) -> None:
        self.near, far = MemoryStream.pair(CLIENT, SERVER)
        self.task = asyncio.get_running_loop().create_task(home.serve(far))
        self.picture = Picture()
        self._heard = b""

    async def line(self) -> str:
        while b"\r\n" not in self._heard:
            data = await asyncio.wait_for(self.near.read(None), 20)
            assert isinstance(data, bytes)
            assert data, "the server hung up"
            self._heard += data
        line, _, self._heard = self._heard.partition(b"\r\n")
        return line.decode()

    async def command(self, text: str) -> list[str]:
        self.near.write(f"t {text}\r\n".encode())
        said = []
        while not (line := await self.line()).startswith("t "):
            said.append(line)
            self.picture.hear(line)
        return [*said, line.removeprefix("t ")]


async def play(home: House, dice: Random, steps: int) -> None:
    services, id = home.services, home.account_id
    write, now = services.db.write, services.clock.now()
    client = Client(home)
    await client.line()
    await client.command("LOGIN alice@example.org secret")
    await client.command("SELECT INBOX")
    client.picture = await services.db.read(truth, id)
    assert (await client.command(ASKED))[-1].startswith("OK")
    for _ in range(steps):
        if dice.random() < 0.15:
            old, new = dice.choice(NAMES), dice.choice(NAMES)
            await _try(write(rename, id, old, new, services.chance, now))
        else:
            for _ in range(dice.randint(1, 4)):
                await _try(write(someone, id, dice, services.chance, now))
        services.bus.publish(account(id))
        await client.command("NOOP")
        assert client.picture == await services.db.read(truth, id)
        if dice.random() < 0.2:
            name = dice.choice(NAMES)
            said = await client.command(f"{dice.choice(('CREATE', 'DELETE', 'SUBSCRIBE'))} {name}")
            assert len(said) == 1, "it is told what it did itself"
            client.picture = await services.db.read(truth, id)
    await client.near.close()
    await client.task
    assert not home.faults


async def _try(write: object) -> None:
    try:
        await write  # type: ignore[misc]
    except Refused:
        pass


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000))
def test_the_picture_is_the_truth(seed: int) -> None:
    async def main() -> None:
        with TemporaryDirectory() as folder:
            async with house(Path(folder)) as home:
                await play(home, Random(seed), 40)

    asyncio.run(main())
