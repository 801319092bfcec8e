"""What the operator sees of the queue and does to it, and that the ledger goes along."""

from __future__ import annotations

from typing import Any

import pytest

from correo.cli.terminal import EX_DATAERR, EX_NOUSER, EX_SOFTWARE, EX_TEMPFAIL, EX_USAGE
from correo.clock.system import SystemClock
from correo.mail.instant import HOUR, MINUTE, iso8601
from correo.mail.status import Status
from correo.queue import Selection, claim, defer
from correo.storage.db import Database, Tx


@pytest.fixture
def message(house: Any) -> str:
    """Waits for three recipients at two other servers."""
    id: str = house.receive("alice@example.com", "eve@example.net", "adam@example.net", "noah@example.org")
    return id


def states(house: Any) -> dict[str, str]:
    return {row["recipient"]: row["state"] for row in house("queue", "list", "--json").json}


def test_the_list_names_every_recipient(house: Any, message: str) -> None:
    rows = house("queue", "list", "--json").json
    assert {row["recipient"] for row in rows} == {"eve@example.net", "adam@example.net", "noah@example.org"}
    assert {row["id"] for row in rows} == {message}
    text = house("queue", "list").out
    assert "3 recipients of 1 message (3 waiting)" in text
    assert len(house("queue", "list", "example.net", "--json").json) == 2
    assert len(house("queue", "list", "@example.org", "--json").json) == 1
    assert len(house("queue", "list", "Eve@example.NET", "--json").json) == 1
    assert len(house("queue", "list", "--from", "alice@example.com", "--json").json) == 3
    assert len(house("queue", "list", message.upper(), "example.net", "--limit", "1", "--json").json) == 1
    assert house("queue", "list", "example.edu").out == "nothing waits for example.edu\n"


def test_show_tells_all(house: Any, message: str) -> None:
    facts = house("queue", "show", message, "--json").json
    assert (facts["sender"], facts["subject"], len(facts["recipients"])) == ("alice@example.com", "Lunch", 3)
    assert f"correo trace {message}" in house("queue", "show", message).out
    assert house("queue", "show", "zzz").code == EX_NOUSER
    assert house("queue", "show", "u").code == EX_DATAERR


def test_hold_and_release(house: Any, message: str) -> None:
    assert house("queue", "hold", "example.net", "--json").json["held"] == 2
    assert states(house) == {
        "eve@example.net": "held",
        "adam@example.net": "held",
        "noah@example.org": "waiting",
    }
    assert [row["recipient"] for row in house("queue", "list", "--state", "waiting", "--json").json] == [
        "noah@example.org"
    ]
    assert "left alone: 1 not held" in house("queue", "release", "noah@example.org").out
    assert house("queue", "release", message, "eve@example.net").out == "1 recipient released\n"
    events = house("trace", message, "--json").json[0]["events"]
    assert [(e["event"], e["detail"]) for e in events if e["recipient"] == "eve@example.net"] == [
        ("accepted", ""),
        ("held", "by the operator"),
        ("released", "by the operator"),
    ]


def test_retry_makes_due_at_once(house: Any, message: str) -> None:
    now = SystemClock().now()

    async def try_in_vain(tx: Tx) -> None:
        for one in await claim(tx, owner="w", now=now + 1, lease_until=now + HOUR, limit=10):
            if one.destination == "example.net":
                status = Status(451, "4.7.1", "Greylisted")
                assert await defer(
                    tx, one, status=status, host="mx.example.net", next_try=now + HOUR, warned=False
                )

    house.with_db(lambda db: db.write(try_in_vain))
    assert "451 4.7.1 Greylisted" in house("queue", "list").out
    assert "in 59m" in house("queue", "list", "example.net").out
    ran = house("queue", "retry", message)
    assert ran.out == "2 recipients retried; left alone: 1 being tried at this moment\n"
    rows = house("queue", "list", "example.net", "--json").json
    assert all(row["next_try"] < iso8601(now + MINUTE) for row in rows)
    assert all(row["attempts"] == 1 for row in rows)
    assert house("queue", "hold", "example.org").code == EX_TEMPFAIL


def test_bounce_returns_to_the_sender_in_one_notice(house: Any, message: str) -> None:
    assert house("queue", "bounce", message, "example.net").out == "2 recipients bounced\n"
    events = house("trace", message, "--json").json[0]["events"]
    assert [event["event"] for event in events].count("bounced") == 2
    notices = [
        one for one in house("trace", "alice@example.com", "--json").json if one["protocol"] == "bounce"
    ]
    assert len(notices) == 1
    assert notices[0]["events"][-1]["event"] == "delivered"
    assert house("queue", "bounce", "--all").code == 0
    assert house("queue", "list", "--json").json == []
    assert house("ledger", "--json").json["difference"] == 0


def test_a_bounce_has_no_sender_to_tell(house: Any) -> None:
    house.receive("", "eve@example.net")
    assert "<>" in house("queue", "list").out
    ran = house("queue", "bounce", "--from", "")
    assert ran.out == "1 recipient bounced; 1 of them discarded, since a bounce has no sender to tell\n"
    assert house("ledger", "--json").json["discarded"] == 1


@pytest.mark.parametrize("action", ["retry", "hold", "release", "bounce"])
def test_nothing_happens_to_all_by_mistake(house: Any, action: str, message: str) -> None:
    assert house("queue", action).code == EX_USAGE
    assert house("queue", action, "--all", "example.net").code == EX_USAGE
    assert house("queue", action, "example.net", "example.org").code == EX_USAGE
    assert house("queue", action, "not an id").code == EX_DATAERR
    assert house("queue", action, "example.edu").code == EX_NOUSER
    assert set(states(house).values()) == {"waiting"}


def test_all_of_an_empty_queue_is_no_failure(house: Any) -> None:
    assert house("queue", "retry", "--all").out == "0 recipients retried\n"
    assert house("queue", "list").out == "the queue is empty\n"


def test_the_journey_by_every_name(house: Any, message: str) -> None:
    local = house.receive(
        "zoe@example.net", "bob@example.com", subject="Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n"
    )
    text = house("trace", local).out
    assert "ended: 1 delivered" in text
    assert "INBOX uid 1" in text
    waiting = house("trace", f"<{message}@example.com>").out
    assert waiting.count("now waits") == 3
    assert house("trace", f"{message}@example.com", "--json").json[0]["pending"] == 3
    assert [one["id"] for one in house("trace", "bob@example.com", "--json").json] == [local]
    assert house("trace", "nobody@example.com").code == EX_NOUSER


def test_what_strangers_wrote_cannot_command_the_terminal(house: Any) -> None:
    id = house.receive("alice@example.com", "eve@example.net", subject="a\x1b[2Jb")
    for arguments in (("trace", id), ("queue", "show", id)):
        assert "\x1b" not in house(*arguments).out


def test_the_ledger_says_so_when_it_does_not_balance(house: Any, message: str) -> None:
    assert "nothing is lost" in house("ledger").out

    async def lose(tx: Tx) -> None:
        await tx.run("DELETE FROM queue_recipient WHERE folded = $1", "eve@example.net")

    house.with_db(lambda db: db.write(lose))
    ran = house("ledger")
    assert (ran.code, "1 lost" in ran.err, "THIS MUST BE ZERO" in ran.out) == (EX_SOFTWARE, True, True)
    assert house("--json", "ledger").code == EX_SOFTWARE


def test_long_queues_are_worked_through_in_slices(house: Any) -> None:
    for _ in range(3):
        house.receive("alice@example.com", *(f"u{number}@example.net" for number in range(400)))
    assert house("queue", "hold", "--all").out == "1200 recipients held\n"

    async def count(db: Database) -> int:
        from correo.queue import list_recipients

        return len(await db.read(list_recipients, Selection(), limit=2000))

    assert house.with_db(count) == 1200
    assert "1200 recipients of 3 messages (1200 held)" in house("queue", "list", "--limit", "5").out
    assert house("queue", "bounce", "--all").out == "1200 recipients bounced\n"
    assert house("ledger", "--json").json["difference"] == 0
