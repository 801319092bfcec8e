"""Three readers of the same messages, and the page that says where they differ."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from tests.fuzz import differences
from tests.fuzz.differences import EMAIL, REASONS, RUST, compare
from tests.interop.corpus import well_formed

from correo.mail.message import scan

PAGE = Path(__file__).parents[2] / "docs" / "mime-differences.md"
HEAD = b"From: a@b.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
PART = b"--b\r\nContent-Type: text/plain\r\n\r\none\r\n"

# The smallest message of each kind that the readers differ about.
EXAMPLES = {
    "a CR without LF, and other controls": b"From: a\rX: b\r\n\r\ntext\r\n",
    "a line in a header that is no field": HEAD + b"no field\r\nX: y\r\n\r\ntext\r\n",
    "a header without an empty line behind it": b"Subje\tct: no body",
    "a type that breaks the grammar": HEAD + b"Content-Type: text\r\nX-Y: z\r\n\r\ntext\r\n",
    "a disposition that breaks the grammar": HEAD
    + b"Content-Disposition: attachment filename=a\r\n\r\ntext\r\n",
    "names of files in encoded-words or in pieces": HEAD
    + b"Content-Disposition: attachment; filename*0=one; filename*2=gap\r\n\r\ntext\r\n",
    "a multipart without parts": MIXED + b"no delimiter\r\n",
    "a multipart without its last delimiter": MIXED + PART + PART + b"--b",
    "a line that is nearly a delimiter": MIXED + PART + b"--bb\r\n--b\r\n\r\n\r\n--b--\r\n",
    "a message or multipart that is encoded": MIXED
    + b"--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogaW4KClRleHQK\r\n--b--\r\n",
    "an encoding of more than one word, with blanks behind it, or on a second line": HEAD
    + b"Content-Transfer-Encoding:\r\n base64\r\n\r\ndGV4dA==\r\n",
    "damaged base64 or quoted-printable": HEAD
    + b"Content-Transfer-Encoding: base64\r\n\r\nc29t!ZSB3\r\n\r\nb3Jkcw==\r\nZm9v\r\n",
    "messages inside that are no message/rfc822": MIXED
    + b"--b\r\nContent-Type: message/global\r\n\r\n\r\nonly text\r\n--b--\r\n",
    "parts on more than 32 levels": HEAD
    + b"".join(
        b"Content-Type: multipart/mixed; boundary=x%02d\r\n\r\n--x%02d\r\n" % (n, n) for n in range(40)
    )
    + b"\r\ntext\r\n"
    + b"".join(b"--x%02d--\r\n" % n for n in range(39, -1, -1)),
}


@pytest.mark.parametrize("number", range(120))
def test_well_formed_messages_are_read_alike_by_all_three(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = "parts on more than 32 levels"  # of the made ones a few have them
    monkeypatch.setattr(differences, "REASONS", {deep: REASONS[deep]})
    assert list(compare(well_formed(Random(number), number))) == []


@pytest.mark.parametrize("name", REASONS)
def test_each_reason_is_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds for its example, which is read alike without it by nobody it names; and it explains all of the difference."""
    message = EXAMPLES[name]
    assert REASONS[name].holds(message, scan(message))
    monkeypatch.setattr(differences, "REASONS", {name: REASONS[name]})
    assert list(compare(message)) == []
    monkeypatch.setattr(differences, "REASONS", {})
    assert list(compare(message))


def test_the_page_has_a_row_for_each_reason() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text("utf-8").splitlines()
        if line.startswith("| ")
    ]
    told = {row[0]: row[2] for row in rows if row[0] in REASONS}
    assert set(told) == set(REASONS)
    for name, readers in told.items():
        assert (EMAIL in readers, RUST in readers) == (
            EMAIL in REASONS[name].readers,
            RUST in REASONS[name].readers,
        )
