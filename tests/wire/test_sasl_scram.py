"""SCRAM-SHA-256 against the vector of RFC 7677 §3, and against another implementation's client."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scramp import ScramClient, ScramException

from correo.wire.sasl import (
    MECHANISMS,
    Challenge,
    Exchange,
    Finished,
    LookUp,
    Malformed,
    Rejected,
    ScramKeys,
    advance,
)
from correo.wire.sasl.saslprep import saslprep
from correo.wire.sasl.scram import MAX_NONCE

SALT = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
WITHOUT_PROOF = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
CLIENT_FINAL = WITHOUT_PROOF + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def keys(password: str) -> ScramKeys:
    return ScramKeys.derive(saslprep(password).encode(), SALT, 4096)


PENCIL = keys("pencil")


def opened(first: bytes = CLIENT_FIRST) -> Exchange:
    """An exchange that waits for the client's final message."""
    exchange = MECHANISMS["SCRAM-SHA-256"].start(first, SERVER_NONCE)
    assert isinstance(advance(exchange), LookUp)
    assert isinstance(advance(exchange, PENCIL), Challenge)
    return exchange


@pytest.mark.parametrize("initial", [CLIENT_FIRST, None])
def test_vector(initial: bytes | None) -> None:
    exchange = MECHANISMS["SCRAM-SHA-256"].start(initial, SERVER_NONCE)
    step = advance(exchange)
    if initial is None:
        assert step == Challenge(b"")
        step = advance(exchange, CLIENT_FIRST)
    assert step == LookUp("user")
    assert advance(exchange, PENCIL) == Challenge(SERVER_FIRST)
    assert advance(exchange, CLIENT_FINAL) == Finished("user", "", SERVER_FINAL)


def test_wrong_keys_are_rejected() -> None:
    exchange = MECHANISMS["SCRAM-SHA-256"].start(CLIENT_FIRST, SERVER_NONCE)
    advance(exchange)
    assert advance(exchange, keys("Pencil")) == Challenge(SERVER_FIRST)
    assert advance(exchange, CLIENT_FINAL) == Rejected("user")


@pytest.mark.parametrize(
    ("first", "login"),
    [
        (b"n,,n=user,r=abc", "user"),
        (b"y,,n=user,r=abc", "user"),
        (b"n,a=admin,n=user,r=abc", "user"),
        (b"n,,n=a=2Cb=3Dc,r=abc", "a,b=c"),
        (b"n,,n==3D2C,r=abc", "=2C"),
        ("n,,n=jürgen,r=abc".encode(), "jürgen"),
        (b"n,,n=user,r=abc,x=extension,y=another", "user"),
        (b"n,,n=user,r=" + b"a" * MAX_NONCE, "user"),
    ],
)
def test_first_message(first: bytes, login: str) -> None:
    assert advance(MECHANISMS["SCRAM-SHA-256"].start(first, SERVER_NONCE)) == LookUp(login)


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b",",
        b"n,,",
        b"n=user,r=abc",
        b"n,,n=user",
        b"n,,n=,r=abc",
        b"n,,r=abc,n=user",
        b"n,,m=x,n=user,r=abc",
        b"n,,n=us=er,r=abc",
        b"n,,n=us=2cer,r=abc",
        b"n,,n=us\0er,r=abc",
        b"n,,n=us\xffer,r=abc",
        b"n,admin,n=user,r=abc",
        b"n,a=,n=user,r=abc",
        b"n,,n=user,r=",
        b"n,,n=user,r=a b",
        "n,,n=user,r=é".encode(),
        b"n,,n=user,r=" + b"a" * (MAX_NONCE + 1),
        b"p=tls-unique,,n=user,r=abc",
        b"z,,n=user,r=abc",
        b"n,," + b"n=" + b"x" * 5000 + b",r=abc",
    ],
)
def test_first_message_malformed(first: bytes) -> None:
    assert isinstance(advance(MECHANISMS["SCRAM-SHA-256"].start(first, SERVER_NONCE)), Malformed)


@pytest.mark.parametrize(
    "final",
    [
        b"",
        WITHOUT_PROOF,
        WITHOUT_PROOF + b",p=!",
        CLIENT_FINAL.replace(b"biws", b"eSws"),
        CLIENT_FINAL.replace(b"r=rOpr", b"r=xOpr"),
        CLIENT_FINAL.replace(b"c=biws,", b""),
        CLIENT_FINAL + b",x=y",
        CLIENT_FINAL + b"A" * 5000,
    ],
)
def test_final_message_malformed(final: bytes) -> None:
    assert isinstance(advance(opened(), final), Malformed)


@pytest.mark.parametrize(
    "final",
    [
        WITHOUT_PROOF + b",p=",
        WITHOUT_PROOF + b",p=AAAA",
        WITHOUT_PROOF + b",p=" + b64encode(bytes(32)),
        WITHOUT_PROOF + b",x=y" + CLIENT_FINAL.removeprefix(WITHOUT_PROOF),  # the proof is of another text
    ],
)
def test_wrong_proof(final: bytes) -> None:
    assert advance(opened(), final) == Rejected("user")


def test_the_whole_header_is_bound() -> None:
    """A middleman who adds an authzid to the first message is found out by the last."""
    assert isinstance(advance(opened(CLIENT_FIRST.replace(b"n,,", b"n,a=admin,")), CLIENT_FINAL), Malformed)


# Passwords that the other side's SASLprep takes: letters of Unicode 3.2, spaces, ligatures, composed and not.
_PASSWORDS = st.text("abcXYZ019 ,=@é€ﬁＡ\u00a0\u0301ñ\u00ad", min_size=1, max_size=12).filter(
    lambda text: saslprep(text) != ""
)
_NAMES = st.text("abc019=,.@-é", min_size=1, max_size=12)


@given(name=_NAMES, password=_PASSWORDS, same=st.booleans())
@settings(deadline=None, max_examples=40)
def test_another_client(name: str, password: str, same: bool) -> None:
    client = ScramClient(["SCRAM-SHA-256"], name, password)
    exchange = MECHANISMS["SCRAM-SHA-256"].start(client.get_client_first().encode(), SERVER_NONCE)
    assert advance(exchange) == LookUp(saslprep(name))
    challenge = advance(exchange, keys(password if same else password + "x"))
    assert isinstance(challenge, Challenge)
    client.set_server_first(challenge.data.decode())
    end = advance(exchange, client.get_client_final().encode())
    if same:
        assert isinstance(end, Finished)
        client.set_server_final(end.final.decode())
    else:
        assert isinstance(end, Rejected)


def test_another_client_notices_a_wrong_server() -> None:
    client = ScramClient(["SCRAM-SHA-256"], "user", "pencil", c_nonce="rOprNGfwEbeRWgbNEkqO")
    assert client.get_client_first().encode() == CLIENT_FIRST
    client.set_server_first(SERVER_FIRST.decode())
    assert client.get_client_final().encode() == CLIENT_FINAL
    with pytest.raises(ScramException):
        client.set_server_final(SERVER_FINAL.decode().replace("v=6", "v=7"))
