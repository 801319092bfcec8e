"""What we write in front of a message, from what a client said of itself; and the header of what it sent, taken out of its pieces."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

from tests.fuzz.target import Target, cuts, joined, texts

from correo.mail.address import Address, BadAddress
from correo.mail.envelope import Envelope
from correo.mail.message import field_values, iterate_fields, parse_date, read_header
from correo.net import Peer
from correo.receive.conversation import Conversation
from correo.receive.fields import take_header, without
from correo.receive.options import Profile
from correo.receive.trace import received, return_path
from correo.wire.smtp.syntax import BadSyntax, parse_host

NOW = 1_795_427_580_000_000
ANA = Address.parse("ana@here.example")
LONGEST_USER = 64  # characters of the name of a user of this machine
LIMIT = 400  # octets of a header
QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
TAKEN_AWAY = (b"return-path", b"bcc")


@dataclass
class Talk:
    """As much of a conversation as the field tells."""

    helo: str
    user: str
    peer: Peer
    extended: bool
    profile: Profile = Profile.MX
    tls: None = None
    account: None = None

    @property
    def options(self) -> SimpleNamespace:
        return SimpleNamespace(hostname="mx.here.example")


def run(octets: bytes) -> None:
    helo, user, recipient, message = texts(octets, 4)
    try:
        name = parse_host(helo)
    except BadSyntax:
        name = "there.example"
    try:
        to = Address.parse(recipient)
    except BadAddress:
        to = ANA
    for peer in (Peer("2001:db8::1", 25), Peer("unix", 0)):
        talk = cast(Conversation, Talk(name, user[:LONGEST_USER], peer, extended=bool(user)))
        envelope = Envelope(to, (to,), utf8=not to.ascii)
        _is_one_field(received(talk, envelope, "1kdvdna0100", NOW), b"received")
    _is_one_field(return_path(to), b"return-path")
    _taken(message.encode())


def _is_one_field(written: bytes, name: bytes) -> None:
    """Whatever the client called itself, and alike for `email` and for us."""
    fields = list(iterate_fields(written))
    assert [field.name.lower() for field in fields] == [name], "a client adds a field"
    assert written.endswith(b"\r\n")
    assert written.count(b"\n") == written.count(b"\r") == written.count(b"\r\n")
    assert max(map(len, written.split(b"\r\n"))) <= 998
    theirs = email.message_from_bytes(written + b"\r\n")
    assert [key.lower().encode() for key in theirs] == [name]
    if name == b"received":
        clauses, _, date = read_header(written)[0].every(name)[0].rpartition(b";")
        assert parse_date(date) == (NOW, 0)
        clauses = QUOTED.sub(b"", clauses)  # of the recipient, who may be called anything
        assert clauses.count(b" by mx.here.example ") + clauses.count(b"\tby mx.here.example ") == 1, (
            "a second hop"
        )
        assert clauses.count(b"(") == clauses.count(b")")


def _taken(message: bytes) -> None:
    for pieces in cuts(message):
        chunks = list(pieces)
        header = take_header(chunks, LIMIT)
        if header is None:
            assert len(message) > LIMIT
            continue
        assert header + b"".join(chunks) == message, "octets are lost between header and body"
        assert len(header) <= LIMIT
        kept = without(header, TAKEN_AWAY)
        assert len(kept) <= len(header)
        for name in TAKEN_AWAY:
            assert not field_values(kept, kept.lower(), name), "a field that should be gone is there"


def seeds() -> Iterator[bytes]:
    message = "Return-Path: <x@y>\r\nBcc: a,\r\n b\r\nSubject: x\r\n\r\nbody\r\n"
    yield joined("there.example", "", "bob@here.example", message)
    yield joined("[192.0.2.1]", "ana", '"a b;"@here.example', "\r\nno header")
    yield joined("x) by mx.here.example (y;", "a(b", "gr\u00fcn@m\u00fcller.example", "From x\r\nBCC : y\r\n")


TARGET = Target(
    "trace-fields", ("correo.receive.trace", "correo.receive.fields"), run, seeds,
    (b"\x1e", b"\r\n", b"\t", b";", b"(", b")", b"\\", b" by mx.here.example ", b"\r\nX: y", b"Bcc: ", b"Return-Path :", b"\r\n\r\n", b'"', b"@here.example"),
    most=800,
)  # fmt: skip
