"""Arbitrary octets: only documented events and faults come out, cuts change nothing, memory stays within its limits."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire import NEED_DATA
from correo.wire.imap.fetch import fetch_items
from correo.wire.imap.framing import BadLine, Command, Eof, Fatal, Line, Refused, Server
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.search import search_program
from correo.wire.imap.status import status_items
from correo.wire.imap.store import store_flags

LINE = 60
LITERALS = 40

FRAGMENTS = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [
            b"a1 ", b"b UID FETCH ", b"c APPEND ", b"NOOP", b" ", b"\r\n", b"\n", b"\r", b"{", b"}", b"+}", b"{3}\r\n",
            b"{3+}\r\n", b"{0+}\r\n", b"{39}\r\n", b"{41}\r\n", b"{70+}\r\n", b"{41+}\n", b"{900000+}\r\n",
            b"{4294967295+}\r\n", b"~{2+}\r\n", b'"', b"\\", b"(", b"x" * 30, b"x" * 61, b"y" * 200, b"IDLE\r\n",
        ]
    ),
)  # fmt: skip
STREAMS = st.lists(FRAGMENTS, max_size=25).map(b"".join)


def events(pieces: list[bytes]) -> tuple[list[str], bytes]:
    """Everything that can be seen of a connection; checks on the way that no more is kept than the limits say."""
    core = Server(literal_limit=lambda _: LITERALS, line_limit=LINE)
    seen: list[str] = []
    for piece in [*pieces, b""]:
        core.receive(piece)
        for _ in range(len(piece) + 2):
            event = core.next_event()
            if event is NEED_DATA:
                assert len(core._input) <= LINE + LITERALS + 2
                break
            if isinstance(event, Command):
                args = event.arguments
                seen.append(f"{event.tag} {event.name} {args._text[args._at :]!r} {args._rest!r}")
                if event.name == "IDLE":
                    core.expect_line(20)
                else:
                    core.resume()
                continue
            assert isinstance(event, Refused | BadLine | Line | Fatal | Eof)
            seen.append(repr(event.octets) if isinstance(event, Line) else repr(event))
            core.resume()
            if core.closed:
                return seen, core.take_output()
        else:
            raise AssertionError("more events than octets")
    raise AssertionError("no end")


@settings(deadline=None, max_examples=400)
@given(STREAMS, st.lists(st.integers(0, 300), max_size=4))
def test_any_stream_cut_anyhow(stream: bytes, marks: list[int]) -> None:
    whole = events([stream] if stream else [])
    marks = sorted(marks)
    parts = [stream[start:end] for start, end in zip([0, *marks], [*marks, len(stream)], strict=True)]
    assert events([stream[at : at + 1] for at in range(len(stream))]) == whole
    assert events([part for part in parts if part]) == whole


PARSERS: list[Callable[[Arguments], object]] = [
    fetch_items,
    search_program,
    store_flags,
    status_items,
    Arguments.atom,
    Arguments.astring,
    Arguments.nstring,
    Arguments.literal,
    Arguments.literal8,
    Arguments.number,
    Arguments.nz_number,
    Arguments.number64,
    Arguments.mailbox,
    Arguments.list_mailbox,
    Arguments.sequence_set,
    Arguments.flag,
    Arguments.flag_list,
    Arguments.date,
    Arguments.date_time,
    Arguments.word,
]

TOKENS = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [
            b" ", b"(", b")", b"[", b"]", b"<0.1>", b"BODY", b"BODY.PEEK[", b"HEADER.FIELDS", b"1", b".", b"1:*", b",",
            b"OR", b"NOT", b"SEEN", b"UID", b"CHARSET", b"UTF-8", b"SINCE", b"1-Feb-1994", b'"', b"\\", b"&", b"-", b"{3}",
            b"~{3}", b"{3+}", b"NIL", b"INBOX", b"+FLAGS", b"\\Seen", b"*", b"%", b"FLAGS", b"ALL", b"TEXT",
            b'"17-Jul-1996 02:44:25 -0700"', b"99999999999",
        ]
    ),
)  # fmt: skip


@settings(deadline=None, max_examples=600)
@given(
    st.sampled_from(PARSERS),
    st.lists(TOKENS, max_size=12).map(b"".join),
    st.lists(st.tuples(st.binary(max_size=4), st.lists(TOKENS, max_size=4).map(b"".join)), max_size=2),
    st.booleans(),
)
def test_any_arguments(
    parser: Callable[[Arguments], object], text: bytes, rest: list[tuple[bytes, bytes]], utf8: bool
) -> None:
    args = Arguments(text, 0, rest, utf8=utf8)
    try:
        parser(args)
        args.end()
    except SyntaxFault as raised:
        fault = raised
    else:
        return
    assert fault.reason.isprintable()
    assert fault.status in ("BAD", "NO")


HEAVY = [
    b"(" * 65_000,
    b"NOT " * 16_000,
    b"OR " * 21_000,
    b"(OR " * 16_000,
    b"1," * 32_000 + b"1",
    b"*:1," * 16_000 + b"*",
    b'"' + b"\\\\" * 32_000,
    b'"' + b"\\" * 65_000,
    b"&" * 65_000,
    b"&AOQ-" * 13_000,
    b"BODY[" + b"1." * 32_000,
    b"BODY[HEADER.FIELDS (" + b"a " * 32_000,
    b"(" + b"BODY[] " * 9_000,
    b"{" * 65_000,
    b"9" * 65_000,
    b"\\" * 65_000,
    b" " * 65_000,
    b"A" * 65_000,
]


@pytest.mark.parametrize("text", HEAVY, ids=lambda text: text[:12].decode())
def test_the_longest_commands_are_quick_and_shallow(text: bytes) -> None:
    for parser in PARSERS:
        args = Arguments(text)
        try:
            parser(args)
            args.end()
        except SyntaxFault:
            continue


def test_memory_of_floods() -> None:
    floods = [
        b"a X {3+}\r\nabc",
        b"{60000+}\r\n",
        b"a X\r\n",
        b"{0+}\r\n",
        b"\r\n",
        b"tag" * 20 + b" ",
        b"a {9}\r\n",
        b"(",
    ]
    tracemalloc.start()
    try:
        for flood in floods:
            core = Server()
            chunk = (flood * (4096 // len(flood) + 1))[:4096]
            for _ in range(15):
                core.receive(chunk)
                while core.next_event() is not NEED_DATA and not core.closed:
                    core.resume()
                core.take_output()
            assert tracemalloc.get_traced_memory()[0] < 500_000
    finally:
        tracemalloc.stop()
