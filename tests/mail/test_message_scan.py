"""The MIME tree: by hand, against the standard library and a Rust parser, on messages found and messages made."""

from __future__ import annotations

import email
import importlib.util
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

import fast_mail_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.mail.message import Part, decode_body, scan
from correo.mail.message.scan import MAX_DEPTH, MAX_MISSES, MAX_PARTS


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def kinds(part: Part) -> object:
    """The tree as nested tuples of types."""
    kind = f"{part.type}/{part.subtype}"
    return (kind, *map(kinds, part.children)) if part.children else kind


def slices(data: bytes, part: Part) -> list[bytes]:
    """The bodies of the leaves in order."""
    if not part.children:
        return [data[part.body : part.end]]
    return [piece for child in part.children for piece in slices(data, child)]


RFC2046_EXAMPLE = crlf("""\
From: Nathaniel Borenstein <nsb@bellcore.com>
MIME-Version: 1.0
Content-type: multipart/mixed; boundary="simple boundary"

This is the preamble.  It is to be ignored.
--simple boundary

This is implicitly typed plain US-ASCII text.
It does NOT end with a linebreak.
--simple boundary
Content-type: text/plain; charset=us-ascii

This is explicitly typed plain US-ASCII text.
It DOES end with a linebreak.

--simple boundary--

This is the epilogue.  It is also to be ignored.
""")


@pytest.mark.parametrize("data", [RFC2046_EXAMPLE, RFC2046_EXAMPLE.replace(b"\r\n", b"\n")])
def test_the_example_of_rfc2046(data: bytes) -> None:
    end = b"\r\n" if b"\r\n" in data else b"\n"
    root = scan(data)
    assert kinds(root) == ("multipart/mixed", "text/plain", "text/plain")
    one, two = slices(data, root)
    assert one.endswith(b"with a linebreak.")
    assert two.endswith(b"with a linebreak." + end)
    assert [child.lines for child in root.children] == [1, 2]
    assert root.children[0].start == root.children[0].body - len(end)
    assert data[root.children[1].start :].startswith(b"Content-type: text/plain")
    assert (root.start, root.end) == (0, len(data))


def test_what_the_fields_say() -> None:
    part = scan(
        crlf("""\
Content-Type: Application/PDF; name="a.pdf"
Content-Transfer-Encoding: BASE64
Content-ID: <one@example.org>
Content-Description: A
 report
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
Content-Disposition: Attachment; filename*=utf-8''%C3%BC.pdf; size=3
Content-Language: de (of (Austria)), en-GB,
Content-Location: http://example.org/a.pdf

QUJD
""")
    )
    assert (part.type, part.subtype, part.encoding) == ("application", "pdf", "base64")
    assert (part.id, part.description) == (b"<one@example.org>", b"A report")
    assert part.md5 == b"Q2hlY2sgSW50ZWdyaXR5IQ=="
    assert part.disposition == "attachment"
    assert part.disposition_params == (("filename*", b"utf-8''%C3%BC.pdf"), ("size", b"3"))
    assert part.filename == "ü.pdf"
    assert part.param("name") == "a.pdf"
    assert part.language == (b"de", b"en-GB")
    assert part.location == b"http://example.org/a.pdf"
    assert (part.size, part.lines) == (6, 0)


def test_defaults() -> None:
    part = scan(b"Subject: x\r\n\r\nhello\r\n")
    assert (part.type, part.subtype, part.params, part.encoding) == ("text", "plain", (), "7bit")
    assert (part.charset, part.filename, part.disposition, part.lines) == ("us-ascii", "", "", 1)
    assert scan(b"Content-Type: rubbish\r\n\r\n").subtype == "plain"
    assert scan(b"").size == 0


def test_embedded_messages() -> None:
    data = crlf("""\
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: message/rfc822

Subject: inside
Content-Type: multipart/alternative; boundary=b

--b

one
--b--
--a
Content-Type: message/global

plain
--a--
""")
    root = scan(data)
    assert kinds(root) == (
        "multipart/mixed",
        ("message/rfc822", ("multipart/alternative", "text/plain")),
        ("message/global", "text/plain"),
    )
    first = root.children[0]
    assert first.message is first.children[0]
    assert first.message.start == first.body
    assert data[first.body : first.end].startswith(b"Subject: inside")
    assert first.lines == 6
    assert root.message is None


def test_digest_holds_messages_unless_told_otherwise() -> None:
    data = crlf("""\
Content-Type: multipart/digest; boundary=a

--a

Subject: one

text
--a
Content-Type: text/html

two
--a--
""")
    assert kinds(scan(data)) == ("multipart/digest", ("message/rfc822", "text/plain"), "text/html")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("multipart/mixed", "text/plain"),
        ('multipart/mixed; boundary=""', "text/plain"),
        ("multipart/mixed; boundary=b", "text/plain"),
        ("message/rfc822\nContent-Transfer-Encoding: base64", "application/octet-stream"),
        ("message/global\nContent-Transfer-Encoding: quoted-printable", "application/octet-stream"),
        ("message/rfc822\nContent-Transfer-Encoding: 8BIT", ("message/rfc822", "text/plain")),
        ("message/partial", "message/partial"),
        ("multipart/mixed; boundary=a\nContent-Transfer-Encoding: base64", ("multipart/mixed", "text/plain")),
        ('multipart/mixed; boundary*0=""; boundary*1=a', ("multipart/mixed", "text/plain")),
        ("multipart/mixed; boundary*=us-ascii''%61", ("multipart/mixed", "text/plain")),
        ("multipart/mixed; boundary=b\nContent-Type: text/html", "text/plain"),
    ],
)
def test_what_cannot_be_opened(head: str, expected: object) -> None:
    assert kinds(scan(crlf(f"Content-Type: {head}\n\n--a\n\nx\n--a--\n"))) == expected


@pytest.mark.parametrize(
    ("body", "bodies"),
    [
        # the whole line counts, blanks behind it do not (RFC 2046 §5.1.1)
        ("--a\n\nx\n--ab\n--a-\ny\n--a--\n", [b"x\r\n--ab\r\n--a-\r\ny"]),
        ("--a  \t\n\nx\n--a-- \nrest", [b"x"]),
        (" --a\n\n--a\n\nx --a\n--a\n--a--", [b"x --a", b""]),
        # no end, no line end, an end that lacks its hyphens
        ("--a\n\nx\n", [b"x\r\n"]),
        ("--a\n\nx", [b"x"]),
        ("--a\n\nx\n--a\n", [b"x"]),
        ("--a\n\nx\n--a", [b"x"]),
        ("--a", [b""]),
        ("--a\n--a\n--a--", [b"", b""]),
        ("--a\n\n\n--a--", [b""]),
        ("--a\n\n\n\n--a--", [b"\r\n"]),
        ("--a--", [b""]),
        # nothing follows the end
        ("--a\n\nx\n--a--\n--a\n\ny\n--a--", [b"x"]),
        # a header without an empty line
        ("--a\nContent-Type: text/html\n--a--", [b""]),
        ("--a\nContent-Type: text/html\nx\n--a--", [b"x"]),
        ("--a\nx\n\ny\n--a--", [b"x\r\n\r\ny"]),
    ],
)
def test_delimiters(body: str, bodies: list[bytes]) -> None:
    data = crlf("Content-Type: multipart/mixed; boundary=a\n\n" + body)
    root = scan(data)
    assert root.is_multipart
    assert slices(data, root) == bodies


def test_an_outer_boundary_ends_what_is_inside() -> None:
    data = crlf("""\
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: multipart/mixed; boundary=ab

--ab

x
--a

y
--ab--
--a--
""")
    root = scan(data)
    assert kinds(root) == ("multipart/mixed", ("multipart/mixed", "text/plain"), "text/plain")
    assert slices(data, root) == [b"x", b"y\r\n--ab--"]


def nested(depth: int, opener: str) -> bytes:
    return "".join(opener.format(level) for level in range(depth)).encode()


@pytest.mark.parametrize(
    "opener",
    [
        "Content-Type: multipart/mixed; boundary=b{0:05}\r\n\r\n--b{0:05}\r\n",
        "Content-Type: message/rfc822\r\n\r\n",
    ],
)
def test_depth_is_limited(opener: str) -> None:
    data = nested(10_000, opener)
    part, depth = scan(data), 0
    while part.children:
        part, depth = part.children[0], depth + 1
    assert depth == MAX_DEPTH
    assert (part.type, part.subtype, part.end) == ("application", "octet-stream", len(data))


def count(part: Part) -> int:
    return 1 + sum(map(count, part.children))


@pytest.mark.parametrize("kind", ["mixed", "digest"])
def test_parts_are_limited_and_the_last_holds_the_rest(kind: str) -> None:
    data = f"Content-Type: multipart/{kind}; boundary=a\r\n\r\n".encode() + b"--a\r\n\r\nS: t\r\n" * (
        2 * MAX_PARTS
    )
    root = scan(data)
    assert MAX_PARTS <= count(root) <= MAX_PARTS + 1
    last = root.children[-1]
    assert (last.subtype, last.end) == ("octet-stream", len(data))
    assert data[last.body : last.end].startswith(b"\r\nS: t")


def test_lines_that_look_like_a_boundary_are_limited() -> None:
    head = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n"
    few = head + b"--ab\r\n" * (MAX_MISSES - 1) + b"--a\r\n\r\ny"
    assert len(scan(few).children) == 2
    many = head + b"--ab\r\n" * (MAX_MISSES + 1) + b"--a\r\n\r\ny"
    assert len(scan(many).children) == 1
    assert scan(many).children[0].end == len(many)


# Messages that exist: CPython's own test data where the interpreter carries it, and as many made here in any case.


def corpus() -> list[tuple[str, bytes]]:
    found = importlib.util.find_spec("test")
    folder = Path(found.origin).parent / "test_email" / "data" if found and found.origin else Path()
    files = sorted(folder.glob("msg_*.txt"))
    return [("example", RFC2046_EXAMPLE), *((path.name, path.read_bytes()) for path in files)]


# Where we read a broken message otherwise than the standard library does, on purpose.
OURS = {
    "msg_35.txt": "a message whose header ends in a line that is no field: we look for the empty line",
    "msg_37.txt": "delimiters that follow each other hold empty parts",
    "msg_42.txt": "a multipart that is closed before it is opened holds one empty part",
}


def ours(data: bytes, part: Part) -> object:
    if part.is_multipart:
        return part.subtype, [ours(data, child) for child in part.children]
    if part.message is not None:
        return part.subtype, [ours(data, part.message)]
    return part.subtype, decode_body(data, part).strip()


def theirs(message: Message) -> object:
    kind, payload = message.get_content_subtype(), message.get_payload()
    opened = message.is_multipart() and message.get_content_type() in ("message/rfc822", "message/global")
    if isinstance(payload, list) and (message.get_content_maintype() == "multipart" or opened):
        return kind, [theirs(child) for child in payload if isinstance(child, Message)]
    if isinstance(payload, list):  # we do not open delivery reports and external bodies
        return kind, None
    octets = message.get_payload(decode=True)
    assert isinstance(octets, bytes)
    if message.get_content_maintype() == "multipart":  # nothing found in it: text for us
        kind = "plain"
    return kind, octets.strip()


def alike(mine: object, other: object) -> bool:
    if isinstance(mine, tuple) and isinstance(other, tuple):
        return mine[0] == other[0] and (other[1] is None or alike(mine[1], other[1]))
    if isinstance(mine, list) and isinstance(other, list):
        return len(mine) == len(other) and all(map(alike, mine, other))
    return mine == other


@pytest.mark.parametrize(
    ("name", "data"), corpus(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_agrees_with_the_standard_library_on_its_own_messages(name: str, data: bytes) -> None:
    agreed = alike(ours(data, scan(data)), theirs(email.message_from_bytes(data)))
    assert agreed is (name not in OURS)


# Messages that are made: a tree, and its rendering.


@dataclass
class Node:
    """A leaf with text, a multipart, or a message with one child."""

    kind: str
    text: bytes = b""
    children: list[Node] = field(default_factory=list)
    preamble: bytes = b""


LINES = st.lists(
    st.sampled_from([b"", b"x", b"two words", b"--", b"--!", b"- ", b"Subject: y", b"\xc3\xbc"]), max_size=4
)
LEAF = st.builds(
    Node, st.sampled_from(["text/plain", "text/html", "image/png", "text/x-y"]), LINES.map(b"\n".join)
)
TREE = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.builds(
            lambda kind, children, preamble: Node("multipart/" + kind, b"", children, preamble),
            st.sampled_from(["mixed", "alternative", "digest"]),
            st.lists(inner, min_size=1, max_size=3),
            LINES.map(b"\n".join),
        ),
        st.builds(lambda child: Node("message/rfc822", b"", [child]), inner),
    ),
    max_leaves=8,
)


def render(node: Node, boundaries: list[bytes], long_first: bool) -> bytes:
    """The entity with LF. Boundaries are prefixes of each other: a, aa, aaa..."""
    head = b"Content-Type: " + node.kind.encode()
    if node.kind.startswith("text/"):
        head += b"; charset=utf-8"
    if node.kind.startswith("multipart/"):
        number = 30 - len(boundaries) if long_first else 1 + len(boundaries)
        boundary = b"a" * number
        boundaries.append(boundary)
        head += b"; boundary=" + boundary
        parts = [render(child, boundaries, long_first) for child in node.children]
        middle = b"".join(b"\n--" + boundary + b"\n" + part for part in parts)
        return head + b"\n\n" + node.preamble + middle + b"\n--" + boundary + b"--\nepilogue"
    if node.children:
        return head + b"\n\n" + render(node.children[0], boundaries, long_first)
    return head + b"\n\n" + node.text


def expected(node: Node) -> object:
    return (node.kind, *map(expected, node.children)) if node.children else node.kind


def texts(node: Node) -> list[bytes]:
    return [t for child in node.children for t in texts(child)] if node.children else [node.text]


@settings(deadline=None, max_examples=80)
@given(TREE, st.booleans(), st.sampled_from([b"\n", b"\r\n"]))
def test_made_messages(tree: Node, long_first: bool, line_end: bytes) -> None:
    data = b"Subject: made\nMIME-Version: 1.0\n" + render(tree, [], long_first)
    data = data.replace(b"\n", line_end)
    root = scan(data)
    assert kinds(root) == expected(tree)
    assert slices(data, root) == [text.replace(b"\n", line_end) for text in texts(tree)]
    assert alike(ours(data, root), theirs(email.message_from_bytes(data)))


@settings(deadline=None, max_examples=80)
@given(TREE)
def test_made_messages_against_a_rust_parser(tree: Node) -> None:
    data = (b"Subject: made\nMIME-Version: 1.0\n" + render(tree, [], True)).replace(b"\n", b"\r\n")
    root = fast_mail_parser.parse_email_tree(data)
    mine = [f"{part.type}/{part.subtype}" for part in walk(scan(data))]
    assert mine == [node.content_type for node in fast_mail_parser.walk(root)]


def walk(part: Part) -> list[Part]:
    return [part, *(deeper for child in part.children for deeper in walk(child))]


# Anything at all.

SHREDS = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b"--a", b"--a--", b"--ab", b"\r\n\r\n", b"Content-Type: multipart/mixed; boundary=a",
        b"Content-Type: message/rfc822", b"Content-Type: multipart/digest; boundary=ab", b":", b" ", b"\t", b"\0",
        b"Subject: x", b"Content-Transfer-Encoding: base64", b"\xff", b'"', b"(", b"=?",
    ]
)  # fmt: skip
SOUP = st.one_of(st.binary(max_size=300), st.lists(SHREDS, max_size=60).map(b"".join))


def check_nesting(part: Part, start: int, end: int) -> None:
    assert start <= part.start <= part.body <= part.end <= end
    assert part.type != "multipart" or part.children
    at = part.body
    for child in part.children:
        check_nesting(child, at, part.end)
        at = child.end


@settings(deadline=None, max_examples=300)
@given(SOUP)
def test_parts_lie_inside_each_other_whatever_comes(data: bytes) -> None:
    check_nesting(scan(data), 0, len(data))


@settings(deadline=None, max_examples=100)
@given(TREE, st.lists(st.tuples(st.floats(0, 1), SHREDS), max_size=6), st.floats(0, 1))
def test_damaged_messages(tree: Node, wounds: list[tuple[float, bytes]], cut: float) -> None:
    data = render(tree, [], False).replace(b"\n", b"\r\n")
    for where, what in wounds:
        at = int(where * len(data))
        data = data[:at] + what + data[at + len(what) // 2 :]
    data = data[: int(len(data) * cut) + 1]
    check_nesting(scan(data), 0, len(data))
