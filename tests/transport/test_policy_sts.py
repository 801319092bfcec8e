"""What a domain publishes by MTA-STS, read: RFC 8461 §3."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.transport.policy.sts import (
    MAX_AGE,
    MAX_PATTERNS,
    MAX_POLICY,
    BadPolicy,
    Mode,
    StsPolicy,
    parse,
    record_id,
)

GOOD = b"version: STSv1\r\nmode: enforce\r\nmx: mx.there.example\r\nmx: *.mail.example\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([b"v=STSv1; id=20260101T1;"], "20260101T1"),
        ([b"v=STSv1;id=1"], "1"),
        ([b"v=STSv1 ; x=y; id=1 ; z=\xc3\xa4"], "1"),
        ([b"v=spf1 -all", b"v=STSv1; id=1;"], "1"),
        ([], None),
        ([b"v=STSv1; id=1;", b"v=STSv1; id=2;"], None),
        ([b"v=STSv1;"], None),
        ([b"v=STSv1; id=;"], None),
        ([b"v=STSv1; id=a-b;"], None),
        ([b"v=STSv1; id=" + b"1" * 33], None),
        ([b"v=STSv11; id=1;"], None),
        ([b"id=1; v=STSv1;"], None),
        ([b" v=STSv1; id=1;"], None),
        ([b"\xff\xfe"], None),
    ],
)
def test_record(records: list[bytes], found: str | None) -> None:
    assert record_id(records) == found


def test_a_policy() -> None:
    assert parse(GOOD) == StsPolicy(Mode.ENFORCE, ("mx.there.example", "*.mail.example"), 604800)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        (GOOD.replace(b"\r\n", b"\n"), StsPolicy(Mode.ENFORCE, ("mx.there.example", "*.mail.example"), 604800)),
        (b"version:STSv1\nmode:testing\nmx:MX.There.Example.\nmax_age:1", StsPolicy(Mode.TESTING, ("mx.there.example",), 1)),
        (b"version: STSv1\nmode: none\nmax_age: 86400\n\n", StsPolicy(Mode.NONE, (), 86400)),
        (b"version: STSv1\nmode: none\nmode: enforce\nnews: \xc3\xa4\nmax_age: 1", StsPolicy(Mode.NONE, (), 1)),
        (b"version: STSv1\nmode: none\nmax_age: 9999999999", StsPolicy(Mode.NONE, (), MAX_AGE)),
    ],
)  # fmt: skip
def test_ways_to_write_it(text: bytes, policy: StsPolicy) -> None:
    assert parse(text) == policy


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>no such page</html>",
        GOOD.replace(b"STSv1", b"STSv2"),
        GOOD.replace(b"version: STSv1\r\n", b""),
        GOOD.replace(b"enforce", b"strict"),
        GOOD.replace(b"mode: enforce\r\n", b""),
        GOOD.replace(b"604800", b"-1"),
        GOOD.replace(b"604800", b"12345678901"),
        GOOD.replace(b"604800", "٣".encode()),
        GOOD.replace(b"max_age: 604800\r\n", b""),
        GOOD.replace(b"*.mail.example", b"*"),
        GOOD.replace(b"*.mail.example", b"mx.*.example"),
        GOOD.replace(b"*.mail.example", b""),
        b"version: STSv1\nmode: enforce\nmax_age: 1\n",
        GOOD + b"nonsense\r\n",
        GOOD + b"\xff: \xff\r\n",
        GOOD + b"mx: a.example\r\n" * MAX_PATTERNS,
        GOOD + b" " * MAX_POLICY,
    ],
)
def test_no_policy(text: bytes) -> None:
    with pytest.raises(BadPolicy):
        parse(text)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("mx.there.example", True),
        ("mx.mail.example", True),
        ("mail.example", False),
        ("a.mx.mail.example", False),
        ("there.example", False),
        ("example", False),
    ],
)
def test_a_star_is_one_label(host: str, allowed: bool) -> None:
    assert parse(GOOD).allows(host) is allowed


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(st.sampled_from([*GOOD.split(b"\r\n"), b":", b"mx: \x00"])).map(b"\n".join),
    )
)
def test_hostile_octets_are_a_policy_or_none(octets: bytes) -> None:
    record_id([octets])
    try:
        policy = parse(octets)
    except BadPolicy:
        return
    assert 0 <= policy.max_age <= MAX_AGE
    assert policy.mode is Mode.NONE or policy.mx
