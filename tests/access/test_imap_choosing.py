"""The examples of RFC 5258 §5, as far as they say which names are told and why."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from correo.access.imap.choosing import Chosen, choose
from correo.access.imap.patterns import compile_pattern
from correo.mailbox import Mailbox
from correo.wire.imap.listing import Listing, Returned, Select

FOOS = ("INBOX", "foo2", "foo2/bar1", "foo2/bar2", "baz2", "baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2")
SUBSCRIBED = (
    "foo2/bar1",
    "foo2/bar2",
    "baz2/bar2",
    "baz2/bar22",
    "baz2/bar222",
    "eps2",
    "eps2/mamba",
    "qux2/bar2",
)


def box(name: str, use: str = "") -> Mailbox:
    return Mailbox(1, 1, name, 1, 1, 1, 1, 0, 0, 0, 0, use)


def chosen(
    pattern: str, names: Iterable[str], subscribed: Iterable[str], *select: Select
) -> dict[str, Chosen[Mailbox]]:
    listing = Listing("", (pattern,), True, frozenset(select), Returned(subscribed=True))
    found = choose(listing, [box(name) for name in names], list(subscribed), compile_pattern(pattern))
    return {each.name: each for each in found}


def test_example_9_tells_what_is_above_names_that_are_not_told() -> None:
    mailboxes = (*FOOS, "eps2/mamba", "qux2/bar2")
    found = chosen("*2", mailboxes, SUBSCRIBED, Select.SUBSCRIBED, Select.RECURSIVEMATCH)
    assert list(found) == ["baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2", "foo2", "foo2/bar2", "qux2/bar2"]
    assert {name for name, each in found.items() if each.below} == {"eps2", "foo2"}
    assert not found["foo2"].met
    assert found["eps2"].attributes == ("\\HasChildren", "\\Subscribed")


def test_example_10_children_that_do_not_exist() -> None:
    found = chosen("foo", ["foo"], ["foo/bar"], Select.SUBSCRIBED, Select.RECURSIVEMATCH)
    assert found["foo"].below
    assert found["foo"].attributes == ("\\HasNoChildren",)
    assert chosen("foo/*", ["foo"], ["foo/bar"], Select.SUBSCRIBED)["foo/bar"].attributes == (
        "\\NonExistent",
        "\\HasNoChildren",
        "\\Subscribed",
    )


def test_example_11_levels_that_are_no_mailboxes() -> None:
    found = chosen("%", ["music/rock"], [])
    assert found["music"].attributes == ("\\NonExistent", "\\HasChildren")
    assert found["music"].box is None


NAMES = st.sets(st.sampled_from(["a", "b", "a/b", "a/c", "a/b/c", "c/a", "c/a/b", "d/d/d"]))


@settings(deadline=None, max_examples=200)
@given(NAMES, NAMES, st.sampled_from(["*", "%", "a/%", "a*", "%/b", "c"]), st.booleans())
def test_what_is_told_is_what_rfc_5258_says(
    mailboxes: set[str], subscribed: set[str], pattern: str, recursive: bool
) -> None:
    """§3.3 and the table of §3.5, word for word."""
    select = (Select.SUBSCRIBED, *((Select.RECURSIVEMATCH,) if recursive else ()))
    found = chosen(pattern, mailboxes, subscribed, *select)
    matches = compile_pattern(pattern)
    every = mailboxes | subscribed
    every |= {name[:at] for name in every for at in range(len(name)) if name[at] == "/"}
    for name in every:
        below = {other for other in subscribed if other.startswith(name + "/")}
        wanted = matches(name) and (
            name in subscribed or (recursive and any(not matches(other) for other in below))
        )
        assert (name in found) is wanted
        if wanted:
            assert found[name].below is (recursive and bool(below))
            assert ("\\NonExistent" in found[name].attributes) is (name not in mailboxes)
            assert ("\\Subscribed" in found[name].attributes) is (name in subscribed)
            children = any(other.startswith(name + "/") for other in mailboxes)
            assert ("\\HasChildren" in found[name].attributes) is children
