"""What the index lets a search pass over, the search would not have found."""

from __future__ import annotations

import asyncio
import itertools
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.access.test_imap_session import LOGIN, House, dialog, house, lines

from correo import mailbox
from correo.access.imap.items.search import compile_key
from correo.access.imap.items.search.facts import Facts
from correo.access.imap.items.search.row import Mailbox
from correo.access.imap.narrowing import flags_of, sought
from correo.mail.flags import DELETED, FLAGGED, SEEN, Flags
from correo.mail.message import scan
from correo.mailbox import Fetched
from correo.mailbox.indexing import Indexer, contents_after, documents, text_of
from correo.storage.db import Tx
from correo.storage.index import AllOf, AnyOf, Document
from correo.storage.index.fts import FtsIndex
from correo.wire.imap.search import All, And, Body, Flag, Fuzzy, Header, Key, Not, Or, Text

_ids = itertools.count(1)
_pieces = [
    "Stra\u00dfe", "STRASSE", "\u0130stanbul", "na\u00efve", "nai\u0308ve", "\u03a3\u03a3", "\u03c2", "\u0301", "\u0323", "abc", "ABCD", " ",
    "  ", "\t", "\u4e2d\u6587\u5b57", "\u0438\u0306", "\u0439", "\uff21\uff22", "\U0001f600", '"', "\u1e9e", "\ufb03", "x: y", "a",
]  # fmt: skip
_texts = st.lists(st.sampled_from(_pieces), max_size=5).map("".join)
_charsets = st.sampled_from(
    ["utf-8", "iso-8859-1", "windows-1252", "koi8-r", "shift_jis", "us-ascii", "nobody-knows"]
)


def octets(text: str, charset: str) -> bytes:
    return text.encode("utf-8" if charset in ("us-ascii", "nobody-knows") else charset, "replace")


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    charset = draw(_charsets)
    subject = octets(draw(_texts), charset)
    if draw(st.booleans()):
        subject = (
            b"=?" + charset.encode() + b"?q?" + b"".join(b"=%02X" % octet for octet in subject) + b"?= tail"
        )
    fields = [
        b"Subject: " + subject,
        b"From:" + octets(draw(_texts), "utf-8") + b"\r\n\tfolded <a@b.example>",
    ]
    text = octets(draw(_texts), charset) + draw(st.sampled_from([b"", b"\0", b"\xff\xfe", b"\r\n"]))
    fields.append(b"Content-Type: text/plain; charset=" + charset.encode())
    if draw(st.booleans()):
        fields.append(b"Content-Transfer-Encoding: quoted-printable")
        text = b"".join(b"=%02X" % octet for octet in text)
    return b"\r\n".join(fields) + b"\r\n\r\n" + text


_needles = st.one_of(_texts, st.text(max_size=6))
_words = st.one_of(
    _needles.map(Body),
    _needles.map(Text),
    st.builds(Header, st.sampled_from(["SUBJECT", "FROM", "X-NONE"]), _needles),
)
_keys: st.SearchStrategy[Key] = st.recursive(
    st.one_of(_words, st.just(All()), st.just(Flag("\\Seen"))),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda keys: And(tuple(keys))),
        st.lists(inner, min_size=1, max_size=3).map(lambda keys: Or(tuple(keys))),
        inner.map(Not),
    ),
    max_leaves=5,
)  # fmt: skip


def matches(raw: bytes, key: Key) -> bool:
    prepared = mailbox.prepare(raw)
    row = Fetched(1, 1, 0, "", 1, 0, 0, 0, len(raw), *([None] * (len(Fetched._fields) - 9)))  # type: ignore[arg-type]
    facts = Facts(1, row, False)
    facts.header, facts.raw, facts.root = raw[: prepared.summary.header_size], raw, scan(raw)
    verdict = compile_key(key, Mailbox(1, 1)).test(facts)
    assert verdict is not None
    return verdict


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FtsIndex]:
    made = FtsIndex.open(tmp_path_factory.mktemp("index") / "index.db", "1")
    yield made
    asyncio.run(made.close())


@settings(deadline=None, max_examples=150)
@given(st.lists(messages(), min_size=1, max_size=4), st.lists(_keys, min_size=1, max_size=6))
def test_nothing_that_matches_is_passed_over(index: FtsIndex, raws: list[bytes], keys: list[Key]) -> None:
    known = {next(_ids): raw for raw in raws}
    asyncio.run(index.add([Document(id, text_of(raw, scan(raw))) for id, raw in known.items()]))
    for key in keys:
        wanted = sought(key)
        suspects = set(known) if wanted is None else asyncio.run(index.suspects(array("q", known), wanted))
        assert {id for id, raw in known.items() if matches(raw, key)} <= suspects


def test_what_is_sought() -> None:
    assert sought(Body("Stra\u00dfe")) == "strasse"
    assert sought(Header("SUBJECT", "ab")) is None
    assert sought(And((Flag("\\Seen"), Text("abc"), Not(Body("def"))))) == AllOf(("abc",))
    assert sought(Or((Body("abc"), Text("def")))) == AnyOf(("abc", "def"))
    assert sought(Or((Body("abc"), Flag("\\Seen")))) is None
    assert sought(Not(Body("abc"))) is None
    assert sought(Fuzzy(Body("abc"))) is None


def test_what_flags_are_asked_for() -> None:
    seen, deleted = Flag("\\Seen"), Flag("\\Deleted")
    assert flags_of(Not(seen)) == (SEEN, 0)
    assert flags_of(And((seen, Not(deleted), Body("abc"), Flag("Word"), Flag("\\Recent")))) == (
        SEEN | DELETED,
        SEEN,
    )
    assert flags_of(And((seen, Not(seen)))) == (SEEN, SEEN)
    assert flags_of(Or((seen, deleted))) == (0, 0)
    assert flags_of(Not(And((seen,)))) == (0, 0)


def test_a_damaged_path_is_no_hindrance(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="index"):
        FtsIndex.open(tmp_path / "missing" / "index.db", "1")


PROGRAMS = (
    "BODY \"text 17\"", "TEXT \"number 33\"", "SUBJECT \"number 9\"", "NOT BODY \"text 1\"", "OR BODY \"text 5\" FLAGGED", "FROM bob",
    "BODY nowhere", "BODY \"1\"", "UNSEEN", "UNSEEN BODY \"text 3\"", "SEEN FLAGGED", "20:150 SUBJECT \"number 1\"", "UNFLAGGED SEEN TEXT bob",
    "FUZZY BODY \"text 17\"", "NOT (SEEN BODY \"text 2\")", "DELETED",
)  # fmt: skip


async def found(home: House, sent: list[bytes]) -> bytes:
    """What is said after SELECT, which counts what is recent."""
    return (await dialog(home, sent)).partition(b"\r\nb OK")[2]


async def test_a_client_finds_the_same_with_it_without_it_and_while_it_is_behind(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.fill("INBOX", 160, lambda n: Flags(SEEN * (n % 3 > 0) | FLAGGED * (n % 20 == 0)))
        sent = [LOGIN + lines(*(f"t{at} UID SEARCH {keys}" for at, keys in enumerate(PROGRAMS)), "z LOGOUT")]
        without = await found(home, sent)
        assert b"* SEARCH 17\r\nt0 OK" in without  # not 170: there are 160
        made = FtsIndex.open(tmp_path / "index.db", "1")
        home.services = replace(home.services, index=made)

        async def rest() -> None: ...

        async def some(tx: Tx) -> list[Document]:
            return await documents(tx, await contents_after(tx, 0, 50))

        assert await found(home, sent) == without  # it is empty
        await made.add(await home.services.db.read(some))
        assert await found(home, sent) == without  # it knows the first
        await Indexer(home.services.db, made, rest).walk()
        assert len(await made.known(0, 2**62)) == 160
        assert await found(home, sent) == without
        await made.close()
        assert await found(home, sent) == without  # it is gone
