"""What happens in the demo, in order. Each step is checked: a step that comes out otherwise ends the demo."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import indent
from typing import Any

import click
import msgspec

from correo.cli.demo.dialog import SHOWN, Dialog, Unexpected
from correo.cli.demo.ending import Account, closing
from correo.cli.demo.stage import HERE, Stage, built
from correo.cli.terminal import table
from correo.clock.system import SystemClock
from correo.ops import log

PASSWORD = "correo-demo"
PATIENCE = 20.0  # seconds for what should take two to eight
ALICE, BOB, CAROL, DAVE = "alice@example.org", "bob@example.net", "carol@far.example", "dave@down.example"


class Broken(Exception):
    """A step came out otherwise than told."""


class Narrator:
    """Prints the steps; silent when the result is to be JSON."""

    def __init__(self, quiet: bool, as_json: bool) -> None:
        self.quiet = quiet
        self.as_json = as_json
        self._step = 0
        self._began = time.monotonic()

    def step(self, words: str) -> None:
        self._step += 1
        if not self.as_json:
            click.echo("\n" + click.style(f"{self._step}. {words}", bold=True))

    def note(self, words: str) -> None:
        if not self.as_json:
            click.echo(click.style(f"   {words}", fg="green"))

    def line(self, who: str, what: str) -> None:
        if not (self.quiet or self.as_json):
            text = what if len(what) <= SHOWN else what[: SHOWN - 3] + "..."
            click.echo(click.style(f"     {who}: ", fg="cyan") + text)

    def event(self, words: str) -> None:
        """Something that happens while we wait, with the seconds since the beginning."""
        if not self.as_json:
            click.echo(f"   {time.monotonic() - self._began:5.1f} s  {words}")


async def tell(*, keep: bool, quiet: bool, as_json: bool) -> None:
    """The whole demo. Raises Broken, OSError."""
    narrator = Narrator(quiet, as_json)
    with tempfile.TemporaryDirectory(prefix="correo-demo-") as name:
        folder = Path(name)
        with (folder / "log").open("w") as file:
            log.configure("text", "info", SystemClock(), file)
            async with built(folder, PASSWORD) as stage:
                try:
                    await _story(stage, narrator)
                    accounts = await _close(stage, narrator)
                except (Unexpected, TimeoutError) as wrong:
                    raise Broken(
                        f"{wrong or 'a server took too long to answer'}\n{_last_of_log(file.name)}"
                    ) from wrong
                if keep:
                    await _stay(stage, narrator)
        if as_json:
            sys.stdout.write(
                msgspec.json.encode([row for account in accounts for row in account.rows]).decode() + "\n"
            )


async def _story(stage: Stage, narrator: Narrator) -> None:
    narrator.step("Two mail servers and a name server start on this machine")
    narrator.note(
        f"mail.example.org  serves example.org (alice) and example.net (bob): submission on port {stage.port('submission')}"
    )
    narrator.note(
        "mx.far.example    serves far.example (carol), and is found through DNS like any other server"
    )
    narrator.note("mx.down.example   is in the DNS too, but nobody answers there")
    await _local(stage, narrator)
    await _read(stage, narrator)
    await _relay(stage, narrator)
    await _bounce(stage, narrator)


async def _local(stage: Stage, narrator: Narrator) -> None:
    narrator.step(
        "Alice logs in and sends two messages to Bob; 250 means: on disk, synced, and in his mailbox"
    )
    async with _submission(stage, narrator, brief=False) as smtp:
        await _send(smtp, BOB, "Lunch on Friday?", "Hello Bob,\n\nshall we meet at noon?\n\nAlice")
        await _send(
            smtp, BOB, "The plans", "Dear Bob,\n\nhere are the plans; keep them well.\n\nAlice", brief=True
        )


async def _read(stage: Stage, narrator: Narrator) -> None:
    narrator.step("Bob looks by IMAP: the originals stay on the server, in folders every device shows alike")
    async with _imap(stage, BOB, narrator) as command:
        lines = await command("SELECT INBOX")
        _expect("* 2 EXISTS" in lines, "Bob's copies did not arrive")
        await command("FETCH 1:2 (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        await command("CREATE Plans")
        await command("MOVE 2 Plans")
        lines = await command('LIST "" *')
        _expect(any(line.endswith("Plans") for line in lines), "the new folder is not in the tree")
    narrator.step("Bob's other program fetches by POP3: download, then delete on the server")
    await _pop3(stage, narrator)
    async with _imap(stage, BOB, narrator) as command:
        lines = await command("STATUS INBOX (MESSAGES)")
        _expect(any("MESSAGES 0" in line for line in lines), "the fetched message is still in the inbox")
        lines = await command("STATUS Plans (MESSAGES)")
        _expect(any("MESSAGES 1" in line for line in lines), "the original in the folder is gone")
    narrator.note("the inbox is empty; the original in the folder Plans is still there")


async def _relay(stage: Stage, narrator: Narrator) -> None:
    narrator.step("Alice writes to Carol elsewhere: the DNS names her server, the message is relayed there")
    async with _submission(stage, narrator) as smtp:
        await _send(
            smtp, CAROL, "Greetings", "Dear Carol,\n\nbest wishes from example.org.\n\nAlice", brief=True
        )
    narrator.line("DNS", "far.example  MX 10 mx.far.example  A 127.0.0.2")
    await _until(stage, CAROL, narrator, lambda row: row["end"] == "relayed")
    _expect(await _holds(stage.far, "carol@far.example"), "Carol's server has no message for her")
    narrator.note("Carol has it")


async def _bounce(stage: Stage, narrator: Narrator) -> None:
    narrator.step(
        "Alice writes to Dave, whose server is down: the message waits, is retried, and at last returned"
    )
    async with _submission(stage, narrator) as smtp:
        await _send(smtp, DAVE, "Are you there?", "Dave?\n\nAlice", brief=True)
    await _until(stage, DAVE, narrator, lambda row: row["end"] == "bounced")
    narrator.step("Alice finds it in her inbox, returned to her")
    async with _imap(stage, ALICE, narrator) as command:
        lines = await command("SELECT INBOX")
        _expect("* 1 EXISTS" in lines, "no bounce arrived")
        await command("FETCH 1 (BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)] BODY.PEEK[1])")


async def _close(stage: Stage, narrator: Narrator) -> list[Account]:
    narrator.step("The ledger: every recipient that was accepted has come to exactly one end")
    accounts = [await closing(stage.near, [ALICE, BOB]), await closing(stage.far, [CAROL])]
    rows = [row for account in accounts for row in account.rows]
    if not narrator.as_json:
        for account in accounts:
            click.echo(f"\n   {account.rows[0]['server']}")
            click.echo(indent(table([_shortened(row) for row in account.rows]), "   "))
        click.echo()
    for account in accounts:
        _expect(account.difference == 0, f"the ledger is off by {account.difference}")
        _expect(account.pending == 0, f"{account.pending} recipients are still in a queue")
    _expect(all(row["end"] != "STILL OPEN" for row in rows), "a recipient has no end")
    ends = sorted(row["end"] for row in rows if row["server"] == "mail.example.org")
    _expect(ends == ["bounced", "delivered", "delivered", "delivered", "relayed"], f"the ends are {ends}")
    narrator.note(
        f"accepted {len(rows)}, ended {len(rows)}, difference 0: nothing was lost, nothing is unaccounted for"
    )
    return accounts


async def _stay(stage: Stage, narrator: Narrator) -> None:
    click.echo("\nThe server stays up. Connect any mail program, without encryption, to this machine:\n")
    rows = [
        {"what": "incoming (IMAP)", "server": HERE, "port": stage.port("imap")},
        {"what": "incoming (POP3)", "server": HERE, "port": stage.port("pop3")},
        {"what": "outgoing (SMTP, with password)", "server": HERE, "port": stage.port("submission")},
    ]
    click.echo(table(rows))
    click.echo(
        f"\nUsers {ALICE} and {BOB}, password {PASSWORD}. Write to each other, to {CAROL}, or to {DAVE}."
    )
    click.echo(f"Its command line: correo --config {stage.folder}/near/correo.toml queue list")
    click.echo(f"Its log: {stage.folder}/log\nCtrl-C ends it and removes everything.")
    sys.stdout.flush()
    from correo.cli.serve import stop_signals

    await stop_signals().wait()


# -- the small print ---------------------------------------------------------------------------------------------------


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Broken(otherwise)


def _last_of_log(name: str) -> str:
    return "the last of the log:\n" + "\n".join(Path(name).read_text().splitlines()[-15:])


@asynccontextmanager
async def _submission(stage: Stage, narrator: Narrator, *, brief: bool = True) -> AsyncIterator[Dialog]:
    smtp = await Dialog.open(HERE, stage.port("submission"), narrator.line)
    smtp.silent = brief
    await smtp.hear("220 ")
    await smtp.say("EHLO laptop.example.org")
    await smtp.hear("250 ")
    secret = b64encode(f"\0{ALICE}\0{PASSWORD}".encode()).decode()
    await smtp.say(f"AUTH PLAIN {secret}", shown="AUTH PLAIN (alice's password)")
    await smtp.hear("235 ")
    smtp.silent = False
    yield smtp
    smtp.silent = brief
    await smtp.say("QUIT")
    await smtp.hear("221 ")
    await smtp.close()


async def _send(smtp: Dialog, to: str, subject: str, text: str, *, brief: bool = False) -> None:
    await smtp.say(f"MAIL FROM:<{ALICE}>")
    await smtp.hear("250 ")
    await smtp.say(f"RCPT TO:<{to}>")
    await smtp.hear("250 ")
    await smtp.say("DATA")
    await smtp.hear("354 ")
    await smtp.text(f"From: Alice <{ALICE}>\nTo: {to}\nSubject: {subject}\n\n{text}", quiet=brief)
    await smtp.hear("250 ")


def _shortened(row: dict[str, Any]) -> dict[str, Any]:
    """What fits a terminal; --json has the rest."""
    where = row["where"] if len(row["where"]) <= 52 else row["where"][:49] + "..."
    subject = row["subject"] if len(row["subject"]) <= 22 else row["subject"][:19] + "..."
    return {
        "subject": subject,
        "recipient": row["recipient"],
        "tries": row["tries"],
        "end": row["end"],
        "where": where,
    }


Command = Callable[[str], Any]


@asynccontextmanager
async def _imap(stage: Stage, user: str, narrator: Narrator) -> AsyncIterator[Command]:
    imap = await Dialog.open(HERE, stage.port("imap"), narrator.line)
    imap.silent = True
    await imap.hear("* OK")
    imap.silent = False
    number = 0

    async def command(text: str, shown: str | None = None) -> list[str]:
        nonlocal number
        number += 1
        tag = f"a{number}"
        await imap.say(f"{tag} {text}", shown=f"{tag} {shown}" if shown else None)
        return await imap.hear(f"{tag} OK", until=f"{tag} ")

    await command(f'LOGIN {user} "{PASSWORD}"', f"LOGIN {user} (password)")
    yield command
    imap.silent = True
    await command("LOGOUT")
    await imap.close()


async def _pop3(stage: Stage, narrator: Narrator) -> None:
    pop3 = await Dialog.open(HERE, stage.port("pop3"), narrator.line)
    await pop3.hear("+OK")
    for line, shown in ((f"USER {BOB}", None), (f"PASS {PASSWORD}", "PASS (password)"), ("STAT", None)):
        await pop3.say(line, shown=shown)
        lines = await pop3.hear("+OK")
    _expect(lines[-1].startswith("+OK 1 "), f"POP3 should see one message, it says {lines[-1]}")
    await pop3.say("RETR 1")
    await pop3.hear("+OK")
    text = await pop3.hear_block()
    narrator.line("S", f"({len(text)} lines, the last of them: {text[-1]!r})")
    for line in ("DELE 1", "QUIT"):
        await pop3.say(line)
        await pop3.hear("+OK")
    await pop3.close()


async def _until(
    stage: Stage, recipient: str, narrator: Narrator, done: Callable[[dict[str, Any]], bool]
) -> None:
    """Watch the ledger of the near server, telling what happens to `recipient`, until his row is `done`."""
    tries = 0
    async with asyncio.timeout(PATIENCE):
        while True:
            rows = (await closing(stage.near, [ALICE])).rows
            row = next(row for row in rows if row["recipient"] == recipient)
            if row["tries"] > tries:
                tries = row["tries"]
                narrator.event(f"try {tries} failed: the message waits in the queue")
            if done(row):
                narrator.event(f"{row['end']}: {row['where']}")
                return
            await asyncio.sleep(0.1)


async def _holds(server: Any, address: str) -> bool:
    rows = (await closing(server, [address])).rows
    return any(row["recipient"] == address and row["end"] == "delivered" for row in rows)
