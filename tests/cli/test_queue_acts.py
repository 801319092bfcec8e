"""Dry runs, selections by age and state, other ways, and mail that is to disappear."""

from __future__ import annotations

from typing import Any

import pytest

from correo.cli.terminal import EX_DATAERR, EX_NOUSER, EX_USAGE
from correo.queue import QueuedRecipient, Selection, list_recipients


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
