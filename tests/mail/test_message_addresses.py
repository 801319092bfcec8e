"""Address lists, from the grammar's corners to what no grammar allows."""

from __future__ import annotations

from email import policy
from email.headerregistry import Address as Foreign
from email.headerregistry import Group
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message import Mailbox, parse_addresses
from correo.mail.message.addresses import MAX_ADDRESSES, _Reader

END = Mailbox(None, None, None, None)


def plain(name: bytes | None, mailbox: bytes, host: bytes, route: bytes | None = None) -> Mailbox:
    return Mailbox(name, route, mailbox, host)


def group(name: bytes) -> Mailbox:
    return Mailbox(None, None, name, None)


GRAMMAR = [
    (b"", []),
    (b"jane@example.org", [plain(None, b"jane", b"example.org")]),
    (b"<jane@example.org>", [plain(None, b"jane", b"example.org")]),
    (b"Jane Doe <jane@example.org>", [plain(b"Jane Doe", b"jane", b"example.org")]),
    (b'"Doe, Jane" <jane@example.org>', [plain(b"Doe, Jane", b"jane", b"example.org")]),
    (b'"Jane \\"JD\\" \\\\ Doe" <j@x.example>', [plain(b'Jane "JD" \\ Doe', b"j", b"x.example")]),
    (b'Jane "JD" Doe <j@x.example>', [plain(b"Jane JD Doe", b"j", b"x.example")]),
    (b"Jane   M.\tDoe <j@x.example>", [plain(b"Jane M. Doe", b"j", b"x.example")]),
    (
        b"a@x.example, B <b@x.example> ,c@x.example",
        [
            plain(None, b"a", b"x.example"),
            plain(b"B", b"b", b"x.example"),
            plain(None, b"c", b"x.example"),
        ],
    ),
    # comments (§3.2.2); one beside a bare address is the name, as in RFC 822's days
    (b"j@x.example (Jane Doe)", [plain(b"Jane Doe", b"j", b"x.example")]),
    (b"j@x.example (Jane (the) Doe \\))", [plain(b"Jane (the) Doe )", b"j", b"x.example")]),
    (b"Jane (work) <j(here)@x.example>(there)", [plain(b"Jane", b"j", b"x.example")]),
    (b"(nobody)", []),
    # quoted local parts and domain literals
    (b'"jane doe"@x.example', [plain(None, b"jane doe", b"x.example")]),
    (b'"a@b"@x.example', [plain(None, b"a@b", b"x.example")]),
    (b'Jane <"j,d"@x.example>', [plain(b"Jane", b"j,d", b"x.example")]),
    (b"j@[192.0.2.7]", [plain(None, b"j", b"[192.0.2.7]")]),
    (b"J <j@[IPv6:2001:db8::1]>", [plain(b"J", b"j", b"[IPv6:2001:db8::1]")]),
    # groups
    (b"undisclosed-recipients:;", [group(b"undisclosed-recipients"), END]),
    (
        b"A Group:Ed Jones <joe@where.test>,joe@where.test,John <jdoe@one.test>;",
        [
            group(b"A Group"),
            plain(b"Ed Jones", b"joe", b"where.test"),
            plain(None, b"joe", b"where.test"),
            plain(b"John", b"jdoe", b"one.test"),
            END,
        ],
    ),
    (
        b'"The, Group": a@x.example; , b@x.example',
        [group(b"The, Group"), plain(None, b"a", b"x.example"), END, plain(None, b"b", b"x.example")],
    ),
    # obsolete forms (§4.4)
    (b"<@a.example,@b.example:j@x.example>", [plain(None, b"j", b"x.example", b"@a.example,@b.example")]),
    (b"Jane <@a.example:j@x.example>", [plain(b"Jane", b"j", b"x.example", b"@a.example")]),
    (b"pete . smith @ silly . example", [plain(None, b"pete.smith", b"silly.example")]),
    (b"a@x.example,,b@x.example,", [plain(None, b"a", b"x.example"), plain(None, b"b", b"x.example")]),
    (
        b"Joe Q. Public <john.q.public@example.com>",
        [plain(b"Joe Q. Public", b"john.q.public", b"example.com")],
    ),
    # encoded-words stay; UTF-8 (RFC 6532) and older octets pass
    (b"=?utf-8?q?J=C3=BCrgen?= <j@x.example>", [plain(b"=?utf-8?q?J=C3=BCrgen?=", b"j", b"x.example")]),
    (
        "Jürgen <jürgen@bücher.example>".encode(),
        [plain("Jürgen".encode(), "jürgen".encode(), "bücher.example".encode())],
    ),
    (b"J\xfcrgen <j@x.example>", [plain(b"J\xfcrgen", b"j", b"x.example")]),
]

RUBBISH = [
    (b"root", [plain(None, b"root", b"")]),
    (b"Jane Doe", [plain(b"Jane Doe", b"", b"")]),
    (b"Jane <root>", [plain(b"Jane", b"root", b"")]),
    (b"Jane <>", [plain(b"Jane", b"", b"")]),
    (b"<>", [plain(None, b"", b"")]),
    (b"Jane <j@x.example", [plain(b"Jane", b"j", b"x.example")]),
    (
        b"Jane <j@x.example, k@x.example",
        [plain(b"Jane", b"j", b"x.example"), plain(None, b"k", b"x.example")],
    ),
    (b"Jane <<j@x.example>>", [plain(b"Jane", b"j", b"x.example")]),
    (b"Jane j@x.example", [plain(b"Jane", b"j", b"x.example")]),
    (b"a@evil.example@good.example", [plain(None, b"a@evil.example", b"good.example")]),
    (b"j@x.example rubbish", [plain(None, b"j", b"x.example")]),
    (b"a@x.example; b@x.example", [plain(None, b"a", b"x.example"), plain(None, b"b", b"x.example")]),
    (b'"Jane <j@x.example>', [plain(b"Jane", b"j", b"x.example")]),
    (b"Jane (work <j@x.example>", [plain(b"Jane work", b"j", b"x.example")]),
    (b"[List] Jane <j@x.example>", [plain(b"[List] Jane", b"j", b"x.example")]),
    (b"Doe, Jane <j@x.example>", [plain(None, b"Doe", b""), plain(b"Jane", b"j", b"x.example")]),
    (b"mailto:j@x.example", [group(b"mailto"), plain(None, b"j", b"x.example"), END]),
    (b"@", [plain(None, b"", b"")]),
    (b"j@", [plain(None, b"j", b"")]),
    (b"@x.example", [plain(None, b"", b"x.example")]),
    (b"j@x.example\0", [plain(None, b"j", b"x.example")]),
    (b"Jane <j@x.example> (a) b c", [plain(b"Jane", b"j", b"x.example")]),
    (b"Group: a@x.example", [group(b"Group"), plain(None, b"a", b"x.example"), END]),
    (b"A: B: c@x.example;", [group(b"A"), plain(b"B:", b"c", b"x.example"), END]),
    (b",;,", []),
]


@pytest.mark.parametrize(("value", "found"), GRAMMAR + RUBBISH)
def test_addresses(value: bytes, found: list[Mailbox]) -> None:
    assert parse_addresses(value) == found


@pytest.mark.parametrize(("value", "found"), GRAMMAR + RUBBISH)
def test_the_careful_reader_agrees_with_the_quick_one(value: bytes, found: list[Mailbox]) -> None:
    assert _Reader(value, 0, MAX_ADDRESSES).read() == found


SOUP = st.lists(
    st.sampled_from(
        [b"a", b"B.", b"@", b"<", b">", b",", b";", b":", b'"', b"(", b")", b"\\", b" ", b"[", b"]", b"\xfc"]
    ),
    max_size=25,
).map(b"".join)


@settings(deadline=None, max_examples=300)
@given(SOUP)
def test_both_readers_agree_on_anything(value: bytes) -> None:
    found = parse_addresses(value)
    assert found == _Reader(value, 0, MAX_ADDRESSES).read()
    depth = 0
    for mailbox in found:  # groups open and close in turn and never nest
        depth += (mailbox.host is None) * (1 if mailbox.mailbox is not None else -1)
        assert depth in (0, 1)
    assert depth == 0


ATOM = st.text("abcXYZ019_-+", min_size=1, max_size=8)
NAME = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(
    lambda t: " ".join(t.split())
)
ONE = st.builds(Foreign, display_name=NAME, username=ATOM, domain=ATOM.map(lambda d: d.lower() + ".example"))


@settings(deadline=None, max_examples=60)
@given(st.lists(ONE, min_size=1, max_size=6))
def test_reads_what_the_standard_library_writes(wanted: list[Foreign]) -> None:
    value = ", ".join(map(str, wanted))
    mine = [(m.name or b"", m.mailbox, m.host) for m in parse_addresses(value.encode())]
    assert mine == [(a.display_name.encode(), a.username.encode(), a.domain.encode()) for a in wanted]
    assert [m[0].decode() for m in mine] == [name for name, _ in getaddresses([value])]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(ATOM, st.lists(ONE, max_size=3)), min_size=1, max_size=3))
def test_groups_of_the_standard_library(wanted: list[tuple[str, list[Foreign]]]) -> None:
    value = ", ".join(str(Group(name, tuple(members))) for name, members in wanted)
    header: Any = policy.default.header_factory("To", value)
    expected: list[Mailbox] = []
    for each in header.groups:
        expected.append(group(each.display_name.encode()))
        expected += [
            plain(a.display_name.encode() or None, a.username.encode(), a.domain.encode())
            for a in each.addresses
        ]
        expected.append(END)
    assert parse_addresses(value.encode()) == expected


def test_there_is_a_limit() -> None:
    assert len(parse_addresses(b"a@x.example," * 3_000)) == MAX_ADDRESSES
    assert len(parse_addresses(b"a . b@x.example," * 3_000)) == MAX_ADDRESSES
    found = parse_addresses(b"G:" + b"a . b@x.example," * 3_000)
    assert len(found) == MAX_ADDRESSES + 1
    assert found[-1] == END
