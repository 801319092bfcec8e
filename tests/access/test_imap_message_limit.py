"""Which messages are left to a command that names too many (RFC 9738)."""

from __future__ import annotations

import pytest

from correo.access.imap.message_limit import Limited, save_limit
from correo.access.imap.options import ImapOptions
from correo.access.imap.responses import bad, no, ok


def options(messages: int, saves: int) -> ImapOptions:
    return ImapOptions(
        hostname="mail.example.org",
        starttls=True,
        allow_plaintext=True,
        idle=1800.0,
        login_time=60.0,
        append_limit=1000,
        message_limit=messages,
        save_limit=saves,
    )


@pytest.mark.parametrize(
    ("messages", "saves", "limit"), [(0, 0, 0), (5, 0, 5), (0, 7, 7), (5, 7, 5), (7, 5, 5)]
)
def test_the_lower_of_two_limits_is_that_of_copying(messages: int, saves: int, limit: int) -> None:
    assert save_limit(options(messages, saves)) == limit


def test_a_response_has_one_code() -> None:
    limited = Limited([], "MESSAGELIMIT 3 9")
    assert Limited([]).ending(ok("Done")) == [ok("Done")]
    (cut,) = limited.ending(ok("Done"))
    assert not isinstance(cut, bytes)
    assert getattr(cut, "code", "") == "MESSAGELIMIT 3 9"
    for ending in (ok("Done", "MODIFIED 3"), no("Some are no more", "EXPUNGEISSUED"), bad("What?")):
        before, last = limited.ending(ending)
        assert isinstance(before, bytes)
        assert before.startswith(b"* NO [MESSAGELIMIT 3 9] ")
        assert last == ending
