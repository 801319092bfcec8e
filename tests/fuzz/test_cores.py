"""What other servers say, and what people write into the configuration: any of it, and nothing but what is documented comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.arena import examples, octets_in

from correo.config import Config, ConfigError, read
from correo.dns import Rdtype, codec
from correo.dns.codec import UNPREDICTABLE, Malformed, write_query
from correo.dns.records import Mx
from correo.dns.server import respond
from correo.dns.zone import Zone
from correo.mail.address import Address
from correo.wire import NEED_DATA
from correo.wire.smtp.client import Client
from correo.wire.smtp.dialog import BodyWanted, Done, Greeted, Hello, Lost, Stage, TlsReady, Transaction
from correo.wire.smtp.reply import MAX_LINE, MAX_LINES

# -- the SMTP client -----------------------------------------------------------------------------------------------------

ANA, BOB, EVA = (Address.parse(f"{name}@there.example") for name in ("ana", "bob", "eva"))
REPLIES = st.one_of(
    st.sampled_from(
        [
            b"220 mx.there.example ESMTP\r\n", b"250-mx.there.example\r\n250-SIZE 100\r\n250-STARTTLS\r\n250 PIPELINING\r\n",
            b"250 mx.there.example\r\n", b"250 ok\r\n", b"354 go\r\n", b"451 4.7.1 later\r\n", b"550 5.1.1 no\r\n", b"421 bye\r\n",
            b"250-", b"250", b"2", b"\r\n", b"\n", b"999 x\r\n", b"220", b"334 \r\n", b"\xff\xfe\r\n", b"250 " + b"x" * 5000,
        ]
    ),
    st.binary(max_size=40),
)  # fmt: skip


@settings(max_examples=examples(300))
@given(st.lists(REPLIES, max_size=14), st.booleans())
def test_the_smtp_client_says_no_more_than_it_heard(replies: list[bytes], polite: bool) -> None:
    """`polite`: first comes what a server says to a client it likes, so that the rest meets the transaction."""
    client = Client("here.example")
    heard = b""
    if polite:
        replies = [b"220 mx.there.example\r\n", b"250-mx.there.example\r\n250 PIPELINING\r\n", *replies]
    began = False
    for reply in [*replies, b""]:
        client.receive(reply)
        heard += reply
        while (event := client.next_event()) is not NEED_DATA:
            match event:
                case Greeted():
                    client.send_hello()
                case Hello():
                    began = True
                    client.send_mail(Transaction(ANA, (BOB, EVA), 100))
                case BodyWanted():
                    client.send_body(b"text\r\n")
                    client.end_body()
                case TlsReady():
                    client.tls_started()
                case Done(results=results) | Lost(results=results):
                    assert len(results) == (2 if began else 0)
                    began = False
                    for result in results:
                        if result.reply is not None and result.reply.status.ok:
                            assert result.stage is Stage.BODY
                            assert b"354" in heard
                case _:
                    pass
        client.take_output()
        assert octets_in(client) <= MAX_LINE * MAX_LINES + sum(map(len, replies))
    assert client.closed


# -- the DNS -------------------------------------------------------------------------------------------------------------

ZONE = Zone(
    """
there.example.    MX 10 mx.there.example.
there.example.    MX 20 mx2.there.example.
there.example.    TXT "v=spf1 -all"
mx.there.example. A 192.0.2.1
mx.there.example. AAAA 2001:db8::1
www.there.example. CNAME mx.there.example.
loop.there.example. CNAME loop.there.example.
"""
)
NAMES = st.sampled_from(
    ["there.example", "mx.there.example", "www.there.example", "loop.there.example", "x.example"]
)
TYPES = st.sampled_from(get_args(Rdtype))
CHANCE = b"\x55" * UNPREDICTABLE


def read_anything(query: codec.Query, data: bytes) -> None:
    if not query.matches(data):
        return
    codec.is_truncated(data)
    try:
        reply = codec.read_reply(query, data)
    except Malformed:
        return
    assert len(reply.records) <= codec.MAX_RECORDS
    for record in reply.records:
        assert not isinstance(record, Mx) or 0 <= record.preference < 65536


@settings(max_examples=examples(200))
@given(NAMES, TYPES, st.binary(max_size=300), st.booleans())
def test_dns_answers_of_any_octets(name: str, rdtype: Rdtype, data: bytes, ours: bool) -> None:
    """`ours`: the header and the question are those of a true answer."""
    query = write_query(name, rdtype, CHANCE, edns=True)
    front = query.wire[:2] + b"\x81\x80" + query.wire[4:6] + data[:6] + query.wire[12 : query.end]
    read_anything(query, front + data[6:] if ours and len(data) > 6 else data)


@settings(max_examples=examples(300))
@given(
    NAMES,
    TYPES,
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    st.integers(0, 400),
)
def test_dns_answers_that_were_spoilt(
    name: str, rdtype: Rdtype, flips: list[tuple[int, int]], end: int
) -> None:
    query = write_query(name, rdtype, CHANCE, edns=True)
    answer = respond(ZONE, query.wire, stream=False)
    assert answer is not None
    spoilt = bytearray(answer)
    for place, octet in flips:
        spoilt[place % len(spoilt)] ^= octet
    read_anything(query, bytes(spoilt))
    read_anything(query, bytes(spoilt[:end]))


@settings(max_examples=examples(200))
@given(st.binary(max_size=200), st.booleans())
def test_dns_questions_of_any_octets(data: bytes, stream: bool) -> None:
    answer = respond(ZONE, data, stream=stream)
    assert answer is None or len(answer) >= 12


# -- the configuration ---------------------------------------------------------------------------------------------------

PATH = Path("/etc/correo/correo.toml")
WORDS = (
    "hostname", "data_dir", "user", "listener", "protocol", "address", "tls", "auth", "queue", "retry", "expire", "limits", "memory",
    "message_size", "transport", "smarthost", "port", "ipv6", "dns", "servers", "log", "level", "certificate", "key", "warn_after",
    "concurrency", "errors", "format",
)  # fmt: skip
VALUES = (
    "1", "-1", "0", "99999999999999999999", "1.5", "nan", "true", '""', '"5m"', '"-5m"', '"5 minutes"', '"smtp"', '"none"', '"starttls"',
    '"127.0.0.1:25"', '"[::1]:0"', '"unix:/run/x"', '":"', '"a:99999"', '"50MiB"', '"50 MB"', "[]", '["5m"]', "[1]", "{}", "2026-01-01",
    "12:00:00", '"\\u0000"', '"é.example"', '"mail.example.org"', "'''", '"x', "inf",
)  # fmt: skip
LINE = st.one_of(
    st.builds("{} = {}".format, st.sampled_from(WORDS), st.sampled_from(VALUES)),
    st.builds("[{}]".format, st.sampled_from(WORDS)),
    st.builds("[[{}]]".format, st.sampled_from(WORDS)),
    st.builds("{}.{} = {}".format, st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from(VALUES)),
    st.text(max_size=20),
)
GOOD = ['hostname = "mail.example.org"', 'data_dir = "data"']


def taken_or_refused(text: str) -> Config | str:
    try:
        return read(text, PATH)
    except ConfigError as wrong:
        return str(wrong)


@settings(max_examples=examples(400))
@given(st.lists(LINE, max_size=12), st.booleans())
def test_a_configuration_is_taken_or_refused_with_words(lines: list[str], good: bool) -> None:
    config = taken_or_refused("\n".join([*GOOD, *lines] if good else lines))
    if isinstance(config, str):
        assert str(PATH) in config
        return
    assert config.hostname
    assert all(pause > 0 for pause in config.queue.retry)
