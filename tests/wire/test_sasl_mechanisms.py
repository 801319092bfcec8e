"""PLAIN, LOGIN and the table of mechanisms; whatever a client sends, an exchange ends and raises nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.sasl import (
    MECHANISMS,
    Ask,
    Challenge,
    CheckPassword,
    End,
    LookUp,
    Malformed,
    Rejected,
    ScramKeys,
    advance,
    offered,
)
from correo.wire.sasl.steps import MAX_MESSAGE

NONCE = "fyko+d2lbbFgONRv9qkxdawL"
KEYS = ScramKeys.derive(b"secret", b"0123456789abcdef", 4096)


def run(mechanism: str, initial: bytes | None, *answers: bytes) -> list[Ask | End]:
    """Every step of an exchange, with `answers` to its challenges."""
    exchange = MECHANISMS[mechanism].start(initial, NONCE)
    waiting = list(answers)
    steps = [advance(exchange)]
    while isinstance(steps[-1], Challenge | LookUp):
        if isinstance(steps[-1], LookUp):
            steps.append(advance(exchange, KEYS))
        elif waiting:
            steps.append(advance(exchange, waiting.pop(0)))
        else:
            break
    return steps


@pytest.mark.parametrize(
    ("message", "end"),
    [
        (b"\0tim\0tanstaaftanstaaf", CheckPassword("tim", "", "tanstaaftanstaaf")),  # RFC 4616 §4
        (b"Ursel\0Kurt\0xipj3plmq", CheckPassword("Kurt", "Ursel", "xipj3plmq")),
        (
            "\0jürgen@münchen.example\0paß wort".encode(),
            CheckPassword("jürgen@münchen.example", "", "paß wort"),
        ),
        (b"\0tim\0" + b"x" * 1024, CheckPassword("tim", "", "x" * 1024)),
    ],
)
def test_plain(message: bytes, end: CheckPassword) -> None:
    assert run("PLAIN", message) == [end]
    assert run("PLAIN", None, message) == [Challenge(b""), end]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"tim",
        b"tim\0secret",
        b"\0\0secret",
        b"\0tim\0",
        b"\0tim\0sec\0ret",
        b"\0t\xefm\0secret",
        b"\0tim\0" + b"x" * MAX_MESSAGE,
    ],
)
def test_plain_malformed(message: bytes) -> None:
    assert isinstance(run("PLAIN", message)[-1], Malformed)


def test_login() -> None:
    end = CheckPassword("tim", "", "tanstaaf")
    assert run("LOGIN", None, b"tim", b"tanstaaf") == [Challenge(b"Username:"), Challenge(b"Password:"), end]
    assert run("LOGIN", b"tim", b"tanstaaf") == [Challenge(b"Password:"), end]


@pytest.mark.parametrize(
    ("login", "password"),
    [
        (b"", b"x"),
        (b"x", b""),
        (b"x\0", b"x"),
        (b"x", b"\0x"),
        (b"\xff", b"x"),
        (b"x" * (MAX_MESSAGE + 1), b"x"),
    ],
)
def test_login_malformed(login: bytes, password: bytes) -> None:
    assert isinstance(run("LOGIN", login, password)[-1], Malformed)


def test_table() -> None:
    assert [row.name for row in MECHANISMS.values()] == list(MECHANISMS)
    assert offered(encrypted=True) == ("SCRAM-SHA-256", "PLAIN", "LOGIN")
    assert offered(encrypted=False) == ("SCRAM-SHA-256",)
    assert offered(encrypted=True, allowed={"LOGIN", "PLAIN"}) == ("PLAIN", "LOGIN")
    assert offered(encrypted=False, allowed={"PLAIN"}) == ()


def test_passwords_stay_out_of_repr() -> None:
    assert "tanstaaf" not in repr(CheckPassword("tim", "", "tanstaaf"))
    assert repr(KEYS.stored_key) not in repr(KEYS)


# Octets near what the mechanisms expect, so that the fuzz gets past the first check.
_WORDS = b"n,, y, n= r= a= user c=biws p= , =2C =3D = \0 \xff AAAA m=x \xc3\xa9".split(b" ")
_NEAR = st.lists(st.sampled_from([*_WORDS, NONCE.encode()]), max_size=12).map(b"".join)
_ANSWERS = st.binary(max_size=60) | _NEAR


@pytest.mark.parametrize("mechanism", list(MECHANISMS))
@given(initial=st.none() | _ANSWERS, answers=st.lists(_ANSWERS, min_size=3, max_size=3))
@settings(deadline=None, max_examples=300)
def test_nothing_a_client_sends_raises(mechanism: str, initial: bytes | None, answers: list[bytes]) -> None:
    end = run(mechanism, initial, *answers)[-1]
    assert isinstance(end, CheckPassword | Malformed | Rejected)


@given(
    closing=st.builds(
        lambda middle, proof: b"c=biws,r=abc" + NONCE.encode() + middle + b",p=" + proof, _ANSWERS, _ANSWERS
    )
)
@settings(deadline=None, max_examples=300)
def test_no_proof_is_found_by_chance(closing: bytes) -> None:
    assert isinstance(run("SCRAM-SHA-256", b"n,,n=user,r=abc", closing)[-1], Malformed | Rejected)
