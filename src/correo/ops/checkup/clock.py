"""The machine's clock: dates of mail, certificates and tokens go by it. The kernel knows whether anything keeps it right; nobody else is asked."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass

from correo.mail.instant import SECOND
from correo.ops.checkup import Finding, ok, warning

MAX_ERROR = 10 * SECOND  # beyond this, logins by token and checks of certificates begin to fail

_ROOM = 512  # octets for struct timex, which has 208 on 64 bits
_WORD = ctypes.sizeof(ctypes.c_long)
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the kernel says; µs."""

    synchronised: bool
    error: int


def ask_kernel() -> Kept | None:
    """By adjtimex(2) with nothing to change, for which no privilege is needed; None where there is no such thing."""
    if sys.platform != "linux":
        return None
    timex = ctypes.create_string_buffer(_ROOM)
    try:
        state = ctypes.CDLL(None).adjtimex(timex)
    except (OSError, AttributeError):
        return None
    if state < 0:
        return None
    # modes, offset, freq, maxerror: the first is an int, padded to a word.
    error = int.from_bytes(timex.raw[3 * _WORD : 4 * _WORD], sys.byteorder, signed=True)
    return Kept(state != _UNSYNCHRONISED, error)


def check_clock(kept: Kept | None) -> list[Finding]:
    if kept is None:
        return []
    if not kept.synchronised:
        words = "nothing keeps this machine's clock right, says its kernel; turn it on with: timedatectl set-ntp true"
        return [warning("clock", words)]
    if kept.error > MAX_ERROR:
        return [
            warning(
                "clock",
                f"it may be wrong by {kept.error // SECOND} seconds; see: timedatectl timesync-status",
            )
        ]
    return [ok("clock", "something keeps it right")]
