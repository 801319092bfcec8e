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
        ("-bp", Asked(mode=Mode.LIST)),
        ("-bi", Asked(mode=Mode.ALIASES)),
        ("-q", Asked(mode=Mode.FLUSH)),
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
        ("-bv x@y", "-bv"),
        ("-N sometimes x", "-N must be"),
        ("-N never,failure x", "nothing else"),
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
