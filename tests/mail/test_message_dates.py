"""Dates in every spelling that mail has seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.instant import moment, rfc5322_date
from correo.mail.message import parse_date


def at(*when: int, zone: int = 0) -> tuple[int, int]:
    moment = datetime(*when, tzinfo=timezone(timedelta(minutes=zone)))  # type: ignore[misc, arg-type]
    return round(moment.timestamp()) * 1_000_000, zone


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"Fri, 21 Nov 1997 09:55:06 -0600", at(1997, 11, 21, 9, 55, 6, zone=-360)),
        (b"Tue, 1 Jul 2003 10:52:37 +0200", at(2003, 7, 1, 10, 52, 37, zone=120)),
        (
            b"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)",
            at(1969, 2, 13, 23, 32, zone=-210),
        ),
        (b"1 Jul 2003 10:52 +0200", at(2003, 7, 1, 10, 52, zone=120)),
        (b"tue,1 JUL 2003 1:02:03 -0000", at(2003, 7, 1, 1, 2, 3)),
        # §4.3: obsolete zones, years, comments between the tokens
        (b"21 Nov 97 09:55:06 GMT", at(1997, 11, 21, 9, 55, 6)),
        (b"21 Nov 49 09:55:06 UT", at(2049, 11, 21, 9, 55, 6)),
        (b"21 Nov 50 09:55:06 EST", at(1950, 11, 21, 9, 55, 6, zone=-300)),
        (b"21 Nov 103 09:55:06 edt", at(2003, 11, 21, 9, 55, 6, zone=-240)),
        (b"21 Nov 97 09:55:06 PDT", at(1997, 11, 21, 9, 55, 6, zone=-420)),
        (b"21 Nov 97 09:55:06 CST", at(1997, 11, 21, 9, 55, 6, zone=-360)),
        (b"21 Nov 97 09:55:06 A", at(1997, 11, 21, 9, 55, 6)),
        (b"21 Nov 97 09:55:06 CEST", at(1997, 11, 21, 9, 55, 6)),
        (b"Fri, 21 (odd) Nov 1997 09(comment):55:06 -0600", None),
        (b"Fri, 21 (odd) Nov 1997 09:55:06 -0600 (CST)", at(1997, 11, 21, 9, 55, 6, zone=-360)),
        # leap second: the first of the next minute
        (b"31 Dec 2016 23:59:60 +0000", at(2017, 1, 1, 0, 0, 0)),
        # the wild
        (b"Fri 21 Nov 1997 09:55:06 -0600", at(1997, 11, 21, 9, 55, 6, zone=-360)),
        (b"Friday, 21 November 1997 09:55:06 -0600", at(1997, 11, 21, 9, 55, 6, zone=-360)),
        (b"Fri, 21-Nov-1997 09:55:06 GMT", at(1997, 11, 21, 9, 55, 6)),
        (b"Fri, 21 Nov 1997 09.55.06 +0100", at(1997, 11, 21, 9, 55, 6, zone=60)),
        (b"Fri, 21 Nov 1997 09:55:06", at(1997, 11, 21, 9, 55, 6)),
        (b"Fri, 21 Nov 1997 09:55:06 +01:00", at(1997, 11, 21, 9, 55, 6, zone=60)),
        (b"Fri, 21 Nov 1997 09:55:06 GMT+0100", at(1997, 11, 21, 9, 55, 6, zone=60)),
        (b"Fri, 21 Nov 1997 09:55:06.123 +0100", at(1997, 11, 21, 9, 55, 6, zone=60)),
        (b"Fri, 21 Nov 1997 09:55:06 +9959", at(1997, 11, 21, 9, 55, 6)),
        (b"Fri Nov 21 09:55:06 1997", at(1997, 11, 21, 9, 55, 6)),
        (b"Fri Nov 21 09:55:06 -0500 1997", at(1997, 11, 21, 9, 55, 6, zone=-300)),
        (b"1997-11-21T09:55:06Z", at(1997, 11, 21, 9, 55, 6)),
        (b"1997-11-21 09:55:06 +0100", at(1997, 11, 21, 9, 55, 6, zone=60)),
        # no dates
        (b"", None),
        (b"yesterday", None),
        (b"32 Nov 1997 09:55:06 GMT", None),
        (b"29 Feb 1997 09:55:06 GMT", None),
        (b"21 Foo 1997 09:55:06 GMT", None),
        (b"21 Nov 1997 24:55:06 GMT", None),
        (b"21 Nov 1997 09:60 GMT", None),
        (b"21 Nov 1897 09:55 GMT", None),
        (b"21 Nov 9999 09:55 GMT", None),
        (b"21 Nov 1997", None),
        (b"\xff\xfe", None),
    ],
)
def test_dates(value: bytes, found: tuple[int, int] | None) -> None:
    assert parse_date(value) == found


INSTANT = st.integers(-2_000_000_000, 4_000_000_000).map(lambda seconds: seconds * 1_000_000)


@settings(deadline=None, max_examples=100)
@given(INSTANT, st.integers(-23 * 60, 23 * 60))
def test_reads_what_we_write(instant: int, zone: int) -> None:
    assert parse_date(rfc5322_date(instant, zone).encode()) == (instant, zone)


@settings(deadline=None, max_examples=100)
@given(INSTANT, st.integers(-14 * 60, 14 * 60))
def test_agrees_with_the_standard_library(instant: int, zone: int) -> None:
    when = moment(instant, zone)
    written = format_datetime(when)
    found = parse_date(written.encode())
    assert found is not None
    assert moment(*found) == parsedate_to_datetime(written) == when.astimezone(UTC)


@settings(deadline=None, max_examples=200)
@given(st.text("0123456789 :+-/,.()JanMonFGMTZ\\", max_size=40))
def test_whatever_is_read_is_an_instant(value: str) -> None:
    found = parse_date(value.encode())
    if found is not None:
        assert moment(*found).year in range(1899, 10_000)
