"""DANE for SMTP: the TLSA records of a mail host, and whether they prove the certificates that it shows (RFC 7672, RFC 7671)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from correo.dns import Resolver, Tlsa
from correo.mail.instant import SECOND
from correo.transport.hops import Hop
from correo.transport.policy import Failure

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

MAX_RECORDS = (
    50  # of one host that are looked at; two or three are usual, and each may cost a proof of a chain
)
MAX_CHAIN = 10  # certificates of a server that are looked at; four are many

_TRUST_ANCHOR, _END_ENTITY = (
    2,
    3,
)  # certificate usages; those of the PKIX kind are not used for mail (RFC 7672 §3.1.3)
_WHOLE_CERTIFICATE, _PUBLIC_KEY = 0, 1  # selectors
_EXACT = 0  # matching types
_DIGESTS = {1: "sha256", 2: "sha512"}


@dataclass(frozen=True, slots=True)
class Tlsas:
    """What a host publishes about the certificates it will show."""

    base: str  # the name under which they were found: the one to be named in the handshake (RFC 7672 §8.1)
    records: tuple[Tlsa, ...]  # those that can be used; none: TLS, with whatever certificate (RFC 7672 §2.2)


async def tlsas(resolver: Resolver, hop: Hop) -> Tlsas | None:
    """None where there are none that may be believed. Raises DnsFailure: then the host is not to be used (RFC 7672 §2.1.2)."""
    for base in await _bases(resolver, hop):
        answer = await resolver.lookup(f"_{hop.port}._tcp.{base}", "TLSA")
        if answer.authentic and (records := answer.of(Tlsa)):
            return Tlsas(base, usable(records))
    return None


async def _bases(resolver: Resolver, hop: Hop) -> tuple[str, ...]:
    """The names to look under, in order (RFC 7672 §2.2.2).

    Nothing is asked about hosts whose addresses are not secure: they can have no secure TLSA records either, and some
    servers of such zones answer no questions about types that they do not know.
    """
    if not hop.named_securely:
        return ()
    if not hop.canonical:
        return (hop.name,) if hop.secure else ()
    if hop.secure:
        return hop.canonical, hop.name
    alias = await resolver.lookup(hop.name, "CNAME")
    return (hop.name,) if alias.authentic and alias.records else ()


def usable(records: Iterable[Tlsa]) -> tuple[Tlsa, ...]:
    """Those whose parameters and data make sense, of several digests of one thing the strongest (RFC 7671 §9)."""
    sound = [record for record in list(records)[:MAX_RECORDS] if _is_sound(record)]
    strong = {(record.usage, record.selector) for record in sound if record.matching == 2}
    return tuple(
        record for record in sound if record.matching != 1 or (record.usage, record.selector) not in strong
    )


def _is_sound(record: Tlsa) -> bool:
    if record.usage not in (_TRUST_ANCHOR, _END_ENTITY):
        return False
    if record.selector not in (_WHOLE_CERTIFICATE, _PUBLIC_KEY):
        return False
    if record.matching == _EXACT:
        return _is_der(record)
    digest = _DIGESTS.get(record.matching)
    return digest is not None and len(record.data) == hashlib.new(digest).digest_size


def _is_der(record: Tlsa) -> bool:
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    if record.selector == _WHOLE_CERTIFICATE:
        return _load(record.data) is not None
    try:
        load_der_public_key(record.data)
    except Exception:  # octets of strangers, and a parser that is not ours
        return False
    return True


def failure(
    records: Sequence[Tlsa], chain: Sequence[bytes], names: Collection[str], now: int
) -> Failure | None:
    """Why none of `records` proves a server that shows `chain` (DER, its own first); None where one does.

    `names`: any of which a certificate must have that a trust anchor vouches for (RFC 7672 §3.2.2, as subjectAltName; the
    common name does not count). Its own certificate counts whatever names and dates it has (RFC 7671 §5.1).
    """
    own = _load(chain[0]) if chain else None
    if own is None:
        return Failure.ANY
    if any(record.usage == _END_ENTITY and _matches(record, own) for record in records):
        return None
    # What nobody can read proves nothing, and takes nothing from what the others prove.
    above = [one for der in chain[1:MAX_CHAIN] if (one := _load(der)) is not None]
    anchors = [record for record in records if record.usage == _TRUST_ANCHOR]
    trusted = [one for one in above if any(_matches(record, one) for record in anchors)]
    # A certificate that is in the DNS itself need not be shown (RFC 7672 §3.1.2).
    trusted += [
        one
        for record in anchors
        if record.selector == _WHOLE_CERTIFICATE and record.matching == _EXACT
        if (one := _load(record.data)) is not None
    ]
    if not trusted:
        return Failure.NOT_TRUSTED
    return _unproved(own, above, trusted, names, now)


def _matches(record: Tlsa, certificate: Certificate) -> bool:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if record.selector == _WHOLE_CERTIFICATE:
        octets = certificate.public_bytes(Encoding.DER)
    else:
        try:
            octets = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        except Exception:  # a kind of key that the library does not know
            return False
    if record.matching == _EXACT:
        return octets == record.data
    return hashlib.new(_DIGESTS[record.matching], octets).digest() == record.data


def _unproved(
    own: Certificate,
    above: Sequence[Certificate],
    trusted: Sequence[Certificate],
    names: Collection[str],
    now: int,
) -> Failure | None:
    """Whether a chain of signatures leads from `own` to one of `trusted`."""
    from cryptography import x509
    from cryptography.x509.verification import (
        Criticality,
        ExtensionPolicy,
        PolicyBuilder,
        Store,
    )

    moment = datetime.fromtimestamp(now / SECOND, UTC).replace(tzinfo=None)
    # What authorities of the web must put into certificates is no rule for those that a domain makes for itself.
    authority = ExtensionPolicy.permit_all().require_present(
        x509.BasicConstraints, Criticality.AGNOSTIC, _must_be_authority
    )
    server = ExtensionPolicy.permit_all().require_present(
        x509.SubjectAlternativeName, Criticality.AGNOSTIC, None
    )
    builder = PolicyBuilder().store(Store(list(trusted))).time(moment)
    builder = builder.extension_policies(ca_policy=authority, ee_policy=server)
    for name in names:
        try:
            builder.build_server_verifier(x509.DNSName(name)).verify(own, list(above))
        except Exception:  # it does not lead there, or it cannot be read: certificates of strangers
            continue
        return None
    if not own.not_valid_before_utc <= moment.replace(tzinfo=UTC) <= own.not_valid_after_utc:
        return Failure.EXPIRED
    return Failure.NOT_TRUSTED if _has_a_name(own, names) else Failure.OTHER_NAME


def _must_be_authority(_policy: object, _certificate: object, extension: object) -> None:
    if not getattr(extension, "ca", False):
        raise ValueError("not a certificate of an authority")


def _has_a_name(certificate: Certificate, names: Collection[str]) -> bool:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        stated = {name.lower() for name in found.get_values_for_type(x509.DNSName)}
    except Exception:  # none, or extensions that cannot be read
        return False
    return any(name in stated or f"*.{name.partition('.')[2]}" in stated for name in names)


def _load(der: bytes) -> Certificate | None:
    from cryptography.x509 import load_der_x509_certificate

    try:
        return load_der_x509_certificate(der)
    except Exception:  # octets of strangers, and a parser that is not ours
        return None
