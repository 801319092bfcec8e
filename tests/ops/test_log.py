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


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_is_no_text_does_not_stop_the_log(form: str) -> None:
    """Octets that are not UTF-8 come as surrogates, as in the name of a file or a word of a stranger."""
    file = io.TextIOWrapper(io.BytesIO(), "utf-8")
    log.configure(form, "info", VirtualClock(), file)
    structlog.get_logger("x").warning("authentication failed", login="eve\udcff", notes=["\udcff"], size=5)
    file.seek(0)
    written = file.read()
    assert written.count("\n") == 1
    assert "eve\\udcff" in (json.loads(written)["login"] if form == "json" else written)


class Unraisable:
    """As sys.unraisablehook is given it."""

    def __init__(self, fault: BaseException, of: object) -> None:
        self.exc_type, self.exc_value, self.exc_traceback = type(fault), fault, None
        self.err_msg, self.object = None, of


def test_what_cannot_be_raised_is_a_line_of_the_log() -> None:
    out = io.StringIO()
    log.configure("json", "info", VirtualClock(), out)
    strange = UnicodeDecodeError("ascii", b"\xff", 0, 1, "ordinal not in range(128)")
    log.ignored(Unraisable(strange, b"\xff"))  # type: ignore[arg-type]
    assert out.getvalue() == ""
    log.ignored(Unraisable(ValueError("inside"), print))  # type: ignore[arg-type]
    (line,) = (json.loads(line) for line in out.getvalue().splitlines())
    assert (line["level"], "ValueError: inside" in line["exception"]) == ("error", True)
