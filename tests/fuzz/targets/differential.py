"""Messages as we read them beside `email` of the standard library and `fast-mail-parser`: every difference has a reason.

The reasons are in docs/mime-differences.md; `REASONS` of `tests.fuzz.differences` has a rule for each.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz import letters
from tests.fuzz.differences import compare
from tests.fuzz.target import Target


def run(octets: bytes) -> None:
    for difference in compare(octets):
        raise AssertionError(f"a difference without a reason: {difference}")


def seeds() -> Iterator[bytes]:
    yield from letters.all_kinds()


TARGET = Target(
    "differential",
    (
        "correo.mail.message.scan",
        "correo.mail.message.headers",
        "correo.mail.message.text",
        "correo.mail.message.params",
    ),
    run,
    seeds,
    letters.WORDS,
    flood=0,
)
