"""SCRAM against the vectors of RFC 5802 §5 and RFC 7677 §3, and against another implementation's client."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scramp import ScramClient, ScramException

from correo.wire.sasl import (
    MECHANISMS,
    Challenge,
    Channel,
    Exchange,
    Finished,
    LookUp,
    Malformed,
    Opening,
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
    exchange = MECHANISMS["SCRAM-SHA-256"].start(Opening(first, SERVER_NONCE))
    assert isinstance(advance(exchange), LookUp)
    assert isinstance(advance(exchange, PENCIL), Challenge)
    return exchange


@pytest.mark.parametrize("initial", [CLIENT_FIRST, None])
def test_vector(initial: bytes | None) -> None:
    exchange = MECHANISMS["SCRAM-SHA-256"].start(Opening(initial, SERVER_NONCE))
    step = advance(exchange)
    if initial is None:
        assert step == Challenge(b"")
        step = advance(exchange, CLIENT_FIRST)
    assert step == LookUp("user")
    assert advance(exchange, PENCIL) == Challenge(SERVER_FIRST)
    assert advance(exchange, CLIENT_FINAL) == Finished("user", "", SERVER_FINAL)


def test_wrong_keys_are_rejected() -> None:
    exchange = MECHANISMS["SCRAM-SHA-256"].start(Opening(CLIENT_FIRST, SERVER_NONCE))
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
    assert advance(MECHANISMS["SCRAM-SHA-256"].start(Opening(first, SERVER_NONCE))) == LookUp(login)


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
        b"n,,n=user,r=abc,m=x",
        b"n,,n=user,r=abc,x=y,m=x",
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
    assert isinstance(advance(MECHANISMS["SCRAM-SHA-256"].start(Opening(first, SERVER_NONCE))), Malformed)


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
        WITHOUT_PROOF + b",m=x" + CLIENT_FINAL.removeprefix(WITHOUT_PROOF),
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


def test_vector_sha1() -> None:
    """RFC 5802 §5."""
    first = b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"
    exchange = MECHANISMS["SCRAM-SHA-1"].start(Opening(first, "3rfcNHYJY1ZVvWVs7j"))
    assert advance(exchange) == LookUp("user", "sha1")
    keys = ScramKeys.derive(b"pencil", b64decode("QSXCR+Q6sek8bf92"), 4096, "sha1")
    nonce = b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j"
    assert advance(exchange, keys) == Challenge(nonce + b",s=QSXCR+Q6sek8bf92,i=4096")
    final = b"c=biws," + nonce + b",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    assert advance(exchange, final) == Finished("user", "", b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")


# -- channel binding -----------------------------------------------------------------------------------------------------

BINDINGS = {"tls-unique": b"what is unique, with \0 and \xff", "tls-server-end-point": bytes(32)}
BOUND = Channel(tls=True, passwords=True, bindings=BINDINGS)
OFFERED = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")


def bound(first: bytes, mechanism: str = "SCRAM-SHA-256-PLUS") -> Exchange:
    return MECHANISMS[mechanism].start(Opening(first, SERVER_NONCE, BOUND, OFFERED))


@pytest.mark.parametrize("digest", ["SHA-256", "SHA-1"])
@pytest.mark.parametrize("kind", sorted(BINDINGS))
@pytest.mark.parametrize("same", [True, False])
def test_plus_with_another_client(digest: str, kind: str, same: bool) -> None:
    """`same`: client and server are at the ends of one TLS connection."""
    name = f"SCRAM-{digest}-PLUS"
    data = BINDINGS[kind] if same else b"what somebody in the middle has"
    client = ScramClient([name], "user", "pencil", channel_binding=(kind, data))
    exchange = bound(client.get_client_first().encode(), name)
    step = advance(exchange)
    assert isinstance(step, LookUp)
    challenge = advance(exchange, ScramKeys.derive(b"pencil", SALT, 4096, step.digest))
    assert isinstance(challenge, Challenge)
    client.set_server_first(challenge.data.decode())
    end = advance(exchange, client.get_client_final().encode())
    if same:
        assert isinstance(end, Finished)
        client.set_server_final(end.final.decode())
    else:
        assert isinstance(end, Malformed)


@pytest.mark.parametrize("flag", [b"n", b"y", b"p", b"p=", b"p=tls-exporter", b"p=TLS-UNIQUE", b""])
def test_plus_needs_a_binding_that_there_is(flag: bytes) -> None:
    assert isinstance(advance(bound(flag + b",,n=user,r=abc")), Malformed)


def test_who_believes_that_there_is_no_binding_was_deceived() -> None:
    """RFC 5802 §6: "y" is the word of a client that could bind; to it the -PLUS forms were not shown."""
    first = b"y,,n=user,r=abc"
    assert isinstance(advance(bound(first, "SCRAM-SHA-256")), Malformed)
    assert isinstance(advance(bound(first, "SCRAM-SHA-1")), Malformed)
    there_are_none = Opening(first, SERVER_NONCE, BOUND, ("SCRAM-SHA-256",))
    assert advance(MECHANISMS["SCRAM-SHA-256"].start(there_are_none)) == LookUp("user")
    assert advance(bound(b"n,,n=user,r=abc", "SCRAM-SHA-256")) == LookUp("user")


def test_binding_data_belongs_to_the_header() -> None:
    """Nobody gets through by repeating the header without the data, or with that of the other type."""
    for data in (b"", BINDINGS["tls-unique"], BINDINGS["tls-server-end-point"][:-1]):
        exchange = bound(b"p=tls-server-end-point,,n=user,r=abc")
        advance(exchange)
        advance(exchange, PENCIL)
        header = b64encode(b"p=tls-server-end-point,," + data)
        final = b"c=" + header + b",r=abc" + SERVER_NONCE.encode() + b",p=" + b64encode(bytes(32))
        assert isinstance(advance(exchange, final), Malformed)


# Passwords that the other side's SASLprep takes: letters of Unicode 3.2, spaces, ligatures, composed and not.
_PASSWORDS = st.text("abcXYZ019 ,=@é€ﬁＡ\u00a0\u0301ñ\u00ad", min_size=1, max_size=12).filter(
    lambda text: saslprep(text) != ""
)
_NAMES = st.text("abc019=,.@-é", min_size=1, max_size=12)


@given(name=_NAMES, password=_PASSWORDS, same=st.booleans())
@settings(deadline=None, max_examples=40)
def test_another_client(name: str, password: str, same: bool) -> None:
    client = ScramClient(["SCRAM-SHA-256"], name, password)
    exchange = MECHANISMS["SCRAM-SHA-256"].start(Opening(client.get_client_first().encode(), SERVER_NONCE))
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
