"""Every IMAP transcript again, by clients that enable IMAP4rev2 and UIDONLY as soon as they are logged in.

What is answered then is another dialog; checked is that nothing is said of what these clients do not know: RECENT, SEARCH, UNSEEN
(RFC 9051 appendix E), and message numbers (RFC 9586 §3).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.transcripts.runner import Script, Stage, Step, play, scripts
from tests.transcripts.test_imap import Imap

_FORGETS = re.compile(rb"\S+ UNAUTHENTICATE\b", re.IGNORECASE).match
_LOGIN = re.compile(rb"(\S+) (?:LOGIN|AUTHENTICATE) ", re.IGNORECASE).match
_ENABLED = b"* ENABLED IMAP4rev2 UIDONLY"
_UNKNOWN = re.compile(
    rb"\* \d+ (?:FETCH|EXPUNGE|RECENT)\b|\* SEARCH\b|\* \d+ UIDFETCH .*\\Recent|\* OK \[UNSEEN\b"
).match

# What takes its time, or is about the time that is left, is another matter.
SCRIPTS = [
    script
    for script in scripts("imap")
    if "slow" not in script.header and not script.path.stem.startswith("login_time")
]


class Dialect(Stage):
    """Listens until the server is silent, whatever it says."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.enabled: set[int] = set()
        self.logins: dict[int, list[bytes]] = {}

    async def _perform(self, step: Step, rest: list[Step]) -> None:
        match step.kind:
            case "C" | "C+":
                if not self._connection(step).closed:
                    if login := _LOGIN(self._octets(step)):
                        self.logins.setdefault(step.connection, []).append(login[1] + b" OK ")
                    if _FORGETS(self._octets(step)):
                        self.enabled.discard(step.connection)
                    self._send(step, rest)
            case "S" | "S*" | "closed":
                await self._listen(step)
            case "=":
                pass  # commands that were refused have changed nothing
            case _:
                await super()._perform(step, rest)

    async def _listen(self, step: Step) -> None:
        connection = self._connection(step)
        while (said := await self._more(connection)) is not None:
            assert step.connection not in self.enabled or not _UNKNOWN(said), f"the server said {said!r}"
            if said == _ENABLED:
                self.enabled.add(step.connection)
            if any(said.startswith(login) for login in self.logins.pop(step.connection, [])):
                connection.near.write(b"dialect ENABLE IMAP4rev2 UIDONLY\r\n")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.path.stem)
def test_nothing_is_said_that_the_client_does_not_know(script: Script, tmp_path: Path) -> None:
    play(script, Imap(script), "whole", tmp_path, Dialect)


def test_the_clients_have_really_enabled_it(tmp_path: Path) -> None:
    stages: list[Dialect] = []

    class Kept(Dialect):
        def __init__(self, *args: object) -> None:
            super().__init__(*args)
            stages.append(self)

    (script,) = (script for script in SCRIPTS if script.path.stem == "two_expunge")
    play(script, Imap(script), "whole", tmp_path, Kept)
    assert [stage.enabled for stage in stages] == [{1, 2}]
