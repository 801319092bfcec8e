from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.clock.virtual import START
from correo.delivery.progress import MAX_REPLY, MAX_TOLD, progress, submitted
from correo.mail.message import decode_words, read_header
from correo.mail.status import Status
from correo.queue import QueuedMessage, QueuedRecipient, State

MESSAGE = QueuedMessage(5, "ana@here.example", 6, 0, 100, "7BIT", False, 7, START, START, 0)


def recipient(
    address: str = "bob@there.example",
    *,
    reply: str = "",
    host: str = "mx.there.example",
    state: State = State.WAITING,
) -> QueuedRecipient:
    status = Status(451, "4.7.1", reply) if reply else None
    return QueuedRecipient(
        1,
        MESSAGE,
        address,
        address,
        address,
        "there.example",
        state,
        3,
        START,
        "",
        0,
        False,
        status,
        host,
        START,
    )


def test_each_recipient_with_its_last_reply() -> None:
    first, second = recipient(reply="later"), recipient("eva@there.example", state=State.HELD)
    assert progress(32, [first, second], 2).decode() == (
        "X-Correo-Queue-Id: 10\r\n"
        "X-Correo-Recipient: bob@there.example; waiting; attempts 3; next attempt Thu, 1 Jan 2026 00:00:00 +0000\r\n"
        "X-Correo-Last-Reply: bob@there.example; 451 4.7.1 later (mx.there.example)\r\n"
        "X-Correo-Recipient: eva@there.example; held; attempts 3\r\n"
    )


def test_what_is_being_tried_waits() -> None:
    assert progress(1, [recipient(state=State.ACTIVE)], 1) == progress(1, [recipient()], 1)


def test_of_many_the_first_and_how_many_more() -> None:
    said = progress(1, [recipient()] * MAX_TOLD, 50_000).decode()
    assert said.count("X-Correo-Recipient") == MAX_TOLD
    assert said.endswith(f"\r\nX-Correo-More-Recipients: and {50_000 - MAX_TOLD} more\r\n")


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=600), st.text(max_size=50))
def test_no_answer_of_a_stranger_adds_a_field(reply: str, host: str) -> None:
    said = progress(1, [recipient("b\xf6b@there.example", reply=reply or "x", host=host)], 1)
    header, _ = read_header(said + b"\r\n")
    assert said.isascii()
    assert all(len(line) <= 998 for line in said.split(b"\r\n"))
    names = [line.partition(b":")[0] for line in said.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert names == [b"X-Correo-Queue-Id", b"X-Correo-Recipient", b"X-Correo-Last-Reply", b""]
    assert header.first(b"x-correo-last-reply") is not None


def test_words_of_others_stay_legible() -> None:
    said = progress(1, [recipient(reply="gr\xfcn\r\nSubject: x " + "y" * 2000)], 1)
    value = said.partition(b"X-Correo-Last-Reply: ")[2].replace(b"\r\n ", b" ")
    assert decode_words(value.strip()).startswith("bob@there.example; 451 4.7.1 gr\xfcn Subject: x yyy")
    assert len(decode_words(value)) < MAX_REPLY + 100


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (b"Received: from x\r\n\tby y;\r\n\tdate\r\n", b"Subject: x\r\n\r\n"),
        (b"Received: one line\r\n", b"Received: by somebody before\r\n\t;z\r\nSubject: x\r\n\r\n"),
        (b"", b"Subject: x\r\nReceived: theirs\r\n\r\n"),
        (b"Received: x\r\n", b"\r\n"),
    ],
)
def test_as_it_was_submitted(ours: bytes, theirs: bytes) -> None:
    path = b"Return-Path: <ana@here.example>\r\n"
    assert submitted(path + ours + theirs, len(path)) == theirs
