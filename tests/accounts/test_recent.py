"""What is remembered of logins, and for how long."""

from __future__ import annotations

from correo.accounts.recent import MAX_ENTRIES, TTL, RecentLogins

NOW = 1_767_225_600_000_000


def test_an_entry_lives_so_long() -> None:
    recent = RecentLogins(b"key")
    recent.add(b"mark", NOW)
    assert recent.knows(b"mark", NOW)
    assert recent.knows(b"mark", NOW + TTL - 1)
    assert not recent.knows(b"mark", NOW + TTL)
    assert not recent.knows(b"mark", NOW)  # it is gone, not only hidden
    assert not recent.knows(b"other", NOW)


def test_a_clock_set_back_lengthens_no_life() -> None:
    recent = RecentLogins(b"key")
    recent.add(b"mark", NOW)
    assert not recent.knows(b"mark", NOW - 1)


def test_the_oldest_goes_first() -> None:
    recent = RecentLogins(b"key")
    for number in range(MAX_ENTRIES):
        recent.add(b"%d" % number, NOW)
    recent.add(b"0", NOW)  # now the youngest
    recent.add(b"one more", NOW)
    assert recent.knows(b"0", NOW)
    assert not recent.knows(b"1", NOW)
    assert recent.knows(b"2", NOW)
    assert recent.knows(b"one more", NOW)


def test_everything_counts() -> None:
    recent = RecentLogins(b"key")
    marks = {
        recent.mark(1, "hash", b"password"),
        recent.mark(2, "hash", b"password"),
        recent.mark(1, "hash2", b"password"),
        recent.mark(1, "hash", b"password2"),
        recent.mark(1, "has", b"hpassword"),
        RecentLogins(b"another").mark(1, "hash", b"password"),
    }
    assert len(marks) == 6
    assert recent.mark(1, "hash", b"password") in marks
