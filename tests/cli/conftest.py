"""A small server's data, made by the commands themselves, and commands run in this process."""

from __future__ import annotations

import asyncio
import io
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from correo.cli import main
from correo.clock.system import SystemChance, SystemClock
from correo.delivery import Incoming, QueueTimes, Recipient, accept
from correo.ledger import show_id
from correo.mail.address import Address
from correo.mail.instant import DAY, HOUR
from correo.mail.wishes import NONE, Wishes
from correo.mailbox import prepare
from correo.storage.db.sqlite import Sqlite


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.out)


Command = Callable[..., Ran]


@pytest.fixture
def correo(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """`correo("domain", "list")`, with what stands on its standard input, which is never a terminal."""

    def command(*arguments: str | Path, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Ran(code, shown.out, shown.err)

    return command


@dataclass(frozen=True)
class House:
    """A server for example.com with alice and bob."""

    folder: Path
    run: Command

    @property
    def config(self) -> Path:
        return self.folder / "correo.toml"

    @property
    def database(self) -> Path:
        return self.folder / "data" / "correo.db"

    def __call__(self, *arguments: str | Path, stdin: str = "") -> Ran:
        return self.run("--config", self.config, *arguments, stdin=stdin)

    def with_db(self, work: Callable[[Sqlite], Awaitable[Any]]) -> Any:
        """Do `work` on the database as the server would."""

        async def do() -> Any:
            db = await Sqlite.open(self.database, now=SystemClock().now(), threaded=False)
            try:
                return await work(db)
            finally:
                await db.close()

        return asyncio.run(do())

    def receive(
        self,
        sender: str,
        *recipients: str,
        body: bytes = b"Hello\r\n",
        subject: str = "Lunch",
        wishes: Wishes = NONE,
    ) -> str:
        """Accept a message as the server would; its id."""
        now, chance = SystemClock().now(), SystemChance()
        id = chance.id(now)
        header = f"Message-ID: <{show_id(id)}@example.com>\r\nSubject: {subject}\r\n\r\n".encode()
        incoming = Incoming(
            id=id,
            sender=Address.parse(sender) if sender else None,
            recipients=tuple(Recipient(Address.parse(one), wishes) for one in recipients),
            prepared=prepare(b"Return-Path: <x>\r\n" + header + body),
            return_path_size=18,
            body="7BIT",
            utf8=False,
            protocol="smtp",
            source="192.0.2.7",
            account=None,
            queue=QueueTimes(now + 5 * DAY, now + 4 * HOUR),
        )
        self.with_db(lambda db: db.write(accept, incoming, chance, now))
        return show_id(id)


@pytest.fixture
def house(tmp_path: Path, correo: Command) -> House:
    folder = tmp_path / "etc"
    made = correo(
        "init",
        "example.com",
        "--directory",
        folder,
        "--account",
        "alice",
        "--password-file",
        "-",
        "--test-ports",
        stdin="wonderland\n",
    )
    assert made.code == 0, made.err
    house = House(folder, correo)
    # Any free port will do, and none is promised to be free.
    house.config.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:0", house.config.read_text()))
    assert house("account", "add", "bob@example.com", "--password-file", "-", stdin="builder\n").code == 0
    return house
