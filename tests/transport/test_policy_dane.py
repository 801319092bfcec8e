"""What proves a server by TLSA records: RFC 7672 §3, RFC 7671."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from correo.clock.virtual import START
from correo.dns import Tlsa
from correo.mail.instant import DAY
from correo.transport.policy import Failure
from correo.transport.policy.dane import MAX_RECORDS, failure, usable

HOST = "mx.there.example"
ROOT = trustme.CA()
MIDDLE = ROOT.create_child_ca()
OTHER = trustme.CA()


def der(pem: trustme.Blob) -> bytes:
    return x509.load_pem_x509_certificate(pem.bytes()).public_bytes(Encoding.DER)


def issued(authority: trustme.CA, *names: str, **dates: Any) -> tuple[bytes, ...]:
    """The chain a server shows, its own certificate first, and the root last."""
    leaf = authority.issue_cert(*names, **dates)
    shown = tuple(der(pem) for pem in leaf.cert_chain_pems)
    return (
        shown
        if shown[-1] == der(authority.cert_pem) or authority is MIDDLE
        else (*shown, der(authority.cert_pem))
    )


CHAIN = (*issued(MIDDLE, HOST), der(ROOT.cert_pem))
OWN, ABOVE, TOP = CHAIN[0], CHAIN[1], CHAIN[-1]


def key(certificate: bytes) -> bytes:
    public = x509.load_der_x509_certificate(certificate).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def record(usage: int, selector: int, matching: int, certificate: bytes) -> Tlsa:
    data = certificate if selector == 0 else key(certificate)
    if matching:
        data = hashlib.new({1: "sha256", 2: "sha512"}[matching], data).digest()
    return Tlsa(usage, selector, matching, data)


KINDS = [(selector, matching) for selector in (0, 1) for matching in (0, 1, 2)]


def why_not(
    *records: Tlsa, chain: tuple[bytes, ...] = CHAIN, name: str = HOST, now: int = START
) -> Failure | None:
    return failure(usable(records), chain, (name,), now)


def test_the_chain_is_what_it_is_taken_for() -> None:
    assert len(CHAIN) == 3
    assert len(set(CHAIN)) == 3


@pytest.mark.parametrize(("selector", "matching"), KINDS)
def test_its_own_certificate(selector: int, matching: int) -> None:
    assert why_not(record(3, selector, matching, OWN)) is None
    assert why_not(record(3, selector, matching, ABOVE)) is Failure.NOT_TRUSTED


def test_of_its_own_certificate_neither_name_nor_date_counts() -> None:
    past = datetime(2001, 1, 1, tzinfo=UTC)
    chain = issued(OTHER, "other.example", not_before=past, not_after=past + timedelta(days=1))
    assert why_not(record(3, 1, 1, chain[0]), chain=chain) is None


@pytest.mark.parametrize(("selector", "matching"), KINDS)
@pytest.mark.parametrize("anchor", [ABOVE, TOP])
def test_a_trust_anchor(selector: int, matching: int, anchor: bytes) -> None:
    assert why_not(record(2, selector, matching, anchor)) is None


def test_a_trust_anchor_is_not_the_certificate_itself() -> None:
    assert why_not(record(2, 0, 1, OWN)) is Failure.NOT_TRUSTED


def test_a_trust_anchor_need_not_be_shown_where_it_is_in_the_dns() -> None:
    assert why_not(record(2, 0, 0, TOP), chain=CHAIN[:2]) is None
    assert why_not(record(2, 0, 1, TOP), chain=CHAIN[:2]) is Failure.NOT_TRUSTED


def test_under_a_trust_anchor_the_name_counts() -> None:
    assert why_not(record(2, 0, 1, TOP), name="mx.elsewhere.example") is Failure.OTHER_NAME
    anchor = record(2, 0, 1, der(OTHER.cert_pem))
    assert why_not(anchor, chain=issued(OTHER, "*.there.example")) is None
    both = usable([anchor])
    chain = issued(OTHER, "there.example")
    assert failure(both, chain, (HOST, "there.example"), START) is None


def test_under_a_trust_anchor_the_date_counts() -> None:
    first = datetime.fromtimestamp(START / 1_000_000, UTC)
    chain = issued(OTHER, HOST, not_before=first, not_after=first + timedelta(days=30))
    anchor = record(2, 1, 2, der(OTHER.cert_pem))
    assert why_not(anchor, chain=chain, now=START + DAY) is None
    assert why_not(anchor, chain=chain, now=START + 31 * DAY) is Failure.EXPIRED
    assert why_not(anchor, chain=chain, now=START - DAY) is Failure.EXPIRED


def test_an_anchor_that_is_shown_but_has_not_signed() -> None:
    """Whoever stands in the middle can show any certificate above his own."""
    mine = issued(OTHER, HOST)
    assert why_not(record(2, 0, 1, TOP), chain=(mine[0], ABOVE, TOP)) is Failure.NOT_TRUSTED


def test_another_server_is_no_authority() -> None:
    """A certificate that is not of an authority vouches for nobody, though its key is in the DNS."""
    assert why_not(record(2, 0, 0, OWN), chain=issued(OTHER, HOST)) is Failure.NOT_TRUSTED


def test_one_of_several_is_enough() -> None:
    assert why_not(record(3, 1, 1, TOP), record(2, 1, 1, OWN), record(3, 1, 1, OWN)) is None


@pytest.mark.parametrize(
    "unusable",
    [
        record(0, 0, 1, TOP),
        record(1, 1, 1, OWN),
        record(4, 1, 1, OWN),
        Tlsa(3, 2, 1, bytes(32)),
        Tlsa(3, 1, 3, bytes(32)),
        Tlsa(3, 1, 1, bytes(31)),
        Tlsa(3, 1, 2, bytes(32)),
        Tlsa(3, 1, 0, b"no key"),
        Tlsa(2, 0, 0, b"no certificate"),
        Tlsa(3, 0, 0, b""),
    ],
)
def test_what_cannot_be_used(unusable: Tlsa) -> None:
    assert usable([unusable]) == ()
    assert usable([unusable, record(3, 1, 1, OWN)]) == (record(3, 1, 1, OWN),)


def test_the_strongest_digest_counts() -> None:
    """RFC 7671 §9."""
    weak, strong = record(3, 1, 1, OWN), record(3, 1, 2, TOP)
    assert usable([weak, strong]) == (strong,)
    assert usable([weak, record(2, 1, 2, TOP)]) == (weak, record(2, 1, 2, TOP))


def test_as_many_as_can_be_looked_at() -> None:
    assert len(usable(record(3, 1, 1, OWN) for _ in range(10_000))) == MAX_RECORDS


@pytest.mark.parametrize("chain", [(), (b"",), (b"no certificate",), (b"no certificate", OWN)])
def test_what_is_shown_is_no_chain(chain: tuple[bytes, ...]) -> None:
    assert why_not(record(3, 1, 1, OWN), chain=chain) is Failure.ANY


def test_what_cannot_be_read_beside_a_proof_takes_nothing_from_it() -> None:
    odd = (*CHAIN, b"no certificate")
    assert why_not(record(3, 1, 1, OWN), chain=odd) is None
    assert why_not(record(2, 0, 1, TOP), chain=odd) is None
    assert why_not(record(2, 0, 1, TOP), chain=(OWN, b"no certificate")) is Failure.NOT_TRUSTED


@settings(deadline=None, max_examples=60)
@given(
    st.binary(max_size=60),
    st.integers(0, len(OWN) - 1),
    st.integers(0, 255),
    st.sampled_from([record(3, 0, 1, OWN), record(2, 0, 0, TOP), record(2, 1, 1, ABOVE)]),
)
def test_hostile_certificates_prove_nothing(noise: bytes, at: int, octet: int, what: Tlsa) -> None:
    bent = OWN[:at] + bytes((octet,)) + OWN[at + 1 :]
    assert usable([Tlsa(2, 0, 0, noise), Tlsa(3, 1, 0, noise)]) == ()
    if bent != OWN:
        assert why_not(what, chain=(bent, *CHAIN[1:])) is not None
    assert why_not(what, chain=(noise, *CHAIN)) is not None
