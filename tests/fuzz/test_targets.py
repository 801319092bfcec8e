"""The corpus that is kept, and some new inputs beside, against every target; and whether the tools of it work at all."""

from __future__ import annotations

import re
import zlib
from functools import partial
from pathlib import Path
from random import Random

import pytest
from tests.fuzz import corpus
from tests.fuzz.__main__ import Outcome, table
from tests.fuzz.arena import FUZZ
from tests.fuzz.coverage import Tracer
from tests.fuzz.mutation import flood, mutated
from tests.fuzz.registry import TARGETS
from tests.fuzz.running import FLOOD_SECONDS, HANG, TooLong, by_ourselves, floods, fresh_input, within
from tests.fuzz.target import Target, alike, cuts, fields, joined, texts

MAX_CORPUS = 1_000_000  # octets in all
SEEDS = 8  # of a target, besides its corpus
FRESH = 16  # mutations of those


def known(target: Target) -> list[bytes]:
    """The corpus, and the same few of the seeds each time."""
    seeds = list(target.seeds())
    Random(zlib.crc32(target.name.encode())).shuffle(seeds)
    return [*corpus.kept(target).values(), *seeds[:SEEDS]]


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_and_mutations_of_it(name: str) -> None:
    """Mutations are the same in each run, but where more of them are asked for; what breaks a promise is printed as it is."""
    target, dice = TARGETS[name], Random() if FUZZ > 1 else Random(name)
    inputs = known(target)
    inputs += [fresh_input(target, dice, inputs) for _ in range(FRESH * FUZZ)]
    for octets in inputs:
        try:
            with within(HANG):
                target.run(octets)
        except Exception as broken:
            raise AssertionError(f"{name} breaks a promise: {broken!r}\nwith {octets!r}") from broken


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.flood])
def test_floods(name: str, tmp_path: Path) -> None:
    """Time grows as the input does."""
    target = TARGETS[name]
    (tmp_path / "corpus").mkdir()
    for octets in known(target):
        (tmp_path / "corpus" / corpus.name_of(octets)).write_bytes(octets)
    floods(target, tmp_path, Random(name), number=12)


def test_the_corpus_is_small_and_each_file_says_what_it_is() -> None:
    sizes = []
    for folder in corpus.ROOT.iterdir():
        assert folder.name in TARGETS, "a corpus of nothing"
        for name, octets in corpus.kept(TARGETS[folder.name]).items():
            sizes.append(len(octets))
            if corpus.is_finding(name):
                assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name), f"{name} does not say what was found"
            else:
                assert name == corpus.name_of(octets)
    assert sum(sizes) < MAX_CORPUS


def test_every_target_covers_something_of_ours() -> None:
    for target in TARGETS.values():
        tracer = Tracer(target.covers)
        assert sum(map(len, tracer.lines.values())) > 10
        assert tracer.run(partial(target.run, next(iter(target.seeds()))))
        assert 0 < tracer.share <= 1


# -- the tools -----------------------------------------------------------------------------------------------------------


def test_a_promise_that_is_broken_is_found(tmp_path: Path) -> None:
    """Three lines of one command must be hit one after the other, which chance alone does not do."""

    def broken(octets: bytes) -> None:
        host = TARGETS["smtp-arguments"].run
        host(octets)
        assert not (b"orcpt=" in octets.lower() and b";" in octets.lower().partition(b"orcpt=")[2]), "found"

    target = Target("broken", TARGETS["smtp-arguments"].covers, broken, list, (b"ORCPT=", b"rfc822;", b"x"))
    for name in ("corpus", "findings"):
        (tmp_path / name).mkdir()
    (tmp_path / "corpus" / "first").write_bytes(b"TO:<a@b.example>")
    with pytest.raises(AssertionError, match="found"):
        by_ourselves(target, 20, tmp_path, Random(3))
    assert len(corpus.read(tmp_path / "findings")) == 1


def test_what_has_no_end_is_a_finding() -> None:
    def endless() -> None:
        while True:
            pass

    with pytest.raises(TooLong), within(0.05):
        endless()
    with within(FLOOD_SECONDS):
        pass


def test_of_many_inputs_those_are_kept_that_reach_more() -> None:
    target = TARGETS["proxy"]
    seeds = list(target.seeds())
    chosen, tracer = corpus.distilled(target, [*seeds, *seeds, *(seed + b"more" for seed in seeds)])
    assert set(chosen) <= set(seeds)
    again, second = corpus.distilled(target, chosen)
    assert again == chosen
    assert second.arcs == tracer.arcs


@pytest.mark.parametrize("seed", range(20))
def test_mutations_are_no_longer_than_they_may_be(seed: int) -> None:
    dice = Random(seed)
    assert len(mutated(dice, [b"abc", b""], [b"word"], 5)) <= 5
    assert len(mutated(dice, [], [], 5)) <= 5
    assert len(flood(dice, [b"begin"], [b"word"], 100)) <= 100


def test_a_stream_is_cut_in_several_ways_that_are_all_the_same_stream() -> None:
    assert all(b"".join(pieces) == b"some octets" for pieces in cuts(b"some octets"))
    assert list(cuts(b"x")) == list(cuts(b"x"))
    with pytest.raises(AssertionError, match="another dialogue"):
        alike(len, b"some octets")


def test_fields_of_an_input() -> None:
    assert fields(b"a\x1eb\x1ec", 2) == [b"a", b"b\x1ec"]
    assert texts(joined("\u00e9", b"\xff"), 3) == ["\u00e9", "\ufffd", ""]


def test_the_table() -> None:
    one = Outcome("imap", "libfuzzer", 1_000, 2.0, 0.5, 3, 4, 2_048, ["x"])
    assert "| imap | libfuzzer | 1,000 | 500 | 50% | 4 (2.0 KB) | 1 |" in table([one])
