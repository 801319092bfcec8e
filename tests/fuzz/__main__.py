"""Fuzzes all targets in turn, or one, and says what came of it.

    python -m tests.fuzz [TARGET ...] [--minutes 5] [--keep] [--runner libfuzzer|own]
    python -m tests.fuzz TARGET --replay FILE

Everything found is in build/fuzz/TARGET: `corpus` grows from run to run, `findings` are inputs that break a promise. With --keep what
reaches more than the corpus of the repository does goes into that. Exits with 1 where there are findings.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.fuzz import corpus
from tests.fuzz.registry import TARGETS
from tests.fuzz.running import quiet
from tests.fuzz.target import Target

BUILD = Path("build/fuzz")
OVERTIME = 120  # seconds that a runner may take to start and to end
MOST_FINDINGS = 5  # of one target, after which the rest of its time is given up
_EXECUTED = re.compile(rb"number_of_executed_units: (\d+)")


@dataclass(slots=True)
class Outcome:
    """Of one target."""

    target: str
    runner: str
    executions: int = 0
    seconds: float = 0.0
    lines: float = 0.0  # of the target's modules, 0 to 1
    arcs: int = 0
    inputs: int = 0  # of the corpus
    octets: int = 0
    findings: list[str] = field(default_factory=list)


def fuzz(target: Target, seconds: float, runner: str, keep: bool) -> Outcome:
    folder = BUILD / target.name
    for name in ("corpus", "findings"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for octets in [
        *corpus.kept(target).values(),
        *(seed for seed in target.seeds() if len(seed) <= target.most),
    ]:
        (folder / "corpus" / corpus.name_of(octets)).write_bytes(octets)
    outcome = Outcome(target.name, runner)
    began = time.monotonic()
    # A finding ends the process; what time is left may find others.
    while (left := seconds - (time.monotonic() - began)) > 1 and len(outcome.findings) < MOST_FINDINGS:
        _run(outcome, runner, folder, left)
    outcome.seconds = time.monotonic() - began
    _run(outcome, "floods", folder, 0)
    chosen, tracer = corpus.distilled(target, _sound(target, folder))
    if keep:
        corpus.keep(target, chosen)
    outcome.lines, outcome.arcs = tracer.share, len(tracer.arcs)
    outcome.inputs, outcome.octets = len(chosen), sum(map(len, chosen))
    return outcome


def _run(outcome: Outcome, runner: str, folder: Path, seconds: float) -> None:
    before = {path.name for path in (folder / "findings").iterdir()}
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.running",
        runner,
        outcome.target,
        str(int(seconds) or 1),
        str(folder),
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds + OVERTIME, check=False)
        status, said = done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired as late:
        status, said = -1, (late.stdout or b"") + (late.stderr or b"")
    (folder / f"{runner}.log").write_bytes(said)
    counted = _EXECUTED.findall(said)
    outcome.executions += int(counted[-1]) if counted else 0
    fresh = sorted({path.name for path in (folder / "findings").iterdir()} - before)
    outcome.findings += [str(folder / "findings" / name) for name in fresh]
    if status and not fresh:
        outcome.findings.append(f"{runner} ended with {status}: {folder}/{runner}.log")
    if status:
        print(_traceback(said.decode("utf-8", "replace")), file=sys.stderr)


def _traceback(said: str) -> str:
    """Of all that a runner prints, what broke."""
    _, found, rest = said.rpartition("Traceback (most recent call last):")
    return "".join((found, rest.partition("\n\n")[0].partition("\nINFO: ")[0]))[-3_000:]


def _sound(target: Target, folder: Path) -> list[bytes]:
    """What breaks no promise, of all that is known."""
    found = []
    for octets in corpus.read(folder / "corpus").values():
        try:
            target.run(octets)
        except Exception:  # it is among the findings
            continue
        found.append(octets)
    return found


def table(outcomes: Sequence[Outcome]) -> str:
    rows = [
        "| target | runner | executions | per second | lines reached | corpus | findings |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for one in outcomes:
        speed = one.executions / max(one.seconds, 0.001)
        rows.append(
            f"| {one.target} | {one.runner} | {one.executions:,} | {speed:,.0f} | {one.lines:.0%} | "
            f"{one.inputs} ({one.octets / 1024:.1f} KB) | {len(one.findings)} |"
        )
    total = sum(one.executions for one in outcomes)
    inputs, octets = sum(one.inputs for one in outcomes), sum(one.octets for one in outcomes)
    rows.append(
        f"| all | | {total:,} | | | {inputs} ({octets / 1024:.0f} KB) | {sum(len(one.findings) for one in outcomes)} |"
    )
    return "\n".join(rows)


def replay(target: Target, file: Path) -> None:
    """Raises what it raises."""
    target.run(file.read_bytes())
    print(f"{target.name} keeps its promises with {file}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Fuzzes the parsers and protocols of Correo.")
    parser.add_argument("targets", nargs="*", help=", ".join(TARGETS))
    parser.add_argument("--minutes", type=float, default=5.0, help="for all targets together")
    parser.add_argument("--keep", action="store_true", help="put what reaches more into tests/fuzz/corpus")
    parser.add_argument("--runner", choices=("libfuzzer", "own"), help="libfuzzer where atheris is installed")
    parser.add_argument("--replay", type=Path, help="a file with one input")
    options = parser.parse_args()
    if unknown := [name for name in options.targets if name not in TARGETS]:
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    chosen = [TARGETS[name] for name in options.targets] or list(TARGETS.values())
    quiet()
    if options.replay:
        replay(chosen[0], options.replay)
        return
    runner = options.runner or ("libfuzzer" if importlib.util.find_spec("atheris") else "own")
    print(
        f"runner: {runner}"
        + ("" if runner == "libfuzzer" else " (atheris, which guides libFuzzer, is not installed)"),
        flush=True,
    )
    outcomes = []
    for target in chosen:
        outcomes.append(fuzz(target, options.minutes * 60 / len(chosen), runner, options.keep))
        print(table(outcomes[-1:]).splitlines()[2], flush=True)
    written = table(outcomes)
    BUILD.parent.joinpath("fuzz.md").write_text(written + "\n", "utf-8")
    BUILD.parent.joinpath("fuzz.json").write_text(
        json.dumps([asdict(one) for one in outcomes], indent=2) + "\n", "utf-8"
    )
    print(f"\n{written}")
    findings = [finding for one in outcomes for finding in one.findings]
    for finding in findings:
        print(f"finding: {finding}")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
