"""The index of texts leaves out nothing that holds what is sought, whatever happened to it."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.storage.index import AllOf, AnyOf, Document, Wanted, fts
from correo.storage.index.fts import LONGEST, FtsIndex


def holds(text: str, wanted: Wanted) -> bool:
    if isinstance(wanted, str):
        return wanted in text
    return (all if isinstance(wanted, AllOf) else any)(holds(text, part) for part in wanted.parts)


def ask(index: FtsIndex, ids: Sequence[int], wanted: Wanted) -> list[int]:
    return sorted(asyncio.run(index.suspects(array("q", ids), wanted)))


def add(index: FtsIndex, *documents: tuple[int, str | None]) -> None:
    asyncio.run(index.add([Document(*document) for document in documents]))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[FtsIndex]:
    made = FtsIndex.open(tmp_path / "index.db", "1")
    yield made
    asyncio.run(made.close())


def test_it_finds_what_may_hold_it_and_what_it_does_not_know(index: FtsIndex) -> None:
    add(index, (5, "hello world"), (2**62, "hello there"), (7, None))
    assert ask(index, [5, 2**62], "hello") == [5, 2**62]
    assert ask(index, [5, 2**62], "world") == [5]
    assert ask(index, [5], "hello there") == []
    assert ask(index, [5, 2**62], "lo") == [5, 2**62]  # too short to know
    assert ask(index, [5, 6, 7], "nowhere") == [6, 7]
    assert ask(index, [], "hello") == []


def test_what_was_added_stays_as_it_is(index: FtsIndex) -> None:
    add(index, (5, "hello"))
    add(index, (5, "other"), (6, "other"))
    assert ask(index, [5, 6], "other") == [6]


def test_what_is_removed_is_not_known_any_more(index: FtsIndex) -> None:
    add(index, (5, "hello"), (6, "hello"), (7, None))
    asyncio.run(index.remove([5, 7, 99]))
    assert asyncio.run(index.known(0, 100)) == [6]
    assert ask(index, [5, 6, 7], "nowhere") == [5, 7]
    add(index, (5, "again"))
    assert ask(index, [5, 6], "again") == [5]
    assert ask(index, [5, 6], "hello") == [6]


def test_what_is_known_is_told_in_steps(index: FtsIndex) -> None:
    add(index, (9, "a"), (3, "b"), (6, "c"))
    assert asyncio.run(index.known(0, 9)) == [3, 6, 9]
    assert asyncio.run(index.known(3, 8)) == [6]


def test_a_text_that_is_too_long_is_always_suspect(index: FtsIndex) -> None:
    add(index, (1, "x" * (LONGEST + 1)), (2, "short"))
    assert ask(index, [1, 2], "nowhere") == [1]
    assert asyncio.run(index.known(0, 9)) == [1, 2]


def test_it_is_there_after_a_restart_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    first = FtsIndex.open(path, "1")
    add(first, (5, "hello"))
    asyncio.run(first.close())
    assert path.stat().st_mode & 0o077 == 0
    second = FtsIndex.open(path, "1")
    assert ask(second, [5], "nowhere") == []
    asyncio.run(second.close())


def test_one_of_another_version_is_made_anew(tmp_path: Path) -> None:
    first = FtsIndex.open(tmp_path / "index.db", "1")
    add(first, (5, "hello"))
    asyncio.run(first.close())
    second = FtsIndex.open(tmp_path / "index.db", "2")
    assert ask(second, [5], "nowhere") == [5]
    asyncio.run(second.close())


def test_what_is_no_index_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    path.write_bytes(b"this is no database, and never was one. " * 200)
    index = FtsIndex.open(path, "1")
    add(index, (5, "hello"))
    assert ask(index, [5], "nowhere") == []
    asyncio.run(index.close())


def test_one_that_others_are_writing_is_not_taken_from_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "index.db"
    index = FtsIndex.open(path, "1")
    add(index, (5, "hello"))
    monkeypatch.setattr(fts, "PATIENCE_MS", 10)
    with closing(apsw.Connection(str(path))) as other:
        other.execute("BEGIN IMMEDIATE")
        again = FtsIndex.open(path, "1")
        assert asyncio.run(again.known(0, 10)) == [5]
        with pytest.raises(OSError, match="locked"):
            asyncio.run(again.empty())
        other.execute("ROLLBACK")
    asyncio.run(again.empty())
    assert asyncio.run(index.known(0, 10)) == []
    for one in (index, again):
        asyncio.run(one.close())
    with closing(apsw.Connection(str(tmp_path / "new.db"))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OSError, match="locked"):
            FtsIndex.open(tmp_path / "new.db", "1")
    assert (tmp_path / "new.db").exists()


def test_damage_leaves_out_nothing(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    first = FtsIndex.open(path, "1")
    add(first, *((number, f"text number {number} " * 50) for number in range(1, 400)))
    asyncio.run(first.close())
    octets = bytearray(path.read_bytes())
    for at in range(8192, len(octets), 64):
        octets[at : at + 32] = b"\xff" * 32
    path.write_bytes(octets)
    second = FtsIndex.open(path, "1")
    assert ask(second, range(1, 400), "number 77 ")
    assert 77 in ask(second, range(1, 400), "number 77 ")
    asyncio.run(second.close())
    third = FtsIndex.open(path, "1")
    assert ask(third, [77, 78], "nowhere") == [77, 78]
    asyncio.run(third.close())


WRITER = """
import asyncio, itertools, sys
from pathlib import Path
from correo.storage.index import Document
from correo.storage.index.fts import FtsIndex

async def main():
    index = FtsIndex.open(Path(sys.argv[1]), "1")
    for number in itertools.count(1):
        await index.add([Document(number, f"the text of number {number}. " * 20)])
        print(number, flush=True)

asyncio.run(main())
"""


def test_what_it_says_that_it_knows_is_there_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        for _ in range(40):
            added = int(writer.stdout.readline())
        writer.kill()
    index = FtsIndex.open(path, "1")
    known = asyncio.run(index.known(0, 10**6))
    assert known == list(range(1, len(known) + 1))
    assert len(known) >= added
    for number in known:
        assert ask(index, known, f"number {number}. the") == [number]
    assert ask(index, [*known, 10**6], "nowhere") == [10**6]
    asyncio.run(index.close())


def test_after_its_end_it_knows_nothing(tmp_path: Path) -> None:
    index = FtsIndex.open(tmp_path / "index.db", "1")
    add(index, (5, "hello"))
    asyncio.run(index.close())
    assert ask(index, [5], "nowhere") == [5]
    add(index, (6, "hello"))
    assert asyncio.run(index.known(0, 9)) == []


_ids = itertools.count(1)
_texts = st.text(st.sampled_from("ab \"'\u00df\u0130\u0301\u4e2d\U0001f600\ud800\0\n*^-:()"), max_size=24)
_wanted = st.recursive(
    _texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        .map(tuple)
        .flatmap(lambda parts: st.sampled_from([AllOf(parts), AnyOf(parts)]))
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FtsIndex]:
    made = FtsIndex.open(tmp_path_factory.mktemp("index") / "index.db", "1")
    yield made
    asyncio.run(made.close())


@settings(deadline=None, max_examples=150)
@given(st.lists(_texts, min_size=1, max_size=6), st.lists(_wanted, min_size=1, max_size=6), st.data())
def test_whatever_holds_it_is_suspect(
    shared: FtsIndex, texts: list[str], sought: list[Wanted], data: st.DataObject
) -> None:
    known = {next(_ids): text for text in texts}
    add(shared, *known.items())
    text = data.draw(st.sampled_from(texts))
    start = data.draw(st.integers(0, len(text)))
    for wanted in (*sought, text[start : start + data.draw(st.integers(0, 24))]):
        suspects = ask(shared, list(known), wanted)
        assert {id for id, one in known.items() if holds(one, wanted)} <= set(suspects)
