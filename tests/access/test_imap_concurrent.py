"""Several clients change one mailbox at once; each believes what it is told, and in the end all believe the truth."""

from __future__ import annotations

import asyncio
import random
import re
from pathlib import Path

import pytest
from tests.access.test_imap_session import CLIENT, SERVER, House, house

from correo import mailbox
from correo.mail.flags import Flags
from correo.net.memory import MemoryStream

FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "word", "Other")
COMMANDS = 60  # of each client

_FETCH = re.compile(r"\* (\d+) FETCH \((?:UID (\d+) ?)?(?:FLAGS \(([^)]*)\))?\)")
_COUNT = re.compile(r"\* (\d+) (EXISTS|EXPUNGE|RECENT)")
_KEPT_BACK = ("FETCH", "STORE", "SEARCH")


class Client:
    """Knows for each message number a UID and flags, None where it was not told."""

    def __init__(self, near: MemoryStream, dice: random.Random) -> None:
        self.near = near
        self.dice = dice
        self.uids: list[int | None] = []
        self.flags: dict[int, frozenset[str]] = {}
        self.known: set[str] = set()
        self.tags = 0
        self.heard = b""

    async def line(self) -> str:
        while b"\r\n" not in self.heard:
            data = await asyncio.wait_for(self.near.read(None), 20)
            assert isinstance(data, bytes)
            assert data, "the server hung up"
            self.heard += data
        line, _, self.heard = self.heard.partition(b"\r\n")
        return line.decode()

    async def command(self, text: str) -> str:
        """Believes what is told on the way; the tagged response."""
        self.tags += 1
        tag = f"t{self.tags}"
        self.near.write(f"{tag} {text}\r\n".encode())
        while not (line := await self.line()).startswith(f"{tag} "):
            self.believe(line, text.split()[0])
        return line.removeprefix(f"{tag} ")

    def believe(self, line: str, during: str) -> None:
        if match := _COUNT.fullmatch(line):
            number = int(match[1])
            if match[2] == "EXISTS":
                assert number >= len(self.uids), "messages went without EXPUNGE"
                self.uids += [None] * (number - len(self.uids))
            elif match[2] == "EXPUNGE":
                assert during not in _KEPT_BACK, f"{line} during {during}"
                del self.uids[number - 1]
        elif match := _FETCH.fullmatch(line):
            self.fetched(int(match[1]), match[2], match[3])
        elif line.startswith("* FLAGS ("):
            self.known = {word.lower() for word in line.removeprefix("* FLAGS (").removesuffix(")").split()}

    def fetched(self, number: int, uid_text: str | None, flags: str | None) -> None:
        uid = int(uid_text) if uid_text else self.uids[number - 1]
        if uid is None:
            return
        assert self.uids[number - 1] in (None, uid), f"message {number} changed its UID"
        self.uids[number - 1] = uid
        told = [known for known in self.uids if known is not None]
        assert told == sorted(set(told)), "UIDs do not ascend"
        if flags is not None:
            words = frozenset(flags.lower().split()) - {"\\recent"}
            assert words <= self.known, "a keyword was not announced"
            self.flags[uid] = words

    async def act(self) -> None:
        """Something at random."""
        dice, count = self.dice, len(self.uids)
        flag = dice.choice(FLAGS)
        some = f"{dice.randint(1, count)}:{dice.randint(1, count)}" if count else "1"
        uids = f"{dice.randint(1, 40)}:{dice.choice([str(dice.randint(1, 60)), '*'])}"
        texts = [
            "NOOP",
            "APPEND INBOX (\\Seen) {6+}\r\na: b\r\n",
            f"UID STORE {uids} +FLAGS ({flag})",
            f"UID STORE {uids} FLAGS ({flag})",
            f"UID FETCH {uids} (FLAGS)",
            "UID SEARCH UNSEEN",
            f"UID COPY {uids} INBOX" if count < 40 else "NOOP",
            "EXPUNGE",
            f"UID EXPUNGE {uids}",
        ]
        if count:
            texts += [
                f"FETCH {some} (UID FLAGS)",
                f"FETCH {some} FLAGS",
                f"STORE {some} -FLAGS ({flag})",
                f"STORE {some} +FLAGS ({flag})",
                f"SEARCH KEYWORD word {some}",
                f"MOVE {dice.randint(1, count)} Trash",
                f"MOVE {dice.randint(1, count)} INBOX",
            ]
        if dice.random() < 0.2:
            await self.idle()
        elif count and dice.random() < 0.3:
            await self.store_silently(dice.randint(1, count), flag, dice.choice("+-"))
        else:
            answer = await self.command(dice.choice(texts))
            assert answer.startswith(("OK", "NO [EXPUNGEISSUED]")), answer

    async def store_silently(self, number: int, flag: str, sign: str) -> None:
        """The client changes what it knows itself, for it will not be told; others' changes it is told."""
        await self.command(f"FETCH {number} (UID FLAGS)")
        uid = self.uids[number - 1]
        answer = await self.command(f"STORE {number} {sign}FLAGS.SILENT ({flag})")
        assert answer.startswith("OK"), answer
        if uid is not None and uid in self.flags:
            words = self.flags[uid]
            self.flags[uid] = words | {flag.lower()} if sign == "+" else words - {flag.lower()}

    async def idle(self) -> None:
        self.near.write(b"i IDLE\r\n")
        while (line := await self.line()) != "+ idling":
            self.believe(line, "IDLE")
        for _ in range(self.dice.randint(0, 5)):
            await asyncio.sleep(0)
        self.near.write(b"DONE\r\n")
        while not (line := await self.line()).startswith("i OK"):
            self.believe(line, "IDLE")


@pytest.mark.parametrize("seed", range(12))
async def test_all_clients_believe_the_truth(seed: int, tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        connections = [await _connect(home, f"{seed} {number}") for number in range(3)]
        clients = [client for client, _ in connections]
        await asyncio.gather(*map(_live, clients))
        truth = await _messages(home)
        for client in clients:
            await client.command("NOOP")
            told = dict(client.flags)
            await client.command("UID FETCH 1:* UID")
            assert client.uids == [message.uid for message in truth]
            for message in truth:
                names = Flags.stored(message.flags, message.keywords).names
                words = frozenset(map(str.lower, names))
                assert told.get(message.uid, words) == words, f"UID {message.uid} has other flags"
            await client.near.close()
        await asyncio.gather(*(task for _, task in connections))
        assert not home.faults


async def _connect(home: House, seed: str) -> tuple[Client, asyncio.Task[None]]:
    near, far = MemoryStream.pair(CLIENT, SERVER)
    task = asyncio.get_running_loop().create_task(home.serve(far))
    client = Client(near, random.Random(seed))
    await client.line()
    assert (await client.command("LOGIN alice@example.org secret")).startswith("OK")
    assert (await client.command("SELECT INBOX")).startswith("OK")
    return client, task


async def _live(client: Client) -> None:
    for _ in range(COMMANDS):
        await client.act()
        await asyncio.sleep(0)


async def _messages(home: House) -> list[mailbox.Message]:
    inbox = await home.services.db.read(mailbox.inbox, home.account_id)
    assert inbox is not None
    return await home.services.db.read(mailbox.messages, inbox.id)
