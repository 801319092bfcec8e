"""Shared accounts, administrators and rights by the command line."""

from __future__ import annotations

from typing import Any

import pytest

from correo import accounts, mailbox
from correo.accounts.account import stored_login
from correo.cli.terminal import EX_DATAERR, EX_NOPERM, EX_NOUSER, EX_USAGE
from correo.mailbox import Identity
from correo.storage.db import Tx


def test_a_shared_account_has_mailboxes_and_no_password(house: Any) -> None:
    ran = house("account", "add", "--shared", "Support@example.com")
    assert (ran.code, "correo share set support@example.com" in ran.out) == (0, True)
    rows = {row["address"]: row for row in house("account", "list", "--json").json}
    assert rows["support@example.com"]["shared"]
    assert not rows["bob@example.com"]["shared"]
    assert "shared" in house("account", "list").out
    house.receive("zoe@example.net", "support@example.com")

    async def look(tx: Tx) -> tuple[bool, int]:
        account = await accounts.get_account(tx, "support@example.com")
        assert account is not None
        inbox = await mailbox.inbox(tx, account.id)
        assert inbox is not None
        return await stored_login(tx, account.address) is None, inbox.messages

    assert house.with_db(lambda db: db.read(look)) == (True, 1)


def test_nobody_is_to_log_in_to_a_shared_account(house: Any) -> None:
    both = ("account", "add", "--shared", "support@example.com", "--password-file", "-")
    assert house(*both, stdin="secret\n").code == EX_USAGE
    house("account", "add", "--shared", "support@example.com")
    for arguments in (("passwd", "--password-file", "-"), ("enable",), ("disable",), ("admin", "on")):
        ran = house("account", arguments[0], "support@example.com", *arguments[1:], stdin="secret\n")
        assert (ran.code, "nobody logs in as it" in ran.err) == (EX_NOPERM, True), arguments


def test_administrators_are_made_and_unmade(house: Any) -> None:
    assert house("account", "admin", "alice@example.com", "on", "--json").json["admin"]
    rows = {row["address"]: row["admin"] for row in house("account", "list", "--json").json}
    assert rows == {"alice@example.com": True, "bob@example.com": False}
    assert "admin" in house("account", "list").out
    assert "no longer" in house("account", "admin", "alice@example.com", "off").out
    assert not any(row["admin"] for row in house("account", "list", "--json").json)
    assert house("account", "admin", "carol@example.com", "on").code == EX_NOUSER
    assert house("account", "admin", "alice@example.com", "perhaps").code == EX_USAGE


def test_nobody_reads_as_a_shared_account(house: Any) -> None:
    house("account", "add", "--shared", "support@example.com")
    ran = house("share", "set", "alice@example.com/INBOX", "support@example.com", "read")
    assert (ran.code, "nobody logs in as it" in ran.err) == (EX_NOPERM, True)
    assert house("share", "list", "alice@example.com", "--json").json == []


def test_rights_are_given_shown_and_taken(house: Any) -> None:
    place = "alice@example.com/inbox"
    assert "nobody but the owner" in house("share", "list", place).out
    assert house("share", "set", place, "BOB@example.com", "read").out == (
        "BOB@example.com may lrs in alice@example.com/inbox\n"
    )
    house("share", "set", place, "bob@example.com", "+dw")
    house("share", "set", place, "anyone", "l")
    house("share", "set", place, "bob@example.com", "w", "--deny")
    assert house("share", "list", place, "--json").json == [
        {"mailbox": "alice@example.com/INBOX", "who": "anyone", "rights": "l", "denied": False},
        {"mailbox": "alice@example.com/INBOX", "who": "bob@example.com", "rights": "lrswte", "denied": False},
        {"mailbox": "alice@example.com/INBOX", "who": "bob@example.com", "rights": "w", "denied": True},
    ]
    assert "not w" in house("share", "list", "alice@example.com").out

    async def rights(tx: Tx) -> str:
        alice = await accounts.get_account(tx, "alice@example.com")
        bob = await accounts.get_account(tx, "bob@example.com")
        assert alice is not None
        assert bob is not None
        [(box, has)] = await mailbox.shared_with(tx, Identity(bob.id, bob.domain))
        assert (box.account_id, box.name) == (alice.id, "INBOX")
        return "".join(sorted(has))

    assert house.with_db(lambda db: db.read(rights)) == "elrst"
    house("share", "remove", place, "bob@example.com", "e")
    assert house.with_db(lambda db: db.read(rights)) == "lrst"
    assert "no longer denied anything" in house("share", "remove", place, "bob@example.com", "--deny").out
    assert house.with_db(lambda db: db.read(rights)) == "lrstw"
    assert "took all rights" in house("share", "remove", place, "bob@example.com").out
    assert house.with_db(lambda db: db.read(rights)) == "l"


def test_a_whole_account_is_shared_at_once(house: Any) -> None:
    house("account", "add", "--shared", "support@example.com")
    ran = house("share", "set", "support@example.com", "anyone", "write", "--json")
    assert len(ran.json["mailboxes"]) == 6
    assert "support@example.com/INBOX" in ran.json["mailboxes"]
    rows = house("share", "list", "support@example.com", "--json").json
    assert {row["rights"] for row in rows} == {"lrswipkxte"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("set", "alice@example.com/No", "bob@example.com", "read"), EX_NOUSER, "there is no mailbox"),
        (("set", "carol@example.com", "bob@example.com", "read"), EX_NOUSER, "correo account list"),
        (("set", "alice@example.com", "carol@example.com", "read"), EX_NOUSER, "no account carol"),
        (("set", "alice@example.com", "alice@example.com", "read"), EX_NOPERM, "is the owner"),
        (("set", "alice@example.com", "bob@example.com", "LR"), EX_USAGE, "letters of"),
        (("set", "alice@example.com", "bob@example.com", ""), EX_USAGE, "letters of"),
        (("set", "alice", "bob@example.com", "read"), EX_DATAERR, "not an address"),
        (("set", "alice@example.com", "everybody", "read"), EX_DATAERR, "not an address"),
    ],
)
def test_refusals_change_nothing(house: Any, arguments: tuple[str, ...], code: int, words: str) -> None:
    ran = house("share", *arguments)
    assert (ran.code, words in ran.err) == (code, True), ran.err
    assert house("share", "list", "alice@example.com", "--json").json == []
