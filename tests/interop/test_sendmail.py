"""Programs that call sendmail: mutt without a server of its own, and a shell as cron is one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop.programs import eventually, run
from tests.interop.serving import ALICE, BOB, Correo, copied

PROGRAMS = ("mutt", "sh")

MORE = """
[[listener]]
protocol = "submission"
address = "unix:{folder}/run/sendmail"
[sendmail]
origin = "correo.test"
spool = "spool"
senders = {{ "*" = ["{alice}"] }}
"""
PROGRAM = """#!/bin/sh
exec env CORREO_CONFIG={config} {python} -c 'from correo.cli.sendmail import main; main()' "$@"
"""


@pytest.fixture
def local(template: Path, tmp_path: Path) -> Iterator[Correo]:
    """A server that also listens for programs of this machine."""
    server = Correo(copied(template, tmp_path / "correo"))
    server.configure()
    with server.config.open("a") as file:
        file.write(MORE.format(folder=server.folder, alice=ALICE))
    server.start()
    try:
        yield server
        server.stop()
    finally:
        server.kill()


@pytest.fixture
def sendmail(local: Correo, home: Path) -> Path:
    path = home / "sendmail"
    path.write_text(PROGRAM.format(config=local.config, python=sys.executable))
    path.chmod(0o755)
    return path


def test_mutt(local: Correo, sendmail: Path, home: Path) -> None:
    rc = home / "muttrc"
    rc.write_text(
        f'set sendmail = "{sendmail} -oem -oi"\nset use_envelope_from = yes\nset from = "{ALICE}"\n'
        f'set realname = "Alice"\nset record = ""\nset copy = no\nset folder = "{home}"\n'
    )
    text = "Hello\n.\nfrom mutt\n"
    run("mutt", "-n", "-F", rc, "-s", "by sendmail", "-b", BOB, "--", ALICE, stdin=text, home=home)
    line = local.await_log("accepted", sender=ALICE)
    assert (line["address"], line["recipients"], line["user"] != "") == ("unix", 2, True)


def test_a_shell_and_what_waits_while_the_server_is_down(local: Correo, sendmail: Path, home: Path) -> None:
    said = f"printf 'To: {ALICE}\\nSubject: job\\n\\ndone\\n' | {sendmail} -t -oi"
    run("sh", "-c", said, home=home)
    local.await_log("accepted", recipients=1)
    refused = run("sh", "-c", f"echo x | {sendmail} nobody@correo.test", home=home, code=67)
    assert "nobody@correo.test: 550 5.1.1" in refused.err
    local.stop()
    run("sh", "-c", said, home=home)
    waiting = [path for path in (local.folder / "spool").iterdir() if path.is_file()]
    assert len(waiting) == 1
    local.start()
    local.await_log("accepted", recipients=1)
    eventually(lambda: not waiting[0].exists(), "the letter was taken from the spool")
    assert "Mail queue is empty" in local.cli("sendmail", "-bp").out
