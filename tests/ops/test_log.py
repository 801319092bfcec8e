"""Logs: JSON for programs, text for people."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from correo.clock.virtual import VirtualClock
from correo.ops import log


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_json_is_one_object_a_line() -> None:
    out = io.StringIO()
    log.configure("json", "info", VirtualClock(), out)
    logger = structlog.get_logger("x")
    logger.info("accepted", size=5, sender="")
    logger.debug("not shown")
    try:
        raise ValueError("inside")
    except ValueError:
        logger.exception("internal error", reference="r1")
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert first == {
        "time": "2026-01-01T00:00:00.000000Z",
        "level": "info",
        "event": "accepted",
        "size": 5,
        "sender": "",
    }
    assert second["level"] == "error"
    assert "ValueError: inside" in second["exception"]


def test_text_is_short_and_cannot_be_forged() -> None:
    out = io.StringIO()
    log.configure("text", "info", VirtualClock(), out)
    structlog.get_logger("x").warning(
        "authentication failed", login="eve\n12:00:00 info login", address="192.0.2.1", note=""
    )
    assert (
        out.getvalue()
        == "00:00:00 warn authentication failed  login='eve\\n12:00:00 info login' address=192.0.2.1\n"
    )
