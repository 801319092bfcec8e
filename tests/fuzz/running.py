"""The process that fuzzes one target: by libFuzzer (atheris), or by a small runner of our own where that cannot be installed.

    python -m tests.fuzz.running libfuzzer|own TARGET SECONDS FOLDER

FOLDER/corpus holds what is known and takes what is found to reach new code; FOLDER/findings takes what breaks a promise. What is
printed at the end is libFuzzer's, whoever ran.
"""

from __future__ import annotations

import importlib.util
import logging
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from types import FrameType

import structlog
from tests.fuzz.corpus import name_of, read
from tests.fuzz.coverage import Tracer
from tests.fuzz.mutation import flood, mutated
from tests.fuzz.target import Target

HANG = 10  # seconds of one input; the slowest take a twentieth of one
MEMORY = 1_024  # megabytes of the whole process
FLOOD_SECONDS = 3.0  # of processor for one input of `Target.flood` octets; anything quadratic takes minutes
FLOODS = 40  # of one run of a target
OCTETS_SHARE = 0.2  # of the inputs, in which octets change whatever they mean
IMAP = ("correo.access.imap", "correo.wire.imap")
AIMS = {
    "imap": IMAP,
    "pop3": ("correo.access.pop3", "correo.wire.pop3"),
}  # of sessions; of the others `RECEIVING`
RECEIVING = ("correo.receive", "correo.wire.smtp")
BROKEN = 77  # the exit status of libFuzzer where an input broke a promise


class TooLong(AssertionError):
    """Not over in time."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises TooLong where it takes more of the processor than that."""

    def too_long(number: int, frame: FrameType | None) -> None:
        raise TooLong(f"not over after {seconds} seconds")

    before = signal.signal(signal.SIGVTALRM, too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def by_ourselves(target: Target, seconds: float, folder: Path, dice: Random) -> int:
    """Mutations of whatever reached something new. How many inputs broke a promise: the first one ends it."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY << 20, MEMORY << 20))
    tracer = Tracer(target.covers)
    known = list(read(folder / "corpus").values())
    for octets in known:
        tracer.run(partial(target.run, octets))
    began, count = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        octets = fresh_input(target, dice, known)
        count += 1
        try:
            with within(HANG):
                fresh = tracer.run(partial(target.run, octets))
        except (Exception, MemoryError):
            _save(folder / "findings", octets)
            _told(count)
            raise
        if fresh:
            known.append(octets)
            _save(folder / "corpus", octets)
    _told(count)
    return count


def fresh_input(target: Target, dice: Random, known: Sequence[bytes]) -> bytes:
    if target.change and known:
        return target.change(dice, dice.choice(known), target.most)
    return mutated(dice, known, target.words, target.most)


def floods(target: Target, folder: Path, dice: Random, number: int = FLOODS) -> int:
    """What is long and says the same again and again: time grows as the input does, and not faster."""
    known = list(read(folder / "corpus").values())
    for _ in range(number if target.flood else 0):
        octets = flood(dice, known, target.words, target.flood)
        try:
            with within(FLOOD_SECONDS):
                target.run(octets)
        except Exception:
            _save(folder / "findings", octets)
            raise
    return number if target.flood else 0


def passed_over(name: str) -> list[str]:
    """Modules whose ways libFuzzer need not see: a session goes through all of Correo, and to watch all of that takes most of the time."""
    if not name.startswith("session-"):
        return []
    aims = AIMS.get(name.removeprefix("session-"), RECEIVING)
    spec = importlib.util.find_spec("correo")
    assert spec is not None
    (root,) = map(Path, spec.submodule_search_locations or ())
    modules = (
        ".".join(("correo", *path.relative_to(root).with_suffix("").parts)) for path in root.rglob("*.py")
    )
    return [
        module
        for module in (found.removesuffix(".__init__") for found in modules)
        if not f"{module}.".startswith(tuple(f"{aim}." for aim in aims))
    ]


def by_libfuzzer(name: str, seconds: int, folder: Path) -> None:
    """Does not return."""
    import atheris

    with atheris.instrument_imports(
        include=["correo"], exclude=passed_over(name), enable_loader_override=False
    ):
        from tests.fuzz.registry import TARGETS

        target = TARGETS[name]
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words), "ascii")
    flags = [
        f"-max_total_time={seconds}", f"-rss_limit_mb={MEMORY}", f"-timeout={HANG}", f"-max_len={target.most}", f"-dict={words}",
        f"-artifact_prefix={folder}/findings/", "-print_final_stats=1", "-detect_leaks=0", "-verbosity=1",
    ]  # fmt: skip
    change = target.change

    def changed(octets: bytes, most: int, seed: int) -> bytes:
        assert change is not None
        dice = Random(seed)
        if dice.random() < OCTETS_SHARE:
            return bytes(atheris.Mutate(octets, most))
        return change(dice, octets, min(most, target.most))

    grown = {"custom_mutator": changed} if change else {}
    atheris.Setup([sys.argv[0], *flags, str(folder / "corpus")], target.run, **grown)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{octet:02X}" for octet in word)


def _save(folder: Path, octets: bytes) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name_of(octets)).write_bytes(octets)


def _told(count: int) -> None:
    print(f"stat::number_of_executed_units: {count}", file=sys.stderr)


def main() -> None:
    runner, name, seconds, where = sys.argv[1:]
    quiet()
    if runner == "libfuzzer":
        by_libfuzzer(name, int(seconds), Path(where))
    from tests.fuzz.registry import TARGETS

    dice = Random()
    if runner == "own":
        by_ourselves(TARGETS[name], float(seconds), Path(where), dice)
    else:
        print(f"stat::number_of_executed_units: {floods(TARGETS[name], Path(where), dice)}", file=sys.stderr)


if __name__ == "__main__":
    main()
