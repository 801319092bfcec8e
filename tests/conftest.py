"""How much chance the tests take: the same examples at each run, unless CORREO_FUZZ asks for new ones and how many times more."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

FUZZ = int(os.environ.get("CORREO_FUZZ", "0"))

settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "new", derandomize=False, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("new" if FUZZ else "same")
