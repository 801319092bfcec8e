"""sendmail's options and what becomes of the message on standard input."""

from __future__ import annotations

import io
from email import message_from_bytes, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.cli.sendmail.arguments import Asked, BadUsage, Mode, parse
from correo.cli.sendmail.message import (
    TooBig,
    addresses,
    completed,
    phrase,
    read,
    recipients_of,
    with_domain,
)

ORIGIN = "example.org"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("-t -i", Asked(from_header=True, dots=False)),
        ("-ti", Asked(from_header=True, dots=False)),
        ("-oi -f a@b.c root", Asked(dots=False, sender="a@b.c", recipients=["root"])),
        ("-fa@b.c -- -odd@b.c", Asked(sender="a@b.c", recipients=["-odd@b.c"])),
        ("-r <> x@y", Asked(sender="", recipients=["x@y"])),
        ("-f Fred<a@b.c> x@y", Asked(sender="a@b.c", recipients=["x@y"])),
        ("-f <a@b.c x@y", Asked(sender="<a@b.c", recipients=["x@y"])),
        ("-FFred x@y", Asked(full_name="Fred", recipients=["x@y"])),
        (
            "-oem -oee -odb -O IgnoreDots=1 -v -m -n -U -G -h 3 -B8BITMIME -L tag x@y",
            Asked(recipients=["x@y"]),
        ),
        (
            "-N success,failure -R hdrs -V a=b x@y",
            Asked(notify="SUCCESS,FAILURE", ret="HDRS", envelope_id="a+3Db", recipients=["x@y"]),
        ),
        ("-N never x@y", Asked(notify="NEVER", recipients=["x@y"])),
        ("-C other.toml x@y", Asked(config="other.toml", recipients=["x@y"])),
        ("-bm x@y", Asked(recipients=["x@y"])),
        ("-bs", Asked(mode=Mode.TALK)),
        ("-bv x@y", Asked(mode=Mode.VERIFY, recipients=["x@y"])),
        ("-bp", Asked(mode=Mode.LIST)),
        ("-bi", Asked(mode=Mode.ALIASES)),
        ("-I", Asked(mode=Mode.ALIASES)),
        ("-q", Asked(mode=Mode.FLUSH)),
        ("-qIk3f9x2", Asked(mode=Mode.FLUSH, only="k3f9x2")),
        ("-qRfar.example", Asked(mode=Mode.FLUSH, only="far.example")),
        ("-q30m -d0.1 -t", Asked(from_header=True)),
    ],
)
def test_options(words: str, expected: Asked) -> None:
    assert parse("sendmail", words.split()) == expected


def test_the_name_of_the_program() -> None:
    assert parse("mailq", []).mode is Mode.LIST
    assert parse("mailq", ["-v"]).mode is Mode.LIST
    assert parse("newaliases", []).mode is Mode.ALIASES


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-bd", "correo serve"),
        ("-bh", "-bh"),
        ("-N sometimes x", "-N must be"),
        ("-N never,failure x", "never stands alone"),
        ("-qS x", "-qS"),
        ("-qR", "-qR"),
        ("-R half x", "-R must be"),
        ("-Z", "-Z"),
        ("-f", "-f"),
        ("--help", "help"),
        (f"-V {'x' * 101} y", "-V must have"),
    ],
)
def test_what_cannot_be_asked(words: str, said: str) -> None:
    with pytest.raises(BadUsage, match=said):
        parse("sendmail", words.split())


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(max_size=8) | st.from_regex(r"-[a-zA-Z]{1,3}", fullmatch=True), max_size=6))
def test_any_arguments_are_understood_or_refused(words: list[str]) -> None:
    try:
        asked = parse("sendmail", words)
    except BadUsage:
        return
    assert set(asked.recipients) <= set(words)


@pytest.mark.parametrize(
    ("written", "dots", "text"),
    [
        (b"a\nb\n", True, b"a\r\nb\r\n"),
        (b"a\r\nb", True, b"a\r\nb\r\n"),
        (b"a\n.\nb\n", True, b"a\r\n"),
        (b"a\n.\nb\n", False, b"a\r\n.\r\nb\r\n"),
        (b"a\r\n.\r\nb\r\n", True, b"a\r\n"),
        (b"a\n.", True, b"a\r\n"),
        (b".\na\n", True, b""),
        (b".", True, b""),
        (b"a\n..\n.b\n", True, b"a\r\n..\r\n.b\r\n"),
        (b"", True, b""),
        (b"10%\r20%\r\ndone\r", True, b"10%\r\n20%\r\ndone\r\n"),  # bars of progress, as cron catches them
        (b"a\r.\rb", True, b"a\r\n.\r\nb\r\n"),  # the end is a line of its own as the program means lines
        (b"a\0b\n.\0\n", True, b"ab\r\n.\r\n"),
    ],
)
def test_where_the_message_ends(written: bytes, dots: bool, text: bytes) -> None:
    assert read(io.BytesIO(written), dots=dots, most=1000) == text


def test_too_much_is_not_read_to_its_end() -> None:
    with pytest.raises(TooBig):
        read(io.BytesIO(b"x" * 2000), dots=True, most=1000)


def test_cron_gets_a_header_that_others_can_read() -> None:
    written = (
        b"From: root (Cron Daemon)\r\nTo: root, Ops <ops>, a@example.net\r\nSubject: Cron\r\n"
        b"X-Cron-Env: <HOME=/root>\r\n\r\noutput\r\n"
    )
    text = completed(written, b"root <root@example.org>", ORIGIN)
    assert text == (
        b"From: Cron Daemon <root@example.org>\r\n"
        b"To: root@example.org,\r\n Ops <ops@example.org>,\r\n a@example.net\r\n"
        b"Subject: Cron\r\nX-Cron-Env: <HOME=/root>\r\n\r\noutput\r\n"
    )
    assert with_domain(recipients_of(written), ORIGIN) == (
        "root@example.org",
        "ops@example.org",
        "a@example.net",
    )


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b"Subject: x\r\n\r\nb\r\n", b"From: A <a@b>\r\nSubject: x\r\n\r\nb\r\n"),
        (b"just text\r\n", b"From: A <a@b>\r\n\r\njust text\r\n"),
        (b"\r\ntext\r\n", b"From: A <a@b>\r\n\r\ntext\r\n"),
        (b"", b"From: A <a@b>\r\n\r\n"),
        (b"From x Mon\r\nFrom: c@d\r\n\r\nb\r\n", b"From: c@d\r\n\r\nb\r\n"),
        (b"FROM: c@d\r\nTo: team: a, b@c;\r\n\r\n", b"FROM: c@d\r\nTo: team: a, b@c;\r\n\r\n"),
        (b"From: c@d\r\n", b"From: c@d\r\n"),
    ],
)
def test_what_is_added_and_what_stays(written: bytes, text: bytes) -> None:
    assert completed(written, b"A <a@b>", ORIGIN) == text


def test_whom_the_header_names() -> None:
    header = (
        b'To: a@x, "B, C" <b@x>\r\nCc: team: c@x, d;\r\nBcc: e@x\r\nBcc: f@x\r\nX: g@x\r\n\r\nTo: h@x\r\n'
    )
    assert recipients_of(header) == ["a@x", "b@x", "c@x", "d", "e@x", "f@x"]
    assert recipients_of(b"Resent-To: r@x\r\n" + header) == ["r@x"]
    assert recipients_of(b"Subject: nobody\r\n\r\n") == []


def test_whom_the_newest_resending_names() -> None:
    """A block stands in front of those before it (RFC 5322 §3.6.6); to send to these again would be to send twice."""
    first = b"Resent-From: a@x\r\nResent-To: old@x\r\nResent-Date: x\r\n"
    newest = b"Resent-From: b@x\r\nResent-To: new@x\r\nResent-Cc: too@x\r\nResent-Bcc: bcc@x\r\n"
    rest = b"From: a@x\r\nTo: nobody@x\r\n\r\n"
    for between in (b"", b"Received: by x; y\r\n"):
        assert recipients_of(newest + between + first + rest) == ["new@x", "too@x", "bcc@x"]
    assert recipients_of(b"Received: by x; y\r\n" + newest + rest) == ["new@x", "too@x", "bcc@x"]
    assert recipients_of(b"Resent-From: b@x\r\nX-Tag: y\r\nresent-to: new@x\r\n" + rest) == ["new@x"]


def test_addresses_as_they_are_written_on_the_command_line() -> None:
    assert addresses(b"a@x,b@x") == ["a@x", "b@x"]
    assert addresses(b'Fred <fred@x>, "odd one"@x, root') == ["fred@x", '"odd one"@x', "root"]
    assert with_domain(["root", "a@x", "root"], ORIGIN) == ("root@example.org", "a@x")


@pytest.mark.parametrize(
    "name", ["Fred Smith", 'Fred "F." Smith', "Müller, Jörg", "a\\b", "ops@home", "root & co"]
)
def test_names_survive(name: str) -> None:
    text = b"From: " + phrase(name.encode()) + b" <a@example.org>\r\n\r\n"
    parsed = message_from_bytes(text, policy=policy.default)
    (author,) = parsed["From"].addresses
    assert (author.display_name, author.addr_spec) == (name, "a@example.org")


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=200))
def test_whatever_is_written_becomes_a_message(written: bytes) -> None:
    text = read(io.BytesIO(written), dots=True, most=1000)
    whole = completed(text, b"a@example.org", ORIGIN)
    assert b"\r\n" in whole
    assert all(isinstance(one, str) for one in recipients_of(whole))
