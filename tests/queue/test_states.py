from __future__ import annotations

import pytest

from correo.queue.states import TABLE, Event, State, as_markdown, source, step, target


def test_every_event_has_one_row() -> None:
    assert sorted(row.event.value for row in TABLE) == sorted(event.value for event in Event)


def test_every_state_is_reached_and_left() -> None:
    assert {row.target for row in TABLE} == {*State, None}
    assert {state for row in TABLE for state in row.sources} == set(State)


def test_every_end_is_in_the_ledger() -> None:
    assert all(
        row.ledger in ("relayed", "delivered", "bounced", "discarded") for row in TABLE if row.target is None
    )


def test_source_and_target_read_the_table() -> None:
    assert (source(Event.CLAIM), target(Event.CLAIM)) == ("waiting", "active")
    assert step(Event.WITHDRAW).sources == (State.WAITING, State.HELD)
    with pytest.raises(KeyError):
        target(Event.RELAY)


def test_the_markdown_has_a_line_for_each_row() -> None:
    lines = as_markdown().splitlines()
    assert len(lines) == len(TABLE) + 2
    assert "| active | relay | (gone) | relayed | the next server has taken responsibility |" in lines
    assert all(line.count("|") == 6 for line in lines)
