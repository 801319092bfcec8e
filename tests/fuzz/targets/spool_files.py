"""Letters that wait in a folder where anybody may put files: read as what they are, or refused."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.target import Target, joined, texts

from correo.ops import spool
from correo.wire.smtp.letter import Letter, dialog
from correo.wire.smtp.reply import Reply

NAME = "0123456789abcdef"
MOST = 1_000  # octets of a text


def run(octets: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="correo-fuzz-") as where:
        folder = Path(where)
        (folder / NAME).write_bytes(octets)
        try:
            letter = spool.take(folder, NAME, MOST).letter
        except spool.BadLetter:
            pass
        else:
            _handed_over(letter)
        spool.remove(folder, NAME)
        _put(folder, texts(octets, 6))


def _put(folder: Path, words: list[str]) -> None:
    sender, recipient, text, notify, ret, envelope_id = words
    letter = Letter(sender, (recipient,), text.encode(), notify, ret, envelope_id)
    if letter.safe:
        spool.put(folder, letter, NAME)
        assert spool.waiting(folder) == [NAME]
        assert spool.take(folder, NAME, max(MOST, len(letter.text))).letter == letter, (
            "another letter is taken than was put"
        )
        _handed_over(letter)


def _handed_over(letter: Letter) -> None:
    """Whoever wrote it: it makes one dialog of as many commands as it should have."""
    talk, commands = dialog(letter), []
    try:
        next(talk)
        command = talk.send(Reply(220, ("here",)))
        while not command.startswith(b"DATA"):
            commands.append(command)
            command = talk.send(Reply(250, ("ok",)))
        text = talk.send(Reply(354, ("go on",)))
        assert (b"\r\n" + text).count(b"\r\n.\r\n") == 1, "a text that ends early"
        assert text.count(b"\r") == text.count(b"\n") == text.count(b"\r\n")
        talk.send(Reply(250, ("ok",)))
    except StopIteration:
        pass
    assert len(commands) == 2 + len(letter.recipients)
    assert all(command.count(b"\n") == command.count(b"\r") == 1 for command in commands), (
        "a letter that says more than one command"
    )


def seeds() -> Iterator[bytes]:
    yield b'correo letter 1\n{"sender":"a@here.example","recipients":["b@there.example"],"notify":"NEVER"}\nSubject: x\r\n\r\n.\r\nx'
    yield b'correo letter 1\n{"sender":"","recipients":["a@b\\r\\nRCPT TO:<c@d>"],"ret":"FULL","envelope_id":"x"}\n'
    yield joined("a@here.example", "b@there.example", "Subject: x\r\n\r\nx\r\n.\r\n", "SUCCESS", "HDRS", "id")


TARGET = Target(
    "spool", ("correo.ops.spool", "correo.wire.smtp.letter"), run, seeds,
    (b"correo letter 1\n", b'{"sender":"', b'"recipients":["', b'"],', b"}\n", b"\\r\\n", b"\\u2028", b"\x1e", b"<", b">", b"\\ud800"), most=800,
)  # fmt: skip
