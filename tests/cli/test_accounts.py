"""Domains, accounts and aliases by the command line: what is said, what is done, which exit status."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from correo import accounts, mailbox
from correo.accounts.account import stored_login
from correo.accounts.credentials import matches
from correo.cli.terminal import EX_DATAERR, EX_NOINPUT, EX_NOPERM, EX_NOUSER, EX_USAGE
from correo.storage.db import Database, Tx


def test_domains_are_added_listed_and_removed(house: Any) -> None:
    added = house("domain", "add", "Bücher.Example")
    assert added.code == 0
    assert "correo account add NAME@xn--bcher-kva.example" in added.out
    assert "xn--bcher-kva.example. MX 10 mail.example.com." in added.out
    listed = house("--json", "domain", "list").json
    assert [(row["domain"], row["accounts"]) for row in listed] == [
        ("example.com", 2),
        ("xn--bcher-kva.example", 0),
    ]
    assert house("domain", "remove", "bücher.example").code == 0
    assert len(house("domain", "list", "--json").json) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("domain", "add", "example.com"), EX_DATAERR, "correo domain list"),
        (("domain", "add", "no such"), EX_DATAERR, "write it as in: example.com"),
        (("domain", "remove", "example.net"), EX_NOUSER, "correo domain list"),
        (("domain", "remove", "example.com"), EX_DATAERR, "still has accounts"),
        (("account", "add", "alice@example.com"), EX_DATAERR, "has an account already"),
        (("account", "add", "carol@example.net"), EX_NOUSER, "correo domain add example.net"),
        (("account", "add", "carol"), EX_DATAERR, "not an address"),
        (("account", "passwd", "carol@example.com"), EX_NOUSER, "correo account list"),
        (("alias", "add", "info@example.net", "a@example.com"), EX_NOUSER, "correo domain add example.net"),
        (("alias", "add", "alice@example.com", "bob@example.com"), EX_DATAERR, "is an account"),
        (("alias", "remove", "info@example.com"), EX_NOUSER, "correo alias list"),
    ],
)
def test_refusals_say_what_to_do(house: Any, arguments: tuple[str, ...], code: int, words: str) -> None:
    more = ("--password-file", "-") if arguments[:2] in (("account", "add"), ("account", "passwd")) else ()
    ran = house(*arguments, *more, stdin="secret\n")
    assert ran.code == code
    assert words in ran.err
    assert ran.out == ""
    again = house("--json", *arguments, *more, stdin="secret\n")
    assert again.json == {"error": ran.err.removeprefix("correo: ").rstrip("\n"), "code": code}


def test_an_account_comes_with_its_mailboxes_and_its_password(house: Any, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("tweedledee\r\nnot this line\n")
    ran = house("account", "add", "Carol@Example.com", "--password-file", file, "--json")
    assert ran.json["address"] == "carol@example.com"

    async def look(tx: Tx) -> tuple[list[str], str]:
        account = await accounts.get_account(tx, "carol@example.com")
        assert account is not None
        boxes = await mailbox.list_mailboxes(tx, account.id)
        login = await stored_login(tx, account.address)
        assert login is not None
        return [box.name for box in boxes], login.credentials.password

    names, password = house.with_db(lambda db: db.read(look))
    assert names[0] == "INBOX"
    assert "Trash" in names
    assert matches(password, b"tweedledee")
    assert house("account", "passwd", "carol@example.com", "--password-file", "-", stdin="dum").code == 0
    _, password = house.with_db(lambda db: db.read(look))
    assert matches(password, b"dum")


@pytest.mark.parametrize(
    ("more", "stdin", "code", "words"),
    [
        ((), "", EX_USAGE, "--password-file"),
        (("--password-file", "-"), "", EX_DATAERR, "first line of standard input is empty"),
        (("--password-file", "-"), "\nsecret\n", EX_DATAERR, "is empty"),
        (("--password-file", "/no/such/file"), "", EX_NOINPUT, "/no/such/file"),
        (("--password-file", "-"), "\x07", EX_NOPERM, "choose another"),
    ],
)
def test_bad_passwords_make_no_account(
    house: Any, more: tuple[str, ...], stdin: str, code: int, words: str
) -> None:
    ran = house("account", "add", "carol@example.com", *more, stdin=stdin)
    assert (ran.code, words in ran.err) == (code, True), ran.err
    assert len(house("account", "list", "--json").json) == 2


def test_the_password_is_no_argument(house: Any) -> None:
    assert house("account", "add", "carol@example.com", "secret").code == EX_USAGE


def test_disable_enable_and_list(house: Any) -> None:
    assert "no longer log in" in house("account", "disable", "alice@example.com").out
    rows = house("account", "list", "example.com", "--json").json
    assert [row["enabled"] for row in rows] == [False, True]
    assert "disabled" in house("account", "list").out
    assert house("account", "enable", "ALICE@example.com").code == 0
    assert all(row["enabled"] for row in house("account", "list", "--json").json)
    assert "correo account add NAME@example.net" in house("account", "list", "example.net").out


def test_removing_an_account_takes_its_mail_and_its_aliases(house: Any) -> None:
    house.receive("zoe@example.net", "bob@example.com", "alice@example.com")
    house("alias", "add", "builders@example.com", "bob@example.com")
    refused = house("account", "remove", "bob@example.com")
    assert (refused.code, "--yes" in refused.err) == (EX_USAGE, True)
    ran = house("account", "remove", "bob@example.com", "--yes", "--json")
    assert (ran.code, ran.json["messages"]) == (0, 1)
    assert house("alias", "list", "--json").json == []

    async def left(tx: Tx) -> list[Any]:
        return await tx.all("SELECT DISTINCT account_id FROM mailbox_mailbox")

    async def work(db: Database) -> int:
        return len(await db.read(left))

    assert house.with_db(work) == 1


def test_aliases_lead_to_many_and_say_what_is_missing(house: Any) -> None:
    ran = house(
        "alias", "add", "info@example.com", "alice@example.com", "Eve@Example.net", "carol@example.com"
    )
    assert ran.code == 0
    assert "nobody has carol@example.com" in ran.err
    house("alias", "add", "@example.com", "bob@example.com")
    rows = house("alias", "list", "--json").json
    assert [row["address"] for row in rows] == ["@example.com", "info@example.com"]
    assert set(rows[1]["targets"]) == {"alice@example.com", "Eve@Example.net", "carol@example.com"}
    assert house("alias", "remove", "info@example.com", "eve@example.net").code == 0
    assert len(house("alias", "list", "--json").json[1]["targets"]) == 2
    assert house("alias", "remove", "info@example.com").code == 0
    assert house("alias", "list").out.count("@example.com") == 2


def test_quota_is_shown_set_and_lifted(house: Any) -> None:
    def most(*arguments: str) -> list[int | None]:
        rows = house("account", "quota", "bob@example.com", *arguments, "--json").json
        assert [row["what"] for row in rows] == ["storage", "messages", "mailboxes"]
        return [row["most"] for row in rows]

    assert most() == [None, None, None]
    assert most("--storage", "2MiB", "--messages", "0") == [2 * 1024 * 1024, 0, None]
    assert most("--messages", "none", "--mailboxes", "20") == [2 * 1024 * 1024, None, 20]
    assert "2.1 MB" in house("account", "quota", "bob@example.com").out
    assert house("account", "quota", "nobody@example.com").code == EX_NOUSER
    for wrong in (
        "--storage=0",
        "--storage=much",
        "--messages=-1",
        "--mailboxes=x",
        f"--messages={10**18 + 1}",
    ):
        assert house("account", "quota", "bob@example.com", wrong).code == EX_USAGE
    assert house("account", "quota", "bob@example.com", "--storage", "9" * 30).code == EX_USAGE


def test_app_passwords_are_made_shown_once_and_taken_back(house: Any) -> None:
    add = ("account", "app-password", "add", "alice@example.com")
    made = house(*add, "phone", "--for", "imap", "--expires", "90d", "--json").json
    assert len(made["password"]) == 23
    assert made["expires"] is not None
    every = house(*add, "old laptop")
    assert "not shown again" in every.out
    listed = house("account", "app-password", "list", "alice@example.com")
    assert made["password"] not in listed.out
    rows = house("account", "app-password", "list", "alice@example.com", "--json").json
    assert [(row["name"], row["scopes"], row["used"]) for row in rows] == [
        ("old laptop", ["smtp", "imap", "pop3"], None),
        ("phone", ["imap"], None),
    ]
    assert house("account", "app-password", "remove", "alice@example.com", "phone").code == 0
    assert len(house("account", "app-password", "list", "alice@example.com", "--json").json) == 1


def test_a_new_password_keeps_the_salt_of_app_passwords(house: Any) -> None:
    async def salt(tx: Tx) -> bytes:
        login = await stored_login(tx, "alice@example.com")
        assert login is not None
        keys = login.credentials.scram_keys()
        assert keys is not None
        return keys.salt

    passwd = ("account", "passwd", "alice@example.com", "--password-file", "-")
    before = house.with_db(lambda db: db.read(salt))
    house(*passwd, stdin="one\n")
    fresh = house.with_db(lambda db: db.read(salt))
    assert fresh != before
    house("account", "app-password", "add", "alice@example.com", "phone")
    house(*passwd, stdin="two\n")
    assert house.with_db(lambda db: db.read(salt)) == fresh


def test_an_account_can_be_for_app_passwords_alone(house: Any) -> None:
    async def look(tx: Tx) -> bool:
        account = await accounts.get_account(tx, "alice@example.com")
        assert account is not None
        return account.app_only

    assert house("account", "app-only", "alice@example.com", "on").code == 0
    assert house.with_db(lambda db: db.read(look))
    assert house("account", "app-only", "alice@example.com", "off").code == 0
    assert not house.with_db(lambda db: db.read(look))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("add", "nobody@example.com", "phone"), EX_NOUSER, "correo account list"),
        (("add", "alice@example.com", " "), EX_DATAERR, "cannot be the name"),
        (("add", "alice@example.com", "phone", "--expires", "soon"), EX_USAGE, "--expires"),
        (("remove", "alice@example.com", "phone"), EX_NOUSER, "app-password list"),
        (("list", "alice"), EX_DATAERR, "not an address"),
    ],
)
def test_refusals_of_app_passwords(house: Any, arguments: tuple[str, ...], code: int, words: str) -> None:
    ran = house("account", "app-password", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
