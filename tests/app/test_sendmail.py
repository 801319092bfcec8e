"""Programs of this machine hand over mail: real processes, the local socket, and the spool while nobody is there."""

from __future__ import annotations

import asyncio
import getpass
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.app.test_server import move_in

from correo import accounts, mailbox
from correo.app import Server, World, bind_all
from correo.clock.system import SystemChance, SystemClock
from correo.config import ConfigError, read
from correo.mail.instant import DAY
from correo.ops import spool
from correo.ops.pickup import Pickup
from correo.storage.db import Tx
from correo.wire.smtp.letter import Letter

ME = getpass.getuser()
CONFIG = """
hostname = "mail.example.org"
data_dir = "data"
[[listener]]
protocol = "submission"
address = "unix:{folder}/run/sendmail"
[sendmail]
origin = "example.org"
spool = "spool"
senders = {{ {me} = ["shop@example.com"] }}
[dns]
servers = ["127.0.0.1:1"]
[limits]
drain = "1s"
message_size = "1MiB"
"""


@dataclass
class House:
    folder: Path
    server: Server | None = None
    taken: set[str] = field(default_factory=set)

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    async def start(self) -> Server:
        text = CONFIG.format(folder=self.folder, me=ME)
        (self.folder / "correo.toml").write_text(text)
        config = read(text, self.folder / "correo.toml")
        server = self.server = await Server.open(config, World(SystemClock(), SystemChance()))
        await server.start(bind_all(config.listener))
        return server

    async def stop(self) -> None:
        if self.server:
            await self.server.stop()
            self.server = None

    async def program(
        self, *arguments: str, stdin: bytes = b"", name: str = "sendmail"
    ) -> subprocess.CompletedProcess[bytes]:
        """As it is run under `name`."""
        code = f"import sys; sys.argv[0] = '/usr/sbin/{name}'; from correo.cli.sendmail import main; main()"
        environment = {**os.environ, "CORREO_CONFIG": str(self.folder / "correo.toml"), "NAME": "Fred"}
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", code, *arguments],
            input=stdin,
            capture_output=True,
            env=environment,
            timeout=30,
            check=False,
        )

    async def inbox(self) -> list[bytes]:
        assert self.server is not None
        return await self.server.db.read(_inbox)

    async def pick_up(self, later: int = 0) -> None:
        """What the server does from time to time."""
        assert self.server is not None
        clock, most = self.server.world.clock, self.server.config.limits.message_size
        look = Pickup(self.spool, most, self.server.local_session, self.server.send_back, clock, self.taken)
        await look.look(clock.now() + later)


async def _inbox(tx: Tx) -> list[bytes]:
    account = await accounts.get_account(tx, "alice@example.org")
    assert account is not None
    box = await mailbox.find(tx, account.id, "INBOX")
    assert box is not None
    return [await mailbox.raw(tx, one.content_id) for one in await mailbox.messages(tx, box.id, None)]


@pytest.fixture
async def house(tmp_path: Path) -> Any:
    house = House(tmp_path)
    server = await house.start()
    credentials = await server.logins.hash("secret")
    await server.db.write(move_in, credentials, server.world.chance, server.world.clock.now())
    yield house
    await house.stop()


async def test_a_message_of_cron(house: House) -> None:
    written = b"From: root (Cron Daemon)\nTo: alice\nSubject: Cron <echo>\n\noutput\n.\nmore\n"
    ran = await house.program("-FCronDaemon", "-i", "-B8BITMIME", "-oem", "alice", stdin=written)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")
    (message,) = await house.inbox()
    assert message.startswith(f"Return-Path: <{ME}@example.org>\r\n".encode())
    assert f"(local user {ME})".encode() in message
    assert b"\r\nFrom: Cron Daemon <root@example.org>\r\nTo: alice@example.org\r\n" in message
    assert b"\r\nDate: " in message
    assert message.endswith(b"\r\n\r\noutput\r\n.\r\nmore\r\n")


async def test_recipients_from_the_header_and_no_bcc_for_others(house: House) -> None:
    written = b"To: alice@example.org\nBcc: carol@far.example\nSubject: order\n\ntext\n"
    ran = await house.program("-t", "-i", "-fshop@example.com", stdin=written)
    assert ran.returncode == 0, ran.stderr
    (message,) = await house.inbox()
    assert message.startswith(b"Return-Path: <shop@example.com>\r\n")
    assert b"\r\nFrom: Fred <shop@example.com>\r\n" in message
    assert b"carol" not in message
    listed = await house.program(name="mailq")
    lines = listed.stdout.decode().splitlines()
    assert lines[0].startswith("-Queue ID-")
    assert lines[1].endswith("shop@example.com")
    assert any(line.strip() == "carol@far.example" for line in lines)
    assert lines[-1] == "-- 1 Kbytes in 1 Request."
    flushed = await house.program("-q")
    assert (flushed.returncode, b"1 recipient" in flushed.stdout) == (0, True), flushed
    for which in ("-qRfar.example", f"-qI{lines[1].split()[0]}"):
        flushed = await house.program(which)
        assert (flushed.returncode, b" recipient" in flushed.stdout) == (0, True), flushed
    assert (await house.program("-qRnowhere.example")).returncode != 0
    assert (await house.program(name="newaliases")).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (["-t"], b"Subject: nobody\n\n", 64, "no recipient in the header"),
        ([], b"Subject: nobody\n\n", 64, "no recipient on the command line"),
        (["-Z"], b"", 64, "-Z"),
        (["alice", "nobody"], b"Subject: x\n\n", 67, "nobody@example.org: 550 5.1.1"),
        (["-f", "alice@example.org", "alice"], b"Subject: x\n\n", 77, "senders in [sendmail]"),
        (["-f", "a@example.org>\r\nQUIT", "alice"], b"Subject: x\n\n", 65, "characters"),
        (["alice"], b"x" * (1 << 20) + b"\n\n", 65, "longer than"),
        (["alice", "two words"], b"Subject: x\n\n", 65, "'two words' is no address"),
        (["-t"], b"To: alice" + b", a@far.example" * 1_500 + b"\n\n", 65, "more recipients"),
        (
            ["-t"],
            b"".join(b"Cc: alice, a%d@far.example\n" % number for number in range(1_500)) + b"\n",
            67,
            "Too many recipients",
        ),
        (["-C", "/nowhere/correo.toml", "alice"], b"", 78, "/nowhere/correo.toml"),
    ],
)
async def test_exit_statuses(house: House, arguments: list[str], stdin: bytes, code: int, said: str) -> None:
    ran = await house.program(*arguments, stdin=stdin)
    assert (ran.returncode, said in ran.stderr.decode()) == (code, True), ran
    assert await house.inbox() == []
    assert spool.waiting(house.spool) == []


async def test_whether_mail_would_be_taken(house: House) -> None:
    ran = await house.program("-bv", "alice", "postmaster", "carol@far.example")
    assert (ran.returncode, ran.stdout.decode().splitlines()) == (
        0,
        [
            f"{name}... deliverable"
            for name in ("alice@example.org", "postmaster@example.org", "carol@far.example")
        ],
    )
    ran = await house.program("-bv", "-t", "alice", stdin=b"To: nobody\n\n")
    assert ran.returncode == 67
    said = ran.stdout.decode().splitlines()
    assert said[0] == "alice@example.org... deliverable"
    assert said[1].startswith("nobody@example.org... 550 5.1.1 ")
    assert (await house.program("-bv")).returncode == 64
    assert await house.inbox() == []
    await house.stop()
    assert (await house.program("-bv", "alice")).returncode == 75


async def test_smtp_on_standard_input(house: House) -> None:
    said = (
        b"EHLO localhost\r\nMAIL FROM:<%b@example.org>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n"
        b"From: a@example.org\r\n\r\ntext\r\n.\r\nQUIT\r\n" % ME.encode()
    )
    ran = await house.program("-bs", stdin=said)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(b"220 mail.example.org ")
    assert b"250 2.0.0 Ok: queued as" in ran.stdout
    assert len(await house.inbox()) == 1


async def test_what_comes_while_the_server_is_down_comes_when_it_is_up(house: House) -> None:
    await house.stop()
    ran = await house.program("alice", stdin=b"Subject: later\n\ntext\n")
    assert (ran.returncode, ran.stderr) == (0, b"")
    (name,) = spool.waiting(house.spool)
    letter = spool.take(house.spool, name, 1 << 20).letter
    assert letter.text.startswith(b"Date: ")
    smtp = await house.program("-bs", stdin=b"QUIT\r\n")
    assert (smtp.returncode, smtp.stdout[:4]) == (75, b"421 ")
    await house.start()
    for _ in range(1000):
        if not spool.waiting(house.spool):
            break
        await asyncio.sleep(0.02)
    (message,) = await house.inbox()
    assert f"(local user {ME})".encode() in message
    assert b"\r\nSubject: later\r\n" in message


async def test_without_a_spool_programs_are_told_to_try_again(house: House) -> None:
    await house.stop()
    text = (house.folder / "correo.toml").read_text()
    (house.folder / "correo.toml").write_text(text.replace('spool = "spool"', ""))
    ran = await house.program("alice", stdin=b"Subject: x\n\n")
    assert (ran.returncode, b"try again later" in ran.stderr) == (75, True)
    (house.folder / "correo.toml").write_text(text.replace('"spool"', '"nowhere"'))
    ran = await house.program("alice", stdin=b"Subject: x\n\n")
    assert (ran.returncode, b"nor can it be kept" in ran.stderr) == (75, True)


async def test_bad_letters_are_kept_aside_and_stop_nobody(house: House) -> None:
    letters = {
        "0000000000000001": Letter(f"{ME}@example.org", ("nobody@example.org",), b"Subject: a\r\n\r\n"),
        "0000000000000002": Letter("alice@example.org", ("alice@example.org",), b"Subject: forged\r\n\r\n"),
        "0000000000000004": Letter("", ("alice@example.org",), b"From: a@b.c\r\n\r\n" + b"x\r\n" * 250_000),
    }
    (house.spool / "0000000000000003").write_bytes(b"nonsense")
    for name, letter in letters.items():
        spool.put(house.spool, letter, name)
    await house.pick_up()
    assert spool.waiting(house.spool) == []
    assert sorted(os.listdir(house.spool / spool.ASIDE)) == [f"000000000000000{n}" for n in (1, 2, 3)]
    (message,) = await house.inbox()
    assert len(message) > 750_000


async def _fill(tx: Tx) -> None:
    account = await accounts.get_account(tx, "alice@example.org")
    assert account is not None
    await mailbox.set_limits(tx, account.id, size=1, messages=1, mailboxes=None)


async def test_what_cannot_be_removed_is_handed_over_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a folder with the sticky bit that is somebody else's."""
    spool.put(house.spool, Letter("", ("alice@example.org",), b"From: a@b.c\r\n\r\n"), "0000000000000001")

    def refuse(folder: Path, name: str) -> None:
        raise PermissionError(name)

    with monkeypatch.context() as stuck:
        stuck.setattr(spool, "remove", refuse)
        for _ in range(3):
            await house.pick_up()
    assert len(await house.inbox()) == 1
    assert len(spool.waiting(house.spool)) == 1
    await house.pick_up()
    assert len(await house.inbox()) == 1
    assert spool.waiting(house.spool) == []
    assert house.taken == set()


async def _named_me(house: House) -> None:
    """What is written to who runs this comes to alice."""
    assert house.server is not None
    await house.server.db.write(accounts.add_alias, f"{ME}@example.org", ["alice@example.org"], 0)


TO_NOBODY = Letter(
    f"{ME}@example.org",
    ("alice@example.org", "nobody@example.org"),
    b"Subject: report\r\nMessage-ID: <1@cron>\r\n\r\nThe text\r\n",
)


async def test_what_is_refused_goes_back_to_who_wrote_it_and_once(house: House) -> None:
    await _named_me(house)
    spool.put(house.spool, TO_NOBODY, "0000000000000001")
    await house.pick_up()
    await house.pick_up()
    assert (spool.waiting(house.spool), spool.count_aside(house.spool)) == ([], 0)
    (notice,) = await house.inbox()
    assert notice.startswith(b"Return-Path: <>\r\n")
    assert f"\r\nTo: <{ME}@example.org>\r\n".encode() in notice
    assert b"\r\nSubject: Could not be delivered: report\r\n" in notice
    assert b"\r\nReferences: <1@cron>\r\n" in notice
    assert b"Final-Recipient: rfc822; nobody@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n" in notice
    assert b"Final-Recipient: rfc822; alice@example.org\r\nAction: failed\r\nStatus: 5.0.0\r\n" in notice
    assert b"Nothing was sent, because nobody@example.org was refused" in notice
    assert b"\r\nContent-Type: message/rfc822\r\n\r\n" + TO_NOBODY.text + b"--=_" in notice


async def test_nobody_is_told_of_what_was_written_in_his_name(house: House) -> None:
    """It goes back to the user of the machine, whoever he says he is."""
    forged = replace(TO_NOBODY, sender="alice@example.org", recipients=("alice@example.org",))
    spool.put(house.spool, forged, "0000000000000001")
    await house.pick_up()
    assert (await house.inbox(), spool.count_aside(house.spool)) == ([], 1)
    await _named_me(house)
    spool.put(house.spool, forged, "0000000000000002")
    await house.pick_up()
    (notice,) = await house.inbox()
    assert f"\r\nTo: <{ME}@example.org>\r\n".encode() in notice
    assert spool.count_aside(house.spool) == 1


async def test_a_granted_name_is_told_of_what_it_sent(house: House) -> None:
    assert house.server is not None
    spool.put(house.spool, replace(TO_NOBODY, sender="shop@example.com"), "0000000000000001")
    await house.pick_up()
    assert spool.count_aside(house.spool) == 0
    listed = await house.program(name="mailq")
    assert b"shop@example.com" in listed.stdout


@pytest.mark.parametrize(
    "letter",
    [
        replace(TO_NOBODY, sender=""),
        replace(TO_NOBODY, notify="NEVER"),
        replace(TO_NOBODY, notify="SUCCESS,DELAY"),
        replace(TO_NOBODY, recipients=("a@b@c", "two words")),
    ],
)
async def test_where_nobody_can_be_told_it_is_set_aside(house: House, letter: Letter) -> None:
    await _named_me(house)
    spool.put(house.spool, letter, "0000000000000001")
    await house.pick_up()
    assert (await house.inbox(), spool.waiting(house.spool), spool.count_aside(house.spool)) == ([], [], 1)


@pytest.mark.parametrize(
    ("change", "whole"),
    [
        ({}, True),
        ({"ret": "FULL"}, True),
        ({"ret": "HDRS"}, False),
        ({"text": b"Subject: report\r\n\r\nThe text\nFrom here\r\n"}, False),
        ({"text": b"Subject: report\n\nThe text\r\x00\r\n"}, False),
        ({"text": b"Subject: report\r\n\r\nThe text" + b"x" * 1_100_000 + b"\r\n"}, False),
    ],
)
async def test_how_much_of_it_goes_back(house: House, change: dict[str, Any], whole: bool) -> None:
    await _named_me(house)
    spool.put(house.spool, replace(TO_NOBODY, **change), "0000000000000001")
    await house.pick_up()
    (notice,) = await house.inbox()
    assert b"Subject: Could not be delivered: report\r\n" in notice
    assert (b"The text" in notice) is whole
    assert notice.count(b"\r") == notice.count(b"\n") == notice.count(b"\r\n")
    assert b"\0" not in notice


async def test_more_recipients_than_are_taken_at_once_are_no_reason_to_wait(house: House) -> None:
    many = tuple(f"a{number}@far.example" for number in range(1_500))
    spool.put(house.spool, Letter("", many, b"From: a@b.c\r\n\r\n"), "0000000000000001")
    await house.pick_up()
    assert (spool.waiting(house.spool), spool.count_aside(house.spool)) == ([], 1)


async def test_what_is_put_off_stays_for_some_days(house: House) -> None:
    assert house.server is not None
    await house.server.db.write(_fill)
    for number in (1, 2):
        letter = Letter("", ("alice@example.org",), b"From: a@b.c\r\n\r\n")
        spool.put(house.spool, letter, f"000000000000000{number}")
        await house.pick_up()
    assert len(spool.waiting(house.spool)) == 1
    await house.pick_up(6 * DAY)
    assert (spool.waiting(house.spool), spool.count_aside(house.spool)) == ([], 1)


async def test_only_local_sockets_of_submission_know_anybody(tmp_path: Path) -> None:
    house = House(tmp_path)
    text = CONFIG.format(folder=tmp_path, me=ME).replace('"submission"', '"lmtp"').replace("run/", "")
    config = read(text, tmp_path / "correo.toml")
    server = await Server.open(config, World(SystemClock(), SystemChance()))
    await server.start(bind_all(config.listener))
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "sendmail"))
    writer.write(b"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<carol@far.example>\r\nQUIT\r\n")
    assert b"550 5.7.1 Relaying denied" in await reader.read()
    writer.close()
    house.server = server
    await house.stop()


@pytest.mark.parametrize("senders", ['["a@b"]', '{ root = "*" }', '{ root = ["nobody"] }', "{ root = [7] }"])
def test_mistakes_in_senders_are_named(tmp_path: Path, senders: str) -> None:
    text = f'hostname = "a.example"\ndata_dir = "x"\n[sendmail]\nsenders = {senders}\n'
    with pytest.raises(ConfigError, match=r"line 4: sendmail\.senders"):
        read(text, tmp_path / "correo.toml")
