"""Every SASL mechanism: an exchange ends, raises nothing, and nobody proves by chance what he does not know."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz.target import APART, Target, fields, joined

from correo.wire.sasl import (
    MECHANISMS,
    BadToken,
    Challenge,
    Channel,
    CheckPassword,
    CheckToken,
    CramKeys,
    Finished,
    LookUp,
    Malformed,
    Opening,
    Rejected,
    ScramKeys,
    Vouched,
    advance,
)
from correo.wire.sasl.steps import Answer

NONCE = "rOprNGfwEbeRWgbNEkqO"
CHANNEL = Channel(
    tls=True, passwords=True, bindings={"tls-exporter": b"x" * 32}, certificate=("ana@here.example",)
)
KEYS = {
    digest: ScramKeys.derive(b"a secret nobody guesses", b"0123456789abcdef", 4, digest)
    for digest in ("sha1", "sha256")
}
CRAM = CramKeys.derive(b"a secret nobody guesses")
MOST_STEPS = 12  # of any mechanism


def run(octets: bytes) -> None:
    name, *said = fields(octets, 5)
    for row in MECHANISMS.values():
        if name in (b"", row.name.encode()):
            for initial in (None, b"", said[0]):
                _exchange(row.name, initial, said if initial is None else said[1:])


def _exchange(name: str, initial: bytes | None, said: list[bytes]) -> None:
    exchange = MECHANISMS[name].start(Opening(initial, NONCE, CHANNEL, tuple(MECHANISMS), "here.example"))
    waiting = [*said, b""]
    answer: Answer | None = None
    for _ in range(MOST_STEPS):
        step = advance(exchange, answer)
        match step:
            case Challenge(data):
                assert isinstance(data, bytes)
                answer = waiting.pop(0) if waiting else b""
            case LookUp(login, digest):
                assert login
                answer = CRAM if digest == "md5" else KEYS[digest]
            case CheckToken():
                answer = BadToken("invalid_token", "mail", "https://id.example/x")
            case Finished():
                raise AssertionError("somebody proved that he knows a secret that was never told")
            case Vouched(logins):
                assert name == "EXTERNAL"
                assert logins == CHANNEL.certificate
                return
            case CheckPassword() | Rejected() | Malformed():
                assert "secret nobody" not in repr(step)
                return
    raise AssertionError("the exchange has no end")


def seeds() -> Iterator[bytes]:
    for name in MECHANISMS:
        first = "p=tls-exporter,,n=user,r=abc" if name.endswith("-PLUS") else "n,,n=user,r=abc"
        yield joined(name, first, f"c=biws,r=abc{NONCE},p=AAAA", "x")
    bearer = "n,a=ana@here.example,\x01host=x\x01port=143\x01auth=Bearer token\x01\x01"
    yield joined("OAUTHBEARER", bearer, "\x01")
    yield joined("XOAUTH2", "user=ana\x01auth=Bearer token\x01\x01", "")
    yield joined("PLAIN", "\0ana\0secret")
    yield joined("LOGIN", "ana", "secret")
    yield joined("CRAM-MD5", "ana b913a602c7eda7a495b4e6e7334d3890", "")
    yield joined("EXTERNAL", "", "ana@here.example")


TARGET = Target(
    "sasl", ("correo.wire.sasl",), run, seeds,
    (APART, *(name.encode() for name in MECHANISMS), b"n,,", b"y,,", b"p=tls-exporter,,", b"n=user", b",r=", NONCE.encode(), b"c=biws", b",p=", b"=2C",
     b"=3D", b"\x01", b"auth=Bearer ", b"user=", b"\0", b"m=x", b"\xc2\xad", b"\xe2\x80\x80", b"a=", b"\xd8\xa7"), most=600,
)  # fmt: skip
