"""Whether the operator is told that DANE cannot be relied upon."""

from __future__ import annotations

import pytest

from correo.clock.virtual import VirtualClock
from correo.dns.zone import Zone, ZoneResolver
from correo.ops.checkup import Level
from correo.ops.checkup.dnssec import check_dnssec

ROOT = ". SOA a.root.example. root.example. 1 7200 3600 1209600 300"


@pytest.mark.parametrize(
    ("zone", "level", "words"),
    [
        (Zone(ROOT, authentic=True), Level.OK, "DANE is used"),
        (Zone(ROOT), Level.WARNING, "run a validating resolver on this machine"),
        (Zone(f"{ROOT}\n. FAIL"), Level.WARNING, "could not be looked at"),
    ],
)
async def test_what_is_said(zone: Zone, level: Level, words: str) -> None:
    finding = await check_dnssec(ZoneResolver(zone, VirtualClock()))
    assert (finding.level, finding.about) == (level, "dnssec")
    assert words in finding.words
