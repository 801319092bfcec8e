"""SASLprep (RFC 4013): one spelling for names and passwords that look alike, however a keyboard made them.

Deviation: unassigned code points are let through in what is stored, too (RFC 4013 §2.5 allows them in queries only).
Unicode 3.2 has no emoji, and a password with one works where it is sent as it is, as in PLAIN.
"""

from __future__ import annotations

import stringprep
from unicodedata import ucd_3_2_0

MAX_TEXT = 1024  # octets: names and passwords stay far below, and normalizing is quadratic in a run of marks

# RFC 4013 §2.3.
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class Unprepared(ValueError):
    """The text cannot be a name or password; the message says why."""


def saslprep(text: str) -> str:
    """The prepared form; preparing it again changes nothing. Raises Unprepared."""
    _check_length(text)
    if text.isascii():
        if not text.isprintable():
            raise Unprepared("contains control characters")
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in text if not stringprep.in_table_b1(char)
    )
    prepared = ucd_3_2_0.normalize("NFKC", mapped)
    if any(prohibited(char) for char in prepared for prohibited in _PROHIBITED):
        raise Unprepared("contains characters that cannot be typed or seen")
    _check_direction(prepared)
    _check_length(prepared)  # one character can become eighteen
    return prepared


def _check_length(text: str) -> None:
    if len(text) > MAX_TEXT or len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT:
        raise Unprepared(f"longer than {MAX_TEXT} octets")


def _check_direction(text: str) -> None:
    """RFC 3454 §6: text with right-to-left letters begins and ends with them and has no others."""
    if not any(stringprep.in_table_d1(char) for char in text):
        return
    if any(stringprep.in_table_d2(char) for char in text):
        raise Unprepared("mixes writing directions")
    if not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise Unprepared("mixes writing directions")
