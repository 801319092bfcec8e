"""Some hours in a world where everything fails now and then: fixed seeds, and others each time.

What fails says its seed, and the command that goes the same way again.
"""

from __future__ import annotations

import os
from random import SystemRandom

import pytest
from tests.simulation.mutants import FIXED
from tests.simulation.run import simulate
from tests.simulation.world import Plan

QUICK = FIXED[:4]
OTHERS = max(1, int(os.environ.get("CORREO_FUZZ", "0")))


@pytest.mark.parametrize(
    "seed", [*QUICK, *(pytest.param(seed, marks=pytest.mark.slow) for seed in FIXED[len(QUICK) :])]
)
def test_nothing_is_lost_and_nothing_told_twice(seed: int) -> None:
    outcome = simulate(Plan(seed))
    assert outcome.letters["taken"] > 50
    assert outcome.ends["delivered"] > 50
    assert outcome.ends["bounced"] > 0
    assert outcome.coverage.arrows["claim"] > 0


@pytest.mark.parametrize("number", range(OTHERS))
def test_nor_with_seeds_that_nobody_has_seen(number: int) -> None:
    simulate(Plan(SystemRandom().randrange(1 << 32)))


def test_the_same_seed_goes_the_same_way() -> None:
    """To the octet, and to the microsecond at which it is sent."""
    first, second, other = (simulate(Plan(seed, hours=2, letters=30)) for seed in (5, 5, 6))
    assert first.digest == second.digest != other.digest
    assert (first.letters, first.faults, first.ends) == (second.letters, second.faults, second.ends)
