"""The seeds that were published: their sums are those in the documents, and the same programs go the same way."""

from __future__ import annotations

import pytest
from tests.simulation import table
from tests.simulation.run import simulate
from tests.simulation.world import Plan

AGAIN = (0, 87)  # rows


def test_the_sums_are_those_of_the_documents() -> None:
    _, rows = table.read(table.PUBLISHED)
    assert len(rows) >= 100
    assert table.sentence(table.sums(rows)) in table.TEXT.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("number", AGAIN)
def test_a_published_seed_goes_the_same_way(number: int) -> None:
    """Octet by octet where it is the programs that wrote the table; with others the laws hold all the same."""
    programs, rows = table.read(table.PUBLISHED)
    outcome = simulate(Plan(int(rows[number]["seed"])))
    assert outcome.checks > 0
    if programs == table.programs():
        assert table.row(outcome) == list(rows[number].values())
