"""What domains publish about their TLS: MTA-STS records and policies, TLSA records, and the certificates that servers show."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz.target import APART, Target, fields, joined

from correo.dns.records import Tlsa
from correo.transport.policy import Failure
from correo.transport.policy.dane import MAX_RECORDS, failure, usable
from correo.transport.policy.sts import MAX_AGE, MAX_PATTERNS, BadPolicy, parse, record_id

TLSA = 35  # octets of one, with a digest of 32
NOW = 1_795_427_580_000_000


def run(octets: bytes) -> None:
    policy, record, tlsa, shown = fields(octets, 4)
    _policy(policy)
    for records in ([record], [record, record], [record, b"v=spf1"]):
        found = record_id(records)
        assert found is None or (found.isalnum() and len(found) <= 32)
    assert record_id([record, record]) is None, "of two records neither counts"
    found_records = [_tlsa(tlsa[at : at + TLSA]) for at in range(0, len(tlsa), TLSA)]
    good = usable(found_records)
    assert len(good) <= min(len(found_records), MAX_RECORDS)
    assert usable(good) == good
    assert isinstance(failure(good, [shown, shown], ("mx.there.example",), NOW), Failure), (
        "octets of anybody prove a server"
    )


def _tlsa(octets: bytes) -> Tlsa:
    usage, selector, matching = octets[:3].ljust(3, b"\1")
    return Tlsa(usage, selector, matching, octets[3:])


def _policy(octets: bytes) -> None:
    try:
        policy = parse(octets)
    except BadPolicy as bad:
        assert str(bad).isprintable()
        return
    assert 0 <= policy.max_age <= MAX_AGE
    assert len(policy.mx) <= MAX_PATTERNS
    lines = [
        "version: STSv1",
        f"mode: {policy.mode.value}",
        *(f"mx: {name}" for name in policy.mx),
        f"max_age: {policy.max_age}",
    ]
    assert parse("\r\n".join(lines).encode()) == policy
    for name in policy.mx:
        plain = name.removeprefix("*.")
        assert policy.allows(f"a.{plain}" if name != plain else plain)
        if name != plain:
            assert not policy.allows(f"b.a.{plain}") or any(
                f"a.{plain}" in (other, other[2:]) for other in policy.mx
            )


def seeds() -> Iterator[bytes]:
    policy = b"version: STSv1\r\nmode: enforce\r\nmx: mx.there.example\r\nmx: *.there.example\r\nmax_age: 604800\r\n"
    yield joined(
        policy, b"v=STSv1; id=20261123T000000;", b"\3\1\1" + b"x" * 32 + b"\3\1\2" + b"y" * 64, b"0\x82\1\0"
    )
    yield joined(
        policy.replace(b"enforce", b"none").replace(b"\r\n", b"\n"), b"v=STSv1;id=a", b"\2\0\0" + b"0" * 32
    )
    yield joined(
        b"version: STSv1\nmode: testing\nmx: m\xc3\xbcller.example\nmax_age: 99999999999",
        b"v=STSv1 ; x; id = b",
    )


TARGET = Target(
    "policies", ("correo.transport.policy.sts", "correo.transport.policy.dane"), run, seeds,
    (APART, b"version: STSv1\n", b"mode: ", b"mx: ", b"*.", b"max_age: ", b"v=STSv1;", b"id=", b"\n", b"xn--", b"\3\1\1", b"\2\0\1"),
)  # fmt: skip
