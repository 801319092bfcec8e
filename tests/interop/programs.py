"""Foreign programs: found or excused, run with a limit, and quoted in full when they did not do what was expected."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

T = TypeVar("T")

SEARCH = os.pathsep.join(
    [os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]
)  # servers are not on everybody's PATH
SECONDS = 60.0  # no program here takes a tenth of it unless it hangs


@dataclass(frozen=True, slots=True)
class Result:
    code: int
    out: str
    err: str


def required() -> bool:
    """Whether what is missing is a failure rather than a reason to skip: as the continuous integration wants it."""
    return os.environ.get("CORREO_REQUIRE_INTEROP", "") not in ("", "0")


def excuse(reason: str) -> NoReturn:
    """Skip the test for `reason`, or fail it where that may not be."""
    if required():
        pytest.fail(f"{reason}, and CORREO_REQUIRE_INTEROP is set", pytrace=False)
    pytest.skip(reason)


def path_of(name: str) -> str:
    """The program's path; without it the test is excused."""
    found = shutil.which(name, path=SEARCH)
    return found if found is not None else excuse(f"{name} is not installed (make test-deps)")


def run(
    *command: str | Path,
    stdin: str | bytes = b"",
    home: Path | None = None,
    code: int | None = 0,
    prefix: tuple[str, ...] = (),
) -> Result:
    """Run a program to its end; AssertionError with all it said when it does not end with `code` (None: any).

    `home` is its HOME and working directory, so that nobody's own configuration takes part. `prefix` runs it somewhere else.
    """
    __tracebackhide__ = True
    program, *arguments = (str(word) for word in command)
    environment = {"PATH": SEARCH, "LANG": "C.UTF-8", "HOME": str(home or "/nonexistent"), "TERM": "xterm"}
    line = " ".join([program, *arguments])
    try:
        done = subprocess.run(
            [*prefix, path_of(program), *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            cwd=home,
            env=environment,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as hung:
        said = (hung.stdout or b"") + (hung.stderr or b"")
        raise AssertionError(f"{program} hung\n$ {line}\n{said.decode('utf-8', 'replace')}") from None
    result = Result(
        done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    )
    assert code is None or result.code == code, (
        f"{program} ended with {result.code}, not {code}\n$ {line}\n{result.out}\n{result.err}"
    )
    return result


def eventually(look: Callable[[], T], what: str, *, seconds: float = SECONDS) -> T:
    """What `look` returns as soon as it is true; AssertionError when that does not happen in time.

    For what another program does in its own time and tells nobody.
    """
    pause = threading.Event()
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"{what} did not happen within {seconds:.0f} seconds"
        pause.wait(0.05)
    return found
