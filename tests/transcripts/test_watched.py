"""Whoever looks on never sees what proves who somebody is, in whatever pieces it comes: every transcript with a login, watched."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.transcripts.runner import Factory, Script, Stage, World, expand, play, scripts
from tests.transcripts.test_imap import Imap
from tests.transcripts.test_pop3 import Pop3
from tests.transcripts.test_smtp import Smtp

from correo.net import Session, Stream
from correo.net.tap import Glimpse, Tap, Taps, Wants

SHORTEST = 4  # octets of a word that is looked for
LOGINS = re.compile(r"AUTH|LOGIN|PASS|APOP|b64|cram")
_SECRET = re.compile(rb"\$\((?:b64|cram) [^)]*\)")
_LOGIN_LINE = re.compile(rb"(?i)(?:\S+ LOGIN \S+|PASS|APOP \S+|AUTH \S+|\S+ AUTHENTICATE \S+) (.+)")
_CALLED = re.compile(rb"\$\(")


class Watcher:
    wants = Wants()

    def __init__(self) -> None:
        self.seen: list[Glimpse] = []

    def show(self, glimpse: Glimpse) -> None:
        self.seen.append(glimpse)


class Watched(Stage):
    """A stage on which everything is watched from the start; what is shown is looked through at the end."""

    def __init__(self, script: Script, world: World, factory: Factory, split: str) -> None:
        super().__init__(script, world, factory, split)
        self.watcher = Watcher()
        self._taps = Taps(world.clock)
        self._taps.watch(self.watcher)
        self.terms = replace(self.terms, tap=self._tap)

    def _tap(self, stream: Stream, session: Session) -> Tap:
        protocol = self.script.path.parent.name
        return self._taps.incoming(protocol, stream.peer, stream.tls, session)

    async def play(self) -> None:
        await super().play()
        seen = [glimpse for glimpse in self.watcher.seen if glimpse.who != "*"]
        assert len(seen) >= len(self.script.steps) / 4, "hardly anything was shown"
        secrets = self.secrets()
        for glimpse in seen:
            assert glimpse.text.isprintable()
            for secret in secrets:
                if glimpse.who == "S" and secret.isalpha():
                    continue  # a word that the server may say of its own accord
                assert secret not in glimpse.text, f"{glimpse.text!r} shows {secret!r}"

    def secrets(self) -> set[str]:
        """What was said by clients to prove who they are; what they also say in clear where everybody may see it is none."""
        found = set()
        for step in self.script.steps:
            if step.kind not in ("C", "C+"):
                continue
            line = step.text.encode()
            said = [expand(match[0].decode(), self.variables) for match in _SECRET.finditer(line)]
            if (login := _LOGIN_LINE.fullmatch(line)) and not _CALLED.search(line):
                said.append(login[1].strip(b'" '))
            found |= {word.decode("utf-8", "replace") for word in said if len(word) >= SHORTEST}
        return found


# Of the transcripts with a login, those that are about it: in the others it is the same again.
ABOUT_LOGINS = re.compile(
    r"app|auth|literals|login|sasl|errors|starttls|stls|compress|clear|unauth|shut|banned|xclient"
)


def _with_logins(protocol: str) -> list[Script]:
    about = [script for script in scripts(protocol) if ABOUT_LOGINS.search(script.path.stem)]
    return [script for script in about if LOGINS.search(script.path.read_text())]


SPLITS = ("whole", "octets")


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("script", _with_logins("smtp"), ids=lambda script: script.path.stem)
def test_smtp(script: Script, split: str, tmp_path: Path) -> None:
    play(script, Smtp(script), split, tmp_path, Watched)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("script", _with_logins("pop3"), ids=lambda script: script.path.stem)
def test_pop3(script: Script, split: str, tmp_path: Path) -> None:
    play(script, Pop3(), split, tmp_path, Watched)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("script", _with_logins("imap"), ids=lambda script: script.path.stem)
def test_imap(script: Script, split: str, tmp_path: Path) -> None:
    play(script, Imap(script), split, tmp_path, Watched)
