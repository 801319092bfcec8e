"""A client that comes and goes knows the truth again after each SELECT (RFC 7162 §3.2), though it never looks at everything."""

from __future__ import annotations

import asyncio
import random
import re
from pathlib import Path

import pytest
from tests.access.test_imap_concurrent import Client, _connect, _live, _messages
from tests.access.test_imap_session import CLIENT, SERVER, House, house

from correo import mailbox
from correo.clock.virtual import START
from correo.mail.flags import Flags
from correo.mail.instant import DAY
from correo.net.memory import MemoryStream

ROUNDS = 4
COMMANDS = 25  # before it hangs up

_FETCH = re.compile(r"\* (\d+) FETCH \((?:UID (\d+) ?)?(?:FLAGS \(([^)]*)\) ?)?(?:MODSEQ \((\d+)\))?\)")
_VANISHED = re.compile(r"\* VANISHED (\(EARLIER\) )?([\d:,]+)")
_CODE = re.compile(r"(?:\* )?OK \[(HIGHESTMODSEQ|UIDVALIDITY) (\d+)\] .*")


class Disconnected(Client):
    """Keeps `flags` from one connection to the next, and the HIGHESTMODSEQ that RFC 7162 §6 tells it to keep."""

    validity = 0
    highest = 0
    code = 0  # HIGHESTMODSEQ that was told since the last tagged response
    seen = 0  # the highest MODSEQ since then

    async def command(self, text: str) -> str:
        answer = await super().command(text)
        self.believe(answer, text)
        self.settle()
        return answer

    async def idle(self) -> None:
        await super().idle()
        self.settle()

    def settle(self) -> None:
        self.highest = self.code or max(self.highest, self.seen)
        self.code = self.seen = 0

    def believe(self, line: str, during: str) -> None:
        assert not re.match(r"\* \d+ EXPUNGE", line), "it wants VANISHED"
        if match := _VANISHED.fullmatch(line):
            assert match[1] or during.split()[0] not in ("FETCH", "STORE", "SEARCH"), (
                f"{line} during {during}"
            )
            for uid in _expanded(match[2]):
                self.flags.pop(uid, None)
                if not match[1]:
                    del self.uids[self.place(uid)]
                else:
                    assert uid not in self.uids, "EARLIER takes no numbers away"
        elif match := _CODE.match(line):
            if match[1] == "UIDVALIDITY":
                self.validity = int(match[2])
            else:
                self.code = int(match[2])
        elif match := _FETCH.fullmatch(line):
            self.fetched(int(match[1]), match[2], match[3])
            self.seen = max(self.seen, int(match[4] or 0))
        else:
            super().believe(line, during)

    def place(self, uid: int) -> int:
        """Where the message stands; one whose UID it was not told stands behind those with lower ones."""
        if uid in self.uids:
            return self.uids.index(uid)
        after = max(
            (at for at, known in enumerate(self.uids) if known is not None and known < uid), default=-1
        )
        assert self.uids[after + 1] is None, f"UID {uid} has no number"
        return after + 1

    async def catch_up(self) -> None:
        """Look at the messages it was told of by EXISTS alone."""
        while None in self.uids:
            await self.command(f"FETCH {self.uids.index(None) + 1}:{len(self.uids)} (UID FLAGS)")
            await self.command("NOOP")

    async def come_back(self) -> None:
        await self.line()
        await self.command("LOGIN alice@example.org secret")
        await self.command("ENABLE QRESYNC")
        parameter = f" (QRESYNC ({self.validity} {self.highest}))" if self.validity else ""
        answer = await self.command("SELECT INBOX" + parameter)
        assert answer.startswith("OK"), answer
        await self.command(f"UID FETCH {max(self.flags, default=0) + 1}:* (FLAGS)")


def _expanded(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        low, _, high = part.partition(":")
        found += range(int(low), int(high or low) + 1)
    return found


@pytest.mark.parametrize("forgetful", [False, True], ids=["log", "forgotten"])
@pytest.mark.parametrize("seed", range(6))
async def test_nothing_is_missed_by_coming_and_going(seed: int, forgetful: bool, tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        others = [await _connect(home, f"{seed} {number}") for number in range(2)]
        client, task = _open(home, None, f"{seed} away")
        await client.come_back()
        for _ in range(ROUNDS):
            visit = asyncio.create_task(_visit(client, task))
            await asyncio.gather(*(_live(other) for other, _ in others), visit)
            if forgetful:  # what is forgotten is older than what any open connection still has to hear of
                for other, _ in others:
                    await other.command("NOOP")
                await home.services.db.write(mailbox.forget, 0, START + 1000 * DAY)
            client, task = _open(home, client, f"{seed} away")
            await client.come_back()
            truth = await _messages(home)
            assert client.flags == {
                message.uid: frozenset(map(str.lower, Flags.stored(message.flags, message.keywords).names))
                for message in truth
            }
        for each, running in (*others, (client, task)):
            await each.near.close()
            await running
        assert not home.faults


def _open(home: House, before: Disconnected | None, seed: str) -> tuple[Disconnected, asyncio.Task[None]]:
    near, far = MemoryStream.pair(CLIENT, SERVER)
    task = asyncio.get_running_loop().create_task(home.serve(far))
    client = Disconnected(near, before.dice if before else random.Random(seed))
    if before:
        client.flags, client.validity, client.highest = before.flags, before.validity, before.highest
    return client, task


async def _visit(client: Disconnected, task: asyncio.Task[None]) -> None:
    await client.catch_up()
    for _ in range(client.dice.randint(1, COMMANDS)):
        await client.act()
        await client.catch_up()
        await asyncio.sleep(0)
    await client.near.close()
    await task
