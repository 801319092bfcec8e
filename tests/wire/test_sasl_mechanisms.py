"""PLAIN, LOGIN and the table of mechanisms; whatever a client sends, an exchange ends and raises nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.sasl import (
    MECHANISMS,
    Ask,
    BadToken,
    Challenge,
    Channel,
    CheckPassword,
    CheckToken,
    CramKeys,
    Digest,
    End,
    Keys,
    LookUp,
    Malformed,
    Opening,
    Rejected,
    ScramKeys,
    TokenOwner,
    Vouched,
    advance,
    offered,
)
from correo.wire.sasl.oauth import MAX_TOKEN_MESSAGE
from correo.wire.sasl.steps import MAX_MESSAGE

NONCE = "fyko+d2lbbFgONRv9qkxdawL"
KEYS = ScramKeys.derive(b"secret", b"0123456789abcdef", 4096)
KEYS_SHA1 = ScramKeys.derive(b"secret", b"0123456789abcdef", 4096, "sha1")
KEYS_FOR: dict[Digest, Keys] = {"md5": CramKeys.derive(b"secret"), "sha1": KEYS_SHA1, "sha256": KEYS}
BINDINGS = {"tls-unique": b"unique", "tls-server-end-point": b"end point"}
FULL = Channel(tls=True, passwords=True, bindings=BINDINGS, certificate=("tim@example.com", "t@example.org"))
ALL = offered(FULL, MECHANISMS)
GOOD, BAD = (
    "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
    BadToken("invalid_token", "mail", "https://id.example"),
)


def run(mechanism: str, initial: bytes | None, *answers: bytes) -> list[Ask | End]:
    """Every step of an exchange, with `answers` to its challenges."""
    exchange = MECHANISMS[mechanism].start(Opening(initial, NONCE, FULL, ALL))
    waiting = list(answers)
    steps = [advance(exchange)]
    while isinstance(step := steps[-1], Challenge | LookUp | CheckToken):
        if isinstance(step, LookUp):
            steps.append(advance(exchange, KEYS_FOR[step.digest]))
        elif isinstance(step, CheckToken):
            steps.append(advance(exchange, TokenOwner("tim") if step.token == GOOD else BAD))
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


def test_external() -> None:
    names = ("tim@example.com", "t@example.org")
    assert run("EXTERNAL", b"") == [Vouched(names, "")]
    assert run("EXTERNAL", None, b"t@example.org") == [Challenge(b""), Vouched(names, "t@example.org")]
    for message in (b"\xff", b"a\0b", b"x" * (MAX_MESSAGE + 1)):
        assert isinstance(run("EXTERNAL", message)[-1], Malformed)


@pytest.mark.parametrize(
    ("message", "login"),
    [
        # RFC 7628 §4.1
        (
            b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer "
            + GOOD.encode()
            + b"\x01\x01",
            "user@example.com",
        ),
        (b"n,,\x01auth=bearer  " + GOOD.encode() + b"\x01\x01", ""),
        (b"y,a=a=2Cb=3Dc,\x01auth=BEARER " + GOOD.encode() + b"\x01\x01", "a,b=c"),
    ],
)
def test_oauthbearer(message: bytes, login: str) -> None:
    assert run("OAUTHBEARER", message) == [CheckToken(GOOD, login), Vouched(("tim",), login)]
    assert run("OAUTHBEARER", None, message)[0] == Challenge(b"")


@pytest.mark.parametrize("dummy", [b"\x01", b"", b"anything"])
def test_oauthbearer_tells_why_a_token_is_refused(dummy: bytes) -> None:
    """RFC 7628 §3.2.2, §3.2.3: an error, a dummy response, a failure."""
    *_, error, end = run("OAUTHBEARER", b"n,a=tim,\x01auth=Bearer none\x01\x01", dummy)
    assert isinstance(error, Challenge)
    assert json.loads(error.data) == {
        "status": "invalid_token",
        "scope": "mail",
        "openid-configuration": "https://id.example",
    }
    assert end == Rejected("tim", "invalid_token")


@pytest.mark.parametrize(
    "pairs", [b"", b"host=a\x01", b"auth=\x01", b"auth=Basic AAAA\x01", b"auth=Bearer a b\x01"]
)
def test_without_a_token_the_client_learns_where_to_get_one(pairs: bytes) -> None:
    """RFC 7628 §4.3."""
    step = run("OAUTHBEARER", b"n,,\x01" + pairs + b"\x01" if pairs else b"n,,\x01\x01")[0]
    assert step == CheckToken("", "")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x01",
        b"\x01\x01",
        b"n,a=tim\x01auth=Bearer x\x01\x01",
        b"n,a=tim,\x01auth=Bearer x\x01",
        b"n,a=tim,x\x01auth=Bearer x\x01\x01",
        b"n,a=,\x01auth=Bearer x\x01\x01",
        b"n,tim,\x01auth=Bearer x\x01\x01",
        b"p=tls-unique,a=tim,\x01auth=Bearer x\x01\x01",
        b"n,a=tim,\x01auth=Bearer x\x01auth=Bearer y\x01\x01",
        b"n,a=tim,\x01auth\x01\x01",
        b"n,a=tim,\x01auth=Bearer \xff\x01\x01",
        b"n,a=tim,\x01auth=Bearer \0\x01\x01",
        b"n,a=tim,\x01auth=Bearer " + b"x" * MAX_TOKEN_MESSAGE + b"\x01\x01",
    ],
)
def test_oauthbearer_malformed(message: bytes) -> None:
    assert isinstance(run("OAUTHBEARER", message)[-1], Malformed)


def test_xoauth2() -> None:
    message = b"user=someuser@example.com\x01auth=Bearer " + GOOD.encode() + b"\x01\x01"
    asked = CheckToken(GOOD, "someuser@example.com")
    assert run("XOAUTH2", message) == [asked, Vouched(("tim",), "someuser@example.com")]
    *_, error, end = run("XOAUTH2", message.replace(b"vF9", b"vF8"), b"")
    assert isinstance(error, Challenge)
    assert json.loads(error.data) == {"status": "401", "schemes": "bearer", "scope": "mail"}
    assert end == Rejected("someuser@example.com", "invalid_token")
    for message in (
        b"user=\x01auth=Bearer x\x01\x01",
        b"tim\x01auth=Bearer x\x01\x01",
        b"user=tim\x01auth=Bearer x",
    ):
        assert isinstance(run("XOAUTH2", message)[-1], Malformed)


def test_table() -> None:
    assert [row.name for row in MECHANISMS.values()] == list(MECHANISMS)
    assert tuple(MECHANISMS) == ALL
    scram = ("SCRAM-SHA-256", "SCRAM-SHA-1")
    assert offered(Channel(tls=False, passwords=False), MECHANISMS) == (*scram, "CRAM-MD5")
    assert offered(Channel(tls=False, passwords=True), MECHANISMS) == (*scram, "PLAIN", "LOGIN", "CRAM-MD5")
    plain = ("OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN")
    assert offered(Channel(tls=True, passwords=True), MECHANISMS) == (*scram, *plain, "CRAM-MD5")
    assert offered(FULL, {"LOGIN", "PLAIN"}) == ("PLAIN", "LOGIN")
    assert offered(FULL, {"SCRAM-SHA-1-PLUS"}) == ("SCRAM-SHA-1-PLUS",)
    assert offered(Channel(tls=False, passwords=False), {"PLAIN"}) == ()


def test_secrets_stay_out_of_repr() -> None:
    assert GOOD not in repr(CheckToken(GOOD, "tim"))
    assert "unique" not in repr(FULL)
    assert "tanstaaf" not in repr(CheckPassword("tim", "", "tanstaaf"))
    assert repr(KEYS.stored_key) not in repr(KEYS)


# Octets near what the mechanisms expect, so that the fuzz gets past the first check.
_WORDS = b"n,, y, p=tls-unique,, \x01 auth=Bearer user= \x01\x01 n= r= a= user c=biws p= , =2C =3D = \0 \xff AAAA m=x \xc3\xa9".split(
    b" "
)
_NEAR = st.lists(st.sampled_from([*_WORDS, NONCE.encode()]), max_size=12).map(b"".join)
_ANSWERS = st.binary(max_size=60) | _NEAR


@pytest.mark.parametrize("mechanism", list(MECHANISMS))
@given(initial=st.none() | _ANSWERS, answers=st.lists(_ANSWERS, min_size=3, max_size=3))
@settings(deadline=None, max_examples=300)
def test_nothing_a_client_sends_raises(mechanism: str, initial: bytes | None, answers: list[bytes]) -> None:
    end = run(mechanism, initial, *answers)[-1]
    if mechanism == "EXTERNAL":
        assert isinstance(end, Vouched | Malformed)
    else:  # by chance nobody finds a proof or a token
        assert isinstance(end, CheckPassword | Malformed | Rejected)


@given(
    closing=st.builds(
        lambda middle, proof: b"c=biws,r=abc" + NONCE.encode() + middle + b",p=" + proof, _ANSWERS, _ANSWERS
    )
)
@settings(deadline=None, max_examples=300)
def test_no_proof_is_found_by_chance(closing: bytes) -> None:
    assert isinstance(run("SCRAM-SHA-256", b"n,,n=user,r=abc", closing)[-1], Malformed | Rejected)
