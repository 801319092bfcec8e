"""LIST's wildcards against a matcher that tries everything, and the tree of names."""

from __future__ import annotations

import time
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from correo.access.imap.folders import Folder, parents, tree
from correo.access.imap.patterns import MAX_PATTERN, compile_pattern, compile_patterns


def naive(pattern: str, name: str) -> bool:
    if not pattern:
        return not name
    first, rest = pattern[0], pattern[1:]
    if first in "*%":
        return any(
            naive(rest, name[cut:]) for cut in range(len(name) + 1) if first == "*" or "/" not in name[:cut]
        )
    return bool(name) and name[0] == first and naive(rest, name[1:])


@settings(deadline=None, max_examples=500)
@given(st.text("ab/*%", max_size=7), st.text("ab/", max_size=9))
def test_patterns_match_as_the_rfc_says(pattern: str, name: str) -> None:
    assert compile_pattern(pattern)(name) is naive(pattern, name)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text("ab/*%", max_size=5), max_size=4), st.text("ab/", max_size=9))
def test_several_patterns_match_what_one_of_them_does(patterns: list[str], name: str) -> None:
    assert compile_patterns(patterns)(name) is any(naive(pattern, name) for pattern in patterns)


def test_patterns_beyond_the_limit_are_left_out() -> None:
    long = "%" + "a" * (MAX_PATTERN - 2)
    matches = compile_patterns([long, "%bb", "%", "exact"])
    assert all(map(matches, (long[1:], "x", "exact")))
    assert not matches("b/b")
    assert not compile_patterns([long, "%b%"])("abc")


def test_inbox_matches_in_any_case_as_the_first_level() -> None:
    assert compile_pattern("inbox")("INBOX")
    assert compile_pattern("InB%")("INBOX")
    assert compile_pattern("%box")("INBOX")
    assert compile_pattern("inbox/x")("INBOX/x")
    assert compile_pattern("inbox/*")("INBOX/x")
    assert not compile_pattern("work/inbox")("work/INBOX")
    assert not compile_pattern("s%")("Sent")


def test_no_pattern_takes_long() -> None:
    pattern = "*a" * (MAX_PATTERN // 2)
    started = time.process_time()
    assert not compile_pattern(pattern)("a" * 500 + "b")
    assert time.process_time() - started < 1
    assert not compile_pattern("a*" * MAX_PATTERN)("a" * 100)


class Named(NamedTuple):
    name: str
    special_use: str = ""


def test_levels_that_are_no_mailboxes_are_shown() -> None:
    boxes = [Named("INBOX"), Named("a/b/c"), Named("Sent", "\\Sent"), Named("Sent/2025")]
    assert list(tree(boxes)) == [
        Folder("INBOX", ("\\HasNoChildren",)),
        Folder("Sent", ("\\HasChildren", "\\Sent")),
        Folder("Sent/2025", ("\\HasNoChildren",)),
        Folder("a", ("\\Noselect", "\\HasChildren")),
        Folder("a/b", ("\\Noselect", "\\HasChildren")),
        Folder("a/b/c", ("\\HasNoChildren",)),
    ]
    assert list(parents(["/x", "y"])) == []
