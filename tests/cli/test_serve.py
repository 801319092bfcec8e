"""How `correo serve` ends that cannot start: by what failed."""

from __future__ import annotations

import errno
import os
import ssl

import pytest

from correo.cli.serve import PASSING, exit_code
from correo.cli.terminal import EX_CONFIG, EX_TEMPFAIL
from correo.storage.threads import NoThreads


@pytest.mark.parametrize("number", sorted(PASSING))
def test_what_passes_by_itself_is_tried_again(number: int) -> None:
    assert exit_code(OSError(number, os.strerror(number))) == EX_TEMPFAIL


def test_threads_may_be_there_again_later() -> None:
    assert exit_code(NoThreads("the system starts no more threads")) == EX_TEMPFAIL


@pytest.mark.parametrize(
    "wrong",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory"),
        PermissionError(errno.EACCES, "Permission denied"),
        ValueError("no key in it"),
        ssl.SSLError(errno.EIO, "an error of OpenSSL that has the number of another"),
    ],
)
def test_what_somebody_has_to_put_right_is_not(wrong: OSError | ValueError) -> None:
    assert exit_code(wrong) == EX_CONFIG
