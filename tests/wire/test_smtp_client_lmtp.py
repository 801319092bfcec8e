"""The client core towards servers that answer for each recipient (RFC 2033 §4.2)."""

from __future__ import annotations

import pytest

from correo.mail.address import Address
from correo.wire import NEED_DATA
from correo.wire.smtp.client import Client
from correo.wire.smtp.dialog import BodyWanted, Done, Event, Lost, Stage, Transaction

ANA = Address.parse("ana@here.example")
BOB, EVA, ZOE = (Address.parse(f"{name}@there.example") for name in ("bob", "eva", "zoe"))
HELLO = (
    "220 store.there.example LMTP\r\n",
    "250-store.there.example\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n",
)
CHUNKING = "220 store.there.example LMTP\r\n", "250-store.there.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n"


class Dialog:
    def __init__(self, piece: int, hello: tuple[str, str] = HELLO) -> None:
        self.client = Client("here.example", lmtp=True)
        self.piece = piece
        self.sent = b""
        self.hear(hello[0])
        self.client.send_hello()
        self.hear(hello[1])

    def hear(self, text: str) -> list[Event]:
        events: list[Event] = []
        data = text.encode()
        for start in range(0, len(data), self.piece or len(data)):
            self.client.receive(data[start : start + (self.piece or len(data))])
            while (event := self.client.next_event()) is not NEED_DATA:
                events.append(event)
        self.sent += self.client.take_output()
        return events

    def mail(self, answers: str) -> list[Event]:
        self.client.send_mail(Transaction(ANA, [BOB, EVA, ZOE], 10))
        return self.hear(answers)

    def body(self, answers: str) -> list[Event]:
        self.client.begin_body(6)
        self.client.send_body(b".one\r\n")
        self.client.end_body()
        return self.hear(answers)


def results(events: list[Event]) -> list[tuple[str, int]]:
    (event,) = events
    assert isinstance(event, Done | Lost)
    return [(result.stage.value, result.reply.code if result.reply else 0) for result in event.results]


@pytest.fixture(params=[0, 1, 7])
def piece(request: pytest.FixtureRequest) -> int:
    size: int = request.param
    return size


def test_each_has_an_answer_of_its_own(piece: int) -> None:
    dialog = Dialog(piece)
    assert dialog.sent.startswith(b"LHLO here.example\r\n")
    assert dialog.mail("250 ok\r\n250 ok\r\n550 5.1.1 who\r\n250 ok\r\n354 go\r\n") == [BodyWanted()]
    body = Stage.BODY.value
    assert results(dialog.body("250 2.0.0 bob has it\r\n452 4.2.2 zoe is full\r\n")) == [
        (body, 250),
        (Stage.RCPT.value, 550),
        (body, 452),
    ]
    assert dialog.sent.endswith(b"DATA\r\n..one\r\n.\r\n")
    # The connection is good for another.
    assert dialog.mail("250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n") == [BodyWanted()]
    assert results(dialog.body("250 ok\r\n250-ok\r\n250 ok\r\n550 no\r\n")) == [
        (body, 250),
        (body, 250),
        (body, 550),
    ]


def test_each_has_an_answer_after_the_last_chunk(piece: int) -> None:
    dialog = Dialog(piece, CHUNKING)
    assert dialog.mail("250 ok\r\n250 ok\r\n250 ok\r\n550 who\r\n") == [BodyWanted()]
    assert results(dialog.body("250 ok\r\n451 later\r\n")) == [
        ("end of DATA", 250),
        ("end of DATA", 451),
        ("RCPT", 550),
    ]
    assert dialog.sent.endswith(b"BDAT 6 LAST\r\n.one\r\n")
    assert dialog.mail("250 reset\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n") == [BodyWanted()]


def test_who_had_no_answer_when_it_ends_has_none(piece: int) -> None:
    dialog = Dialog(piece)
    dialog.mail("250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    assert dialog.body("250 ok\r\n") == []
    dialog.client.receive(b"")
    event = dialog.client.next_event()
    assert isinstance(event, Lost)
    assert results([event]) == [("end of DATA", 250), ("end of DATA", 0), ("end of DATA", 0)]


def test_421_decides_for_those_that_are_left(piece: int) -> None:
    dialog = Dialog(piece)
    dialog.mail("250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    assert results(dialog.body("250 ok\r\n421 bye\r\n")) == [
        ("end of DATA", 250),
        ("end of DATA", 421),
        ("end of DATA", 421),
    ]


def test_an_answer_too_many_is_no_answer_to_anything(piece: int) -> None:
    dialog = Dialog(piece)
    dialog.mail("250 ok\r\n550 no\r\n550 no\r\n250 ok\r\n354 go\r\n")
    events = dialog.body("250 ok\r\n250 ok\r\n")
    assert results(events[:1]) == [("RCPT", 550), ("RCPT", 550), ("end of DATA", 250)]
    assert isinstance(events[1], Lost)


def test_nobody_is_asked_for_the_message_of_nobody(piece: int) -> None:
    dialog = Dialog(piece)
    assert (
        results(dialog.mail("250 ok\r\n550 no\r\n550 no\r\n550 no\r\n503 nobody\r\n")) == [("RCPT", 550)] * 3
    )
    (event,) = dialog.mail("250 ok\r\n550 no\r\n550 no\r\n550 no\r\n354 go\r\n")
    assert isinstance(event, Lost)


def test_there_is_no_older_hello(piece: int) -> None:
    client = Client("here.example", lmtp=True)
    client.receive(b"220 hi\r\n")
    client.next_event()
    client.send_hello()
    client.receive(b"500 what\r\n")
    client.next_event()
    assert b"HELO" not in client.take_output().replace(b"LHLO", b"")
