"""Faults as clients meet them, octet by octet; and without faults, the wrapped server says what the server says."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.testing.wrapping import Wrapping
from tests.transcripts.runner import SPLITS, Script, play, read, scripts

DIALOGS = [read(path) for path in sorted((Path(__file__).parent / "dialogs").glob("*.txt"))]
EVERY = 10  # transcript of the server, for the wrappers are thin; each of them is played in its own tests


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("script", DIALOGS, ids=lambda script: script.path.stem)
def test_faults(script: Script, split: str, tmp_path: Path) -> None:
    factory = Wrapping(script.one("protocol", "smtp"), script)
    play(script, factory, split, tmp_path)
    refused = [str(one) for one in factory.journal.refused]
    taken = [str(one) for one in factory.journal.messages]
    assert refused == script.header.get("refused", [])
    assert taken == script.header.get("taken", [])


@pytest.mark.parametrize("protocol", ["smtp", "pop3", "imap"])
def test_without_faults_nothing_is_changed(protocol: str, tmp_path: Path) -> None:
    for number, script in enumerate(scripts(protocol)[::EVERY]):
        folder = tmp_path / str(number)
        folder.mkdir()
        play(script, Wrapping(protocol, script), "random", folder)
