"""Structured logs on standard error: text for people at a terminal, one JSON object a line otherwise."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import msgspec
import structlog

from correo.clock import Clock
from correo.mail.instant import iso8601

Event = MutableMapping[str, Any]


def configure(
    form: str, level: str, clock: Clock, file: TextIO | None = None, *, worker: int | None = None
) -> None:
    """`form` is auto, text or json; `level` the least that is written; to standard error unless `file` is given.

    `worker`: the number of this process, where it is one of several; each line says it.
    """
    file = file or sys.stderr
    text = form == "text" or (form == "auto" and file.isatty())
    structlog.configure(
        processors=[
            _add_level,
            _stamp(clock, worker),
            structlog.processors.format_exc_info,
            _as_text if text else _as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=file),
        cache_logger_on_first_use=False,
    )


def ignored(args: sys.UnraisableHookArgs) -> None:
    """For sys.unraisablehook: one line instead of a traceback in the midst of the others.

    A client that asks for a certificate by a name in octets that are not ASCII is enough: Python's ssl reads it, and then ends the
    handshake.
    """
    fault = args.exc_value
    logger = structlog.get_logger("correo")
    if isinstance(fault, UnicodeDecodeError) and isinstance(args.object, bytes):
        logger.debug("a name in a handshake is not ASCII")
    else:
        logger.error("fault where none can be raised", where=repr(args.object), exc_info=fault)


def _add_level(_: Any, method: str, event: Event) -> Event:
    event["level"] = "warning" if method == "warn" else "error" if method == "exception" else method
    return event


def _stamp(clock: Clock, worker: int | None) -> Callable[[Any, str, Event], Event]:
    def stamp(_: Any, __: str, event: Event) -> Event:
        event["time"] = iso8601(clock.now())
        if worker is not None:
            event.setdefault("worker", worker)
        return event

    return stamp


def _as_json(_: Any, __: str, event: Event) -> str:
    first = {"time": event.pop("time"), "level": event.pop("level"), "event": event.pop("event")}
    facts = {**first, **event}
    try:
        return msgspec.json.encode(facts, enc_hook=str).decode()
    except UnicodeEncodeError:  # surrogates, which stand for octets that are not UTF-8
        return msgspec.json.encode(
            {key: _encodable(value) for key, value in facts.items()}, enc_hook=str
        ).decode()


def _encodable(value: Any) -> Any:
    """Itself where it is a number, else text in which surrogates are escapes."""
    if isinstance(value, int | float):
        return value
    return str(value).encode("utf-8", "backslashreplace").decode()


def _as_text(_: Any, __: str, event: Event) -> str:
    time, level, what = event.pop("time"), event.pop("level"), event.pop("event")
    trace = event.pop("exception", "")
    facts = " ".join(f"{key}={_shown(value)}" for key, value in event.items() if value != "")
    line = f"{time[11:19]} {level[:4]:<4} {what}" + (f"  {facts}" if facts else "")
    return f"{line}\n{trace}" if trace else line


def _shown(value: Any) -> str:
    text = str(value)
    return repr(text) if not text or any(char.isspace() or not char.isprintable() for char in text) else text
