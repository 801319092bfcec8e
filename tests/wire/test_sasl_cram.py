"""CRAM-MD5: the example of RFC 2195, a foreign implementation, and what a client may get wrong."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.wire.sasl import (
    MECHANISMS,
    Ask,
    Challenge,
    CramKeys,
    End,
    Finished,
    LookUp,
    Malformed,
    Opening,
    Rejected,
    ScramKeys,
    advance,
    include,
    md5,
)

KEYS = CramKeys.derive(b"tanstaaftanstaaf")
CHALLENGE = b"<1896.697170952@postoffice.reston.mci.net>"
PROOF = "b913a602c7eda7a495b4e6e7334d3890"  # RFC 2195 §2


def answered(response: bytes, keys: CramKeys = KEYS) -> Ask | End:
    exchange = MECHANISMS["CRAM-MD5"].start(Opening(None, "1896.697170952", host="postoffice.reston.mci.net"))
    assert advance(exchange) == Challenge(CHALLENGE)
    step = advance(exchange, response)
    return advance(exchange, keys) if isinstance(step, LookUp) else step


def test_the_example_of_the_standard() -> None:
    end = answered(f"tim {PROOF}".encode())
    assert end == Finished("tim", "", b"")
    assert isinstance(end, Finished)
    assert end.keys == KEYS


def test_names_with_blanks_and_digests_in_capitals() -> None:
    assert answered(f"tim the enchanter {PROOF.upper()}".encode()) == Finished("tim the enchanter", "", b"")


def test_a_wrong_digest() -> None:
    assert answered(b"tim " + b"0" * 32) == Rejected("tim")


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"tim",
        PROOF.encode(),
        b" " + PROOF.encode(),
        f"tim {PROOF}0".encode(),
        f"tim {PROOF[:-1]}".encode(),
        f"tim\0 {PROOF}".encode(),
        f"tim {PROOF}\n".encode(),
        b"\xff " + PROOF.encode(),
        b"x" * 5000 + b" " + PROOF.encode(),
    ],
)
def test_malformed(response: bytes) -> None:
    assert isinstance(answered(response), Malformed)


@pytest.mark.parametrize("initial", [b"", f"tim {PROOF}".encode()])
def test_there_is_no_initial_response(initial: bytes) -> None:
    assert isinstance(advance(MECHANISMS["CRAM-MD5"].start(Opening(initial, "nonce"))), Malformed)


def test_one_of_several_passwords() -> None:
    other = CramKeys.derive(b"other")
    end = answered(f"tim {PROOF}".encode(), CramKeys(other.inner, other.outer, (KEYS,)))
    assert isinstance(end, Finished)
    assert end.keys == KEYS


def test_as_many_keys_are_tried_for_everybody() -> None:
    decoy = CramKeys.derive(b"1")
    decoys = CramKeys(decoy.inner, decoy.outer, (decoy,) * 20)
    for others in ((), (KEYS,), (KEYS,) * 20):
        mine = CramKeys(KEYS.inner, KEYS.outer, others)
        assert len(mine.padded(decoys).others) == 20
        assert mine.padded(decoys).others[: len(others)] == others


def test_keys_of_the_same_password() -> None:
    other = CramKeys.derive(b"other")
    assert include(CramKeys(other.inner, other.outer, (KEYS,)), KEYS)
    assert not include(other, KEYS)
    assert not include(ScramKeys.derive(b"tanstaaftanstaaf", b"salt", 1), KEYS)


def test_keys_stay_out_of_repr() -> None:
    assert repr(KEYS.inner) not in repr(KEYS)


@given(key=st.binary(max_size=200), message=st.binary(max_size=300))
@settings(deadline=None, max_examples=200)
def test_hmac(key: bytes, message: bytes) -> None:
    assert CramKeys.derive(key).proves(hmac.digest(key, message, "md5"), message)


@given(first=st.binary(min_size=md5.BLOCK, max_size=md5.BLOCK), rest=st.binary(max_size=300))
@settings(deadline=None, max_examples=200)
def test_md5(first: bytes, rest: bytes) -> None:
    whole = hashlib.md5(first + rest, usedforsecurity=False).digest()
    assert md5.finish(md5.compress(md5.START, first), rest) == whole
