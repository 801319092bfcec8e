"""Protocols as pure objects: bytes in, events out, replies in, bytes out.

A core is fed with `receive(data)` (b"" is the end of the stream), pulled with `next_event()` until it answers `NEED_DATA`, and
emptied with `take_output()`. After an event that asks for a decision it stands still until it gets the reply, so what a client
sent ahead can never run ahead. Cores frame first (lines, literals, dot-stuffing, limits) and parse afterwards: a syntax error
costs one command, never the stream. Nothing here does I/O, reads a clock, rolls dice or logs.
"""

from __future__ import annotations

from enum import Enum


class Need(Enum):
    DATA = "more octets"


NEED_DATA = Need.DATA
