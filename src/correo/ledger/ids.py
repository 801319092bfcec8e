"""Ids as people read, say and type them: Crockford's base 32, lower case. Pure."""

from __future__ import annotations

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)} | {"i": 1, "l": 1, "o": 0}

MAX_LENGTH = 13  # digits of 63 bits


def show_id(id: int) -> str:
    """0 <= id < 2**63, without leading zeros."""
    digits = ""
    while True:
        id, value = divmod(id, 32)
        digits = _DIGITS[value] + digits
        if not id:
            return digits


def read_id(text: str) -> int:
    """What `show_id` wrote, in either case, with I and L for 1, O for 0, and hyphens anywhere. Raises ValueError."""
    digits = text.strip().replace("-", "").lower()
    if not 0 < len(digits) <= MAX_LENGTH:
        raise ValueError("an id has 1 to 13 letters and digits")
    id = 0
    for digit in digits:
        if digit not in _VALUES:
            raise ValueError("an id has letters and digits only, and no u")
        id = id * 32 + _VALUES[digit]
    if id >= 2**63:
        raise ValueError("there is no id this large")
    return id
