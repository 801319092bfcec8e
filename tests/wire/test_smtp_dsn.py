from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from correo.mail.wishes import NONE, Notify, Wishes
from correo.wire.smtp.dsn import (
    notify_words,
    original_recipient,
    parse_envelope_id,
    parse_notify,
    parse_original,
    parse_return,
)
from correo.wire.smtp.syntax import BadSyntax

EVERY = [Notify(bits) for bits in range(8)]


@pytest.mark.parametrize("notify", EVERY)
def test_what_is_written_is_read(notify: Notify) -> None:
    assert parse_notify(notify_words(notify)) == notify


@pytest.mark.parametrize("notify", EVERY)
def test_what_is_wanted(notify: Notify) -> None:
    wishes = Wishes(notify)
    assert [what for what in Notify if wishes.wants(what)] == [what for what in Notify if what in notify]
    assert not wishes.of_a_group.wants(Notify.SUCCESS)
    assert wishes.of_a_group.wants(Notify.FAILURE) == wishes.wants(Notify.FAILURE)


def test_who_says_nothing_hears_of_failures_and_delays() -> None:
    assert [what for what in Notify if NONE.wants(what)] == [Notify.FAILURE, Notify.DELAY]
    assert NONE.of_a_group is NONE


@pytest.mark.parametrize(
    ("value", "kind", "address"),
    [
        ("rfc822;Bob@Example.ORG", "rfc822", "Bob@Example.ORG"),
        ("RFC822;a+2Bb+3Dc@x", "rfc822", "a+b=c@x"),
        ("x400;/C=no/", None, None),  # "=" is no xtext
        ("x400;/C+3Dno/", "x400", "/C=no/"),
        ("utf-8;jos\\x{E9}@x", "utf-8", "jos\u00e9@x"),
        ("utf-8;jos\u00e9@x", "utf-8", "jos\u00e9@x"),
        ("utf-8;a\\x{2B}b\\x{5C}@x", "utf-8", "a+b\\@x"),
        ("utf-8;a\\b@x", None, None),
        ("utf-8;a+2Bb@x", None, None),
        ("utf-8;\\x{D800}@x", None, None),
        ("utf-8;\\x{FFFFFF}@x", None, None),
        ("rfc822;a+0Ab@x", None, None),
        ("utf-8;a\\x{0A}b@x", None, None),
        ("rfc822", None, None),
        (";a@x", None, None),
        ("rfc822;", None, None),
    ],
)
def test_original_recipients(value: str, kind: str | None, address: str | None) -> None:
    assert original_recipient(value) == (None if kind is None else (kind, address))


@given(st.text(max_size=30))
def test_any_words_are_read_or_refused(text: str) -> None:
    for parse in (parse_return, parse_envelope_id, parse_notify, parse_original):
        with suppress(BadSyntax):
            parse(text)
