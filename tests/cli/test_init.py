"""From nothing to a server: what `init` writes, and what `check` says of it."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from correo.cli.first_config import First, quoted, text
from correo.cli.terminal import EX_CANTCREAT, EX_CONFIG, EX_DATAERR, EX_USAGE
from correo.config import read
from correo.config.read import beside


def test_init_makes_what_serve_needs(correo: Any, tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    ran = correo("init", "Example.ORG", "--directory", folder, "--json")
    facts = ran.json
    assert (facts["hostname"], facts["account"]) == ("mail.example.org", "postmaster@example.org")
    assert len(facts["password"]) == 23
    config = read((folder / "correo.toml").read_text(), folder / "correo.toml")
    assert {listener.address.rpartition(":")[2] for listener in config.listener} == {
        "25", "587", "465", "143", "993", "110", "995",
    }  # fmt: skip
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
        beside(config, config.tls.certificate), beside(config, config.tls.key)
    )
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    assert (folder / "data").stat().st_mode & 0o777 == 0o700
    assert (
        correo("--config", folder / "correo.toml", "--json", "account", "list").json[0]["address"]
        == facts["account"]
    )


def test_the_records_to_publish(correo: Any, tmp_path: Path) -> None:
    ran = correo("init", "example.org", "--directory", tmp_path / "etc", "--hostname", "mx1.example.net")
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["example.org.", "MX", "10", "mx1.example.net."] in lines
    assert ["example.org.", "TXT", '"v=spf1', "mx", '-all"'] in lines
    for service, port in (("imaps", "993"), ("submissions", "465"), ("pop3s", "995")):
        (record,) = (line for line in lines if line[:1] == [f"_{service}._tcp.example.org."])
        assert record[1] == "SRV"
        assert record[-2:] == [port, "mx1.example.net."]
    assert "PTR" in ran.out
    assert f"correo --config {tmp_path}/etc/correo.toml check" in ran.out


def test_nothing_is_written_over(correo: Any, tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    assert correo("init", "example.org", "--directory", folder).code == 0
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    ran = correo("init", "example.net", "--directory", folder)
    assert (ran.code, "nothing is written over" in ran.err) == (EX_CANTCREAT, True)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_what_cannot_be_finished_is_undone(correo: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = correo("init", "example.org", "--directory", tmp_path / "etc", "--data-dir", tmp_path / "file")
    assert ran.code != 0
    assert list((tmp_path / "etc").iterdir()) == []
    ran = correo("init", "example.org", "--directory", tmp_path / "file" / "etc")
    assert (ran.code, "--directory" in ran.err) == (EX_CANTCREAT, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("exa mple",), EX_DATAERR),
        (("[192.0.2.1]",), EX_DATAERR),
        (("example.org", "--account", "alice@example.net"), EX_DATAERR),
        (("example.org", "--account", "@@"), EX_DATAERR),
        (("example.org", "--certificate", "c.pem"), EX_USAGE),
        (("example.org", "--user", "no-such-user-here"), EX_DATAERR),
        ((), EX_USAGE),
    ],
)
def test_mistakes_are_refused_before_anything_is_made(
    correo: Any, tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    assert correo("init", *arguments, "--directory", tmp_path / "etc").code == code
    assert not (tmp_path / "etc").exists()


def test_odd_names_stay_valid_toml() -> None:
    odd = 'a "quoted" \\ folder\x07'
    first = First("example.org", "mail.example.org", odd, "", "[::]", odd, odd, False)
    assert str(read(text(first), Path("c.toml")).data_dir) == odd
    assert quoted("\t") == '"\\u0009"'


# -- check -------------------------------------------------------------------------------------------------------------


def findings(house: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in house("check", "--json").json:
        found.setdefault(row["level"], []).append(f"{row['about']}: {row['finding']}")
    return found


def test_check_of_a_fresh_test_server(house: Any) -> None:
    ran = house("check")
    assert ran.code == 0
    # Whether anything keeps the clock right is a matter of the machine that runs the tests.
    lines = [line for line in ran.out.splitlines() if " clock: " not in line]
    assert [line.split(":")[0] for line in lines if line.startswith(("problem", "warning"))] == [
        "warning  certificate"
    ]
    assert lines[0].startswith("warning  certificate")
    assert "listens on this machine alone" in ran.out
    assert house("check", "--strict").code == 1


def test_check_finds_a_stranger_on_the_port(house: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        house.config.write_text(house.config.read_text().replace("127.0.0.1:0", address, 1))
        greeter = threading.Thread(target=lambda: taken.accept()[0].sendall(b"220 stranger\r\n"))
        greeter.start()
        found = findings(house)
        greeter.join()
    (words,) = found["problem"]
    assert words.startswith(f"smtp {address}: another program")
    assert "'220 stranger'" in words
    assert "ss -ltnp" in words


def test_test_ports_are_high_and_on_this_machine(correo: Any, tmp_path: Path) -> None:
    assert correo("init", "example.org", "--directory", tmp_path / "etc", "--test-ports").code == 0
    config = read((tmp_path / "etc" / "correo.toml").read_text(), tmp_path / "etc" / "correo.toml")
    assert [listener.address for listener in config.listener] == [
        f"127.0.0.1:{port}" for port in (2025, 2587, 2465, 2143, 2993, 2110, 2995)
    ]
    assert config.auth.allow_plaintext


def test_check_names_what_is_wrong_first(house: Any) -> None:
    text = house.config.read_text()
    house.config.write_text(text.replace('"mail.example.com"', '"other.example.com"'))
    (house.folder / "key.pem").chmod(0o644)
    house("domain", "add", "example.net")
    ran = house("check")
    assert ran.code == EX_CONFIG
    lines = ran.out.splitlines()
    assert "is for mail.example.com, not for other.example.com" in lines[0]
    assert any("example.net has no account" in line for line in lines)
    assert any("can read" in line and "key.pem" in line for line in lines)
    levels = [line.split()[0] for line in lines[: lines.index("")]]
    assert levels == sorted(levels, key=["problem", "warning", "advice", "ok"].index)


def test_check_changes_nothing_and_survives_what_is_missing(house: Any) -> None:
    import shutil

    shutil.rmtree(house.folder / "data")
    (house.folder / "certificate.pem").write_text("nonsense")
    ran = house("check")
    assert ran.code == EX_CONFIG
    assert "does not exist yet" in ran.out
    assert not (house.folder / "data").exists()


def test_check_asks_who_reads_what_cron_writes(house: Any) -> None:
    local = (
        '\n[[listener]]\nprotocol = "submission"\naddress = "unix:'
        + str(house.folder / "run" / "sendmail")
        + '"\n'
    )
    house.config.write_text(house.config.read_text() + local)
    (words,) = [one for one in findings(house)["warning"] if one.startswith("root:")]
    assert "correo alias add root@example.com" in words
    assert house("alias", "add", "root@example.com", "alice@example.com").code == 0
    found = findings(house)
    assert not any(one.startswith("root:") for one in found["warning"])
    assert any("is made when the server starts" in one for one in found["ok"])


def test_check_of_a_damaged_database(house: Any) -> None:
    house.database.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    ran = house("check")
    assert (ran.code, "correo restore" in ran.out) == (EX_CONFIG, True)
    house.database.write_bytes(b"not a database at all")
    assert house("account", "list").code == EX_DATAERR


# -- the command as people run it --------------------------------------------------------------------------------------


def shell(*arguments: str | Path, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from correo.cli import main; main()", *map(str, arguments)]
    return subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=60,
        check=False,
    )


def test_as_a_process(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    made = shell("init", "example.org", "--directory", folder, "--password-file", "-", stdin="secret\n")
    assert (made.returncode, made.stderr) == (0, "")
    listed = shell("account", "list", CORREO_CONFIG=str(folder / "correo.toml"))
    assert "postmaster@example.org" in listed.stdout
    unknown = shell("--config", folder / "correo.toml", "account", "remove", "x@example.org", "--yes")
    assert (unknown.returncode, unknown.stdout) == (67, "")
    nothing = shell("--config", tmp_path / "none", "account", "list")
    assert (nothing.returncode, "correo init DOMAIN" in nothing.stderr) == (EX_CONFIG, True)


def test_a_wrong_key_in_the_configuration_is_named(house: Any) -> None:
    house.config.write_text(house.config.read_text().replace("data_dir", "datadir"))
    ran = house("queue", "list")
    assert (ran.code, "did you mean data_dir?" in ran.err) == (EX_CONFIG, True)
