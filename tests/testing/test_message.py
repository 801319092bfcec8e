"""A message as tests look at it, hostile ones included."""

from __future__ import annotations

import re
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.testing.journal import Journal
from correo.testing.message import Message, Query


def message(raw: bytes, **more: str) -> Message:
    return Message("1", more.get("sender", "a@example.com"), (more.get("to", "b@example.org"),), raw)


def test_the_parts_of_a_message() -> None:
    letter = EmailMessage()
    letter["Subject"] = "Grüße aus Köln"
    letter["X-Tag"] = "one"
    letter.set_content("Hallo, siehe https://a.example/x?y=1.\n\n(https://b.example/)\n")
    letter.add_alternative('<p>Hallo <a href="https://a.example/x?y=1&amp;z=2">hier</a></p>', subtype="html")
    letter.add_attachment(b"\0\1", maintype="application", subtype="pdf", filename="Rechnung Ü.pdf")
    got = message(letter.as_bytes())
    assert got.subject == got.headers["subject"] == "Grüße aus Köln"
    assert got.headers.get("x-tag") == "one"
    assert "X-TAG" in got.headers
    assert got.headers.get("nothing") is None
    assert got.text.startswith("Hallo, siehe")
    assert got.html.startswith("<p>")
    assert got.links == ["https://a.example/x?y=1", "https://b.example/", "https://a.example/x?y=1&z=2"]
    (attached,) = got.attachments
    assert (attached.filename, attached.content_type, attached.content) == (
        "Rechnung Ü.pdf",
        "application/pdf",
        b"\0\1",
    )
    assert got.email["Subject"] == "Grüße aus Köln"


def test_a_text_that_is_attached_is_no_text() -> None:
    letter = EmailMessage()
    letter.set_content("body\n")
    letter.add_attachment("notes\n", filename="notes.txt")
    got = message(letter.as_bytes())
    assert got.text == "body\n"
    assert [one.filename for one in got.attachments] == ["notes.txt"]


def test_headers_are_a_mapping() -> None:
    got = message(b"Received: one\r\nReceived: two\r\nSubject: x\r\n\r\n").headers
    assert dict(got) == {"Received": "one", "Subject": "x"}
    assert got.every("received") == ["one", "two"]
    assert (len(got), list(got)) == (2, ["Received", "Subject"])


@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"]),
)
@settings(max_examples=200)
def test_nothing_in_a_message_raises(raw: bytes, before: bytes) -> None:
    got = message(before + raw)
    assert isinstance(got.text + got.html + got.subject + str(got), str)
    assert isinstance(got.links, list)
    assert isinstance(got.attachments, list)
    assert all(isinstance(value, str) for value in got.headers.values())


def test_what_a_query_is_for() -> None:
    letter = message(b"Subject: Welcome\r\n\r\nToken 12\r\n", sender="")
    assert Query().fits(letter)
    assert Query(to="b@*", sender="", subject="come", contains=re.compile(r"\d\d")).fits(letter)
    for other in (Query(to="c@*"), Query(sender="a@*"), Query(subject="welcome"), Query(contains="13")):
        assert not other.fits(letter)
    assert str(Query(to="b@*", subject=re.compile("x"))) == "to='b@*', subject=/x/"
    assert str(Query()) == "anything"


def test_a_journal_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("correo.testing.journal.MAX_OCTETS", 100)
    journal = Journal()
    for sender in ("a@example.com", "b@example.com", "c@example.com"):
        journal.add(message(b"x" * 51, sender=sender))
    assert [one.envelope_from for one in journal.messages] == ["c@example.com"]
    journal.add(message(b"x" * 1000))
    assert len(journal.messages) == 1
    journal.clear()
    journal.add(message(b""))
    assert len(journal.find(Query())) == 1
