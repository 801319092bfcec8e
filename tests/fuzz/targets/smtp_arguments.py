"""What stands behind the commands of SMTP: addresses, parameters, xtext; read, written, and read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.fuzz.target import Target

from correo.mail.address import MAX_PATH, Address, BadAddress, fold_domain
from correo.mail.instant import parse_duration
from correo.wire.smtp import dsn, syntax, terms, xclient
from correo.wire.smtp.syntax import BadSyntax

PARSERS: tuple[Callable[[str], object], ...] = (
    syntax.parse_reverse_path, syntax.parse_forward_path, syntax.parse_parameters, syntax.parse_host, syntax.parse_nothing,
    dsn.parse_return, dsn.parse_envelope_id, dsn.parse_notify, dsn.parse_original,
    terms.parse_hold_for, terms.parse_hold_until, terms.parse_by, terms.parse_priority, xclient.parse_xclient,
)  # fmt: skip
MAX_WORDS = 200  # characters that a client is told about what is wrong


def run(octets: bytes) -> None:
    text = octets.decode("utf-8", "replace")
    for parse in PARSERS:
        try:
            parse(text)
        except BadSyntax as bad:
            assert 500 <= bad.code < 560
            assert bad.text.isprintable()
            assert len(bad.text) < MAX_WORDS + syntax.MAX_PARAMETERS * 40 or "twice" in bad.text
    written_again(text)
    for word in text.split():
        parameters_again(word)
    syntax.decode_base64(octets)
    syntax.decode_initial_response(text)
    try:
        assert parse_duration(text) >= 0
    except ValueError:
        pass


def written_again(text: str) -> None:
    """An address that was read and written is the same address."""
    try:
        address = Address.parse(text)
    except BadAddress:
        return
    assert len(text.encode()) <= MAX_PATH
    again = Address.parse(str(address))
    assert again == address
    assert fold_domain(address.host) == address.host
    assert f"{address.user}@{address.host}" == address.folded
    plain = address.in_a_labels
    assert plain.folded == address.folded
    if address.ascii:
        assert str(plain).isascii()
    sender, parameters = syntax.parse_reverse_path(f"FROM:<{address}> SIZE=1")
    assert (sender, dict(parameters)) == (address, {"SIZE": "1"}), (
        "an address of ours is not read back in a path"
    )


def parameters_again(word: str) -> None:
    try:
        by = terms.parse_by(word)
        assert terms.parse_by(terms.by_words(by)) == by
    except BadSyntax:
        pass
    try:
        notify = dsn.parse_notify(word)
        assert dsn.parse_notify(dsn.notify_words(notify)) == notify
    except BadSyntax:
        pass
    if (found := dsn.original_recipient(word)) is not None:
        assert dsn.original_recipient(dsn.in_ascii(word)) == found, (
            "another recipient where there is no SMTPUTF8"
        )
    if (instant := terms.parse_date_time(word)) is not None and instant >= 0:
        try:
            shown = terms.show_date_time(instant)
        except OverflowError:
            raise AssertionError(f"{word} is taken, and cannot be told again") from None
        assert terms.parse_date_time(shown) == instant


def seeds() -> Iterator[bytes]:
    yield from (
        b"FROM:<>", b"FROM:<alice@example.org> SIZE=9 BODY=8BITMIME SMTPUTF8", b"TO:<Postmaster>", b'TO:<"a b\\"c"@example.org>',
        b"TO:<@a.example,@b.example:bob@c.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob+40c.example", b"FROM: alice@example.org",
        b"a@[192.0.2.1]", b"a@[IPv6:2001:db8::1]", "gr\u00fc\u00dfe@m\u00fcller.example".encode(), b"utf-8;gr\\x{FC}n@example.org",
        "utf-8;gr\u00fcn@example.org".encode(), b"2026-11-24T08:00:00.5+01:00", b"9999-12-31T23:59:60Z", b"0001-01-01T00:00:00+23:59",
        b"60;RT", b"-1;N", b"-9", b"ADDR=IPV6:::ffff:192.0.2.1 PORT=25 LOGIN=a+40b PROTO=ESMTP DESTADDR=::1 DESTPORT=25 NAME=[UNAVAILABLE]",
        b"RET=FULL ENVID=a+20b HOLDFOR=60 HOLDUNTIL=2026-11-24T08:00:00Z BY=60;R MT-PRIORITY=3", b"AGEAYg==", b"1h30m",
        "a@\u0634.example".encode(), b'"\\\\"@example.org', b"a@xn--mller-kva.example", b"NEVER", b"SUCCESS,FAILURE",
    )  # fmt: skip


TARGET = Target(
    "smtp-arguments",
    ("correo.wire.smtp.syntax", "correo.wire.smtp.dsn", "correo.wire.smtp.terms", "correo.wire.smtp.xclient", "correo.mail.address"),
    run, seeds,
    (b"FROM:<", b"TO:<", b">", b"@", b"NOTIFY=", b"ORCPT=", b"rfc822;", b"utf-8;", b"\\x{", b"}", b"+2B", b"xn--", b"[IPv6:", b"[", b"]",
     b"\xe2\x80\x8d", b"\xc3\x9f", b"T00:00:00Z", b";R", b"ADDR=", b"[UNAVAILABLE]", b"\xef\xbc\x8e"),
)  # fmt: skip
