"""Dry runs, selections by age and state, other ways, and mail that is to disappear."""

from __future__ import annotations

from typing import Any

import pytest

from correo import mailbox
from correo.cli.terminal import EX_DATAERR, EX_NOUSER, EX_USAGE
from correo.mail.wishes import Notify, Wishes
from correo.queue import QueuedRecipient, Selection, list_recipients
from correo.storage.db import Tx


@pytest.fixture
def message(house: Any) -> str:
    """Waits for three recipients at two other servers."""
    id: str = house.receive("alice@example.com", "eve@example.net", "adam@example.net", "noah@example.org")
    return id


def queued(house: Any) -> dict[str, QueuedRecipient]:
    found = house.with_db(lambda db: db.read(list_recipients, Selection()))
    return {one.folded: one for one in found}


def events(house: Any, id: str) -> list[tuple[str, str, str]]:
    journey = house("trace", id, "--json").json[0]
    return [(one["recipient"], one["event"], one["detail"]) for one in journey["events"]]


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("retry", "--all"), 3),
        (("hold", "example.net"), 2),
        (("release", "--all"), 0),
        (("bounce", "--from", "alice@example.com"), 3),
        (("delete", "eve@example.net"), 1),
        (("reroute", "--to", "smtp:relay.example", "--older", "0s"), 3),
        (("delete", "--older", "1h"), 0),
        (("delete", "--state", "held"), 0),
    ],
)
def test_a_dry_run_counts_and_does_nothing(
    house: Any, message: str, arguments: tuple[str, ...], count: int
) -> None:
    before = queued(house)
    ran = house("queue", *arguments, "--dry-run")
    assert ran.code == 0
    assert ran.out.startswith(f"{count} recipient")
    assert "would be" in ran.out
    assert queued(house) == before
    assert next(iter(house("queue", *arguments, "--dry-run", "--json").json.values())) == count


def test_delete_tells_nobody_but_the_ledger(house: Any, message: str) -> None:
    assert house("queue", "delete", message, "example.net").out == "2 recipients deleted\n"
    assert set(queued(house)) == {"noah@example.org"}
    assert ("eve@example.net", "discarded", "deleted: by the operator") in events(house, message)
    assert not [
        one for one in house("trace", "alice@example.com", "--json").json if one["protocol"] == "bounce"
    ]
    assert house("queue", "delete", "--all").code == 0
    assert house("ledger", "--json").json["difference"] == 0


def test_another_way_and_back(house: Any, message: str) -> None:
    house("queue", "hold", "eve@example.net")
    ran = house("queue", "reroute", "--to", "smtp:relay.example:26", "example.net", "--json")
    assert ran.json["rerouted"] == 2
    found = queued(house)
    assert found["eve@example.net"].destination == ">smtp:relay.example:26 example.net"
    assert {one.state.value for one in found.values()} == {"waiting"}
    assert found["noah@example.org"].destination == "example.org"
    assert "smtp:relay.example:26" in house("queue", "show", message).out
    assert len(house("queue", "list", "example.net", "--json").json) == 2
    assert ("adam@example.net", "rerouted", "to smtp:relay.example:26, by the operator") in events(
        house, message
    )
    assert house("queue", "reroute", "--to", "usual", "--all").code == 0
    assert {one.destination for one in queued(house).values()} == {"example.net", "example.org"}


@pytest.mark.parametrize(
    ("way", "code"),
    [("relay.example", EX_DATAERR), ("hold", EX_DATAERR), ("discard", EX_DATAERR), ("route:none", EX_NOUSER)],
)
def test_ways_that_are_none(house: Any, message: str, way: str, code: int) -> None:
    assert house("queue", "reroute", "--to", way, "--all").code == code


def test_a_route_by_its_name(house: Any, message: str) -> None:
    text = house.config.read_text()
    house.config.write_text(
        text + '\n[[route]]\ndomains = ["x.example"]\nto = "mx:y.example"\nname = "spare"\n'
    )
    assert house("queue", "reroute", "--to", "route:spare", "--all").code == 0
    assert queued(house)["eve@example.net"].destination == ">route:spare example.net"


def test_what_a_route_says_is_shown(house: Any, message: str) -> None:
    text = house.config.read_text()
    route = 'domains = ["example.net"]\nto = "smtp:relay.example"\nexpire = "1d"\nuser = "u"\npassword_file = "missing"\n'
    house.config.write_text(f"{text}\n[[route]]\n{route}")
    assert house("queue", "show", message).out.count("by its route") == 2
    facts = house("queue", "show", message, "--json").json
    assert len({one["expires"] for one in facts["recipients"]}) == 2


def test_selections_that_are_none(house: Any, message: str) -> None:
    assert house("queue", "delete", "--older", "soon").code == EX_DATAERR
    assert house("queue", "delete", "--all", "--older", "1d").code == EX_USAGE
    assert house("queue", "delete").code == EX_USAGE
    assert house("queue", "delete", "--older", "1d").code == EX_NOUSER
    assert len(queued(house)) == 3


def test_a_long_queue_goes_another_way_in_slices(house: Any) -> None:
    house.receive("alice@example.com", *(f"u{number}@example.net" for number in range(1100)))
    assert house("queue", "reroute", "--to", "mx:example.org", "--all").out == "1100 recipients rerouted\n"
    assert house("queue", "delete", "example.net").out == "1100 recipients deleted\n"


def test_the_history_of_a_domain(house: Any, message: str) -> None:
    house("queue", "delete", "eve@example.net")
    house("queue", "bounce", "noah@example.org")
    (row,) = house("queue", "history", "example.net", "--json").json
    assert (row["id"], row["recipient"], row["event"]) == (message, "eve@example.net", "discarded")
    assert row["last_reply"] == "deleted: by the operator"
    assert len(house("queue", "history", "--from", "alice@example.com", "--json").json) == 2
    assert "noah@example.org" in house("queue", "history", "noah@example.org", "--within", "1h").out
    assert house("queue", "history", "example.edu").out == "nothing has ended that fits\n"
    assert house("queue", "history", message).code == EX_USAGE
    assert house("queue", "history", "example.net", "example.org").code == EX_USAGE


def test_what_goes_back_to_senders_elsewhere_is_not_returned_in_turn(house: Any) -> None:
    """The notices wait in the queue themselves, and would be taken for what was selected."""
    for number in range(3):
        house.receive(f"zoe{number}@example.org", "eve@example.net", "adam@example.org")
    ran = house("queue", "bounce", "--all", "--json")
    assert ran.json["bounced"] == 6
    assert sorted(queued(house)) == [f"zoe{number}@example.org" for number in range(3)]
    assert {one.message.sender for one in queued(house).values()} == {""}
    house("queue", "bounce", "@example.org", "--from", "")
    assert queued(house) == {}
    assert house("ledger", "--json").json["discarded"] == 3


def test_what_came_before_the_clock_was_set_back_is_there_too(house: Any) -> None:
    house.receive("alice@example.com", "eve@example.net", "adam@example.org")
    house.with_db(lambda db: db.write(_of_a_time_to_come))
    assert house("queue", "hold", "--all", "--json").json["held"] == 2
    house("queue", "delete", "--all")
    assert queued(house) == {}


async def _of_a_time_to_come(tx: Tx) -> None:
    await tx.run("UPDATE queue_recipient SET created = $1", LATE)


def test_those_who_want_no_notice_are_counted_as_discarded(house: Any) -> None:
    house.receive("alice@example.com", "eve@example.net", wishes=Wishes(Notify.NEVER))
    ran = house("queue", "bounce", "eve@example.net")
    assert ran.out == "1 recipient bounced; 1 of them discarded, since their senders want no notice\n"


@pytest.mark.parametrize("act", ["retry", "hold", "release", "reroute", "bounce", "delete"])
def test_by_id_sender_recipient_and_domain(house: Any, act: str) -> None:
    """Each act does what it does to those that were named, and to nobody else."""
    id = house.receive("bob@example.com", "a@one.example", "b@two.example")
    house.receive("bob@example.com", "c@one.example")
    house.receive("alice@example.com", "d@three.example", "e@four.example")
    house.receive("Eva@example.edu", "f@four.example")
    named = {
        (id,): {"a@one.example", "b@two.example"},
        ("--from", "eva@example.edu"): {"f@four.example"},
        ("D@Three.example",): {"d@three.example"},
        ("@one.example", "--from", "BOB@example.com"): {"a@one.example", "c@one.example"},
        ("four.example", "--from", "alice@example.com"): {"e@four.example"},
    }
    if act == "release":
        house("queue", "hold", "--all")
    house.with_db(lambda db: db.write(_spread, act))
    way = ("--to", "smtp:relay.example") if act == "reroute" else ()
    for which, expected in named.items():
        before = queued(house)
        expected &= before.keys()  # an act that takes away has done so before
        if act in ("hold", "release"):
            reached = "held" if act == "hold" else "waiting"
            expected = {name for name in expected if before[name].state.value != reached}
        if act == "retry":
            expected = {name for name in expected if before[name].next_try == LATE}
        if not expected:
            continue
        assert house("queue", act, *way, *which).code == 0
        after = queued(house)
        assert {name for name in before if after.get(name) != before[name]} == expected, which
        assert (act in ("bounce", "delete")) == (expected.isdisjoint(after))
    assert house("ledger", "--json").json["difference"] == 0


LATE = 4_000_000_000_000_000


async def _spread(tx: Tx, act: str) -> None:
    """Nobody is due before long, so that a retry is seen; but what waits for its sender alone cannot be hurried."""
    if act == "retry":
        await tx.run("UPDATE queue_recipient SET attempts = 1, next_try = $1", LATE)


def test_a_notice_by_the_operator_tells_of_no_attempt(house: Any, message: str) -> None:
    house("queue", "bounce", "eve@example.net")
    shown = house.with_db(lambda db: db.read(_newest))
    assert b"Action: failed" in shown
    assert b"554 5.7.0 Returned by the operator" in shown
    assert b"Last-Attempt-Date" not in shown


async def _newest(tx: Tx) -> bytes:
    row = await tx.one("SELECT content_id FROM mailbox_message ORDER BY content_id DESC LIMIT 1")
    assert row
    return await mailbox.raw(tx, row[0])


def test_the_history_of_a_sender_wants_an_address(house: Any) -> None:
    for wrong in ("alice", "example.com", "zzzz"):
        assert house("queue", "history", "--from", wrong).code == EX_USAGE
    assert house("queue", "history", "--from", "alice@example.com").code == 0
