"""What the command line has to do with ways to log in: keys that are made, files that are checked and backed up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from correo.accounts import Credentials
from correo.accounts.account import stored_login
from correo.cli.terminal import EX_CONFIG
from correo.clock.system import SystemClock
from correo.config import read
from correo.storage.db.sqlite import Sqlite

OAUTH = """
[oauth]
introspection = "https://id.example.com/introspect"
client_id = "correo"
client_secret_file = "introspection-secret"
"""


def credentials(house: Any) -> Credentials:
    async def look() -> Credentials:
        config = read(house.config.read_text(), house.config)
        path = house.config.parent / config.data_dir / "correo.db"
        db = await Sqlite.open(path, now=SystemClock().now(), threaded=False)
        try:
            stored = await db.read(stored_login, "alice@example.com")
        finally:
            await db.close()
        assert stored
        return stored.credentials

    return asyncio.run(look())


def test_a_password_gets_the_keys_that_the_mechanisms_need(house: Any) -> None:
    def passwd() -> Credentials:
        ran = house("account", "passwd", "alice@example.com", "--password-file", "-", stdin="secret\n")
        assert ran.code == 0, ran.err
        return credentials(house)

    assert passwd().scram_sha1 == ""
    text = house.config.read_text()
    house.config.write_text(text.replace("[auth]\n", '[auth]\nmechanisms = ["SCRAM-SHA-1", "PLAIN"]\n'))
    made = passwd()
    assert made.keys("sha1")
    assert made.keys("sha256")


def test_check_reads_the_files_that_logins_need(house: Any) -> None:
    house.config.write_text(house.config.read_text() + OAUTH)
    ran = house("check")
    assert ran.code == EX_CONFIG
    assert "oauth.client_secret_file" in ran.out
    (house.folder / "introspection-secret").write_text("word\n")
    assert house("check").code == 0
    text = house.config.read_text()
    house.config.write_text(
        text.replace("[tls]", '[tls]\nclient_ca = "key.pem"', 1).replace("# read", "\n# read", 1)
    )
    ran = house("check")
    assert ran.code == EX_CONFIG
    assert "tls.client_ca" in ran.out


def test_check_reads_the_password_of_a_route(house: Any) -> None:
    route = '\n[[route]]\ndomains = ["example.net"]\nto = "smtp:relay.example.net:587"\nuser = "me"\npassword_file = "word"\n'
    house.config.write_text(house.config.read_text() + route)
    ran = house("check")
    assert ran.code == EX_CONFIG
    assert "route.password_file (example.net): cannot read" in ran.out
    (house.folder / "word").write_text("word\n")
    (house.folder / "word").chmod(0o600)
    assert house("check").code == 0


def test_a_backup_has_them(house: Any, tmp_path: Path) -> None:
    text = house.config.read_text().replace("[tls]", '[tls]\nclient_ca = "certificate.pem"', 1)
    house.config.write_text(text.replace("# read", "\n# read", 1) + OAUTH)
    (house.folder / "introspection-secret").write_text("word\n")
    ran = house("backup", tmp_path / "backups", "--json")
    assert ran.code == 0, ran.err
    secret = Path(ran.json["backup"]) / "config" / "introspection-secret"
    assert secret.read_text() == "word\n"
    assert secret.stat().st_mode & 0o077 == 0
