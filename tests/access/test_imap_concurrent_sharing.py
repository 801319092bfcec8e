"""An owner and two visitors change one mailbox at once; in the end each believes what is true for him, \\Seen among it."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from tests.access.test_imap_concurrent import COMMANDS, Client
from tests.access.test_imap_session import CLIENT, CREDENTIALS, SERVER, House, house

from correo import accounts, mailbox
from correo.clock.virtual import START
from correo.mail.address import Address
from correo.mail.flags import Flags
from correo.mailbox import ALL_RIGHTS
from correo.net.memory import MemoryStream
from correo.storage.db import Tx

MESSAGES = 12
PLACE = '"Other Users/alice@example.org/INBOX"'


class Keeper(Client):
    """Lets messages go more seldom, so that there is something left to be wrong about."""

    async def command(self, text: str) -> str:
        going = text.startswith(("EXPUNGE", "UID EXPUNGE", "MOVE"))
        return await super().command("NOOP" if going and self.dice.random() < 0.9 else text)


class Visitor(Keeper):
    """Means alice's INBOX wherever she would say INBOX; what is moved to the trash goes to his own."""

    async def command(self, text: str) -> str:
        return await super().command(text.replace("INBOX", PLACE))


async def invited(home: House, name: str) -> int:
    """An account that may do everything in alice's INBOX."""
    id = home.services.chance.id(START)

    async def invite(tx: Tx) -> None:
        address = Address.parse(f"{name}@example.org")
        await accounts.add_account(tx, id=id, address=address, credentials=CREDENTIALS, now=START)
        await mailbox.open_account(tx, id, home.services.chance, START)
        inbox = await mailbox.inbox(tx, home.account_id)
        assert inbox is not None
        await mailbox.set_rights(tx, inbox.id, id, "", False, "replace", ALL_RIGHTS, START)

    await home.services.db.write(invite)
    return id


async def connected(
    home: House, kind: type[Client], name: str, seed: str
) -> tuple[Client, asyncio.Task[None]]:
    near, far = MemoryStream.pair(CLIENT, SERVER)
    task = asyncio.get_running_loop().create_task(home.serve(far))
    client = kind(near, random.Random(seed))
    await client.line()
    assert (await client.command(f"LOGIN {name}@example.org secret")).startswith("OK")
    assert (await client.command("SELECT INBOX")).startswith("OK")
    return client, task


async def live(client: Client) -> None:
    for _ in range(COMMANDS):
        await client.act()
        await asyncio.sleep(0)


async def shown(home: House, reader: int) -> dict[int, frozenset[str]]:
    inbox = await home.services.db.read(mailbox.inbox, home.account_id)
    assert inbox is not None
    rows = await home.services.db.read(mailbox.messages, inbox.id, None, reader)
    return {row.uid: frozenset(map(str.lower, Flags.stored(row.flags, row.keywords).names)) for row in rows}


@pytest.mark.parametrize("seed", range(6))
async def test_each_believes_what_is_true_for_him(seed: int, tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.fill("INBOX", MESSAGES)
        bob, carol = await invited(home, "bob"), await invited(home, "carol")
        who = (
            (Keeper, "alice", 0),
            (Visitor, "bob", bob),
            (Visitor, "bob", bob),
            (Visitor, "carol", carol),
        )
        connections = [
            await connected(home, kind, name, f"{seed} {number}")
            for number, (kind, name, _) in enumerate(who)
        ]
        await asyncio.gather(*(live(client) for client, _ in connections))
        for (client, task), (_, name, reader) in zip(connections, who, strict=True):
            await client.command("NOOP")
            told = dict(client.flags)
            await client.command("UID FETCH 1:* UID")
            truth = await shown(home, reader)
            assert client.uids == list(truth)
            for uid, words in truth.items():
                assert told.get(uid, words) == words, f"{name}: UID {uid} has other flags"
            await client.near.close()
            await task
        assert not home.faults
