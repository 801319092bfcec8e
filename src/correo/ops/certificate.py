"""Certificates: one to begin with, and what can be read from those that are there."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from correo.clock import Chance
from correo.mail.instant import DAY, moment
from correo.net.tls import dns_names

LIFETIME = 3650 * DAY  # of a self-signed one: nobody renews it, and nobody believes it by its dates
EARLIER = DAY  # a client whose clock is late must not see a certificate from the future
SERIAL_SIZE = 19  # octets: RFC 5280 §4.1.2.2 allows 20, and a leading zero bit keeps it positive
MAX_COMMON_NAME = 64  # characters, RFC 5280 appendix A.1


@dataclass(frozen=True, slots=True)
class Pair:
    """PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate says; instants in microseconds UTC."""

    names: tuple[str, ...]
    starts: int
    ends: int
    self_signed: bool


def self_signed(names: Sequence[str], now: int, chance: Chance) -> Pair:
    """For `names`, which may be addresses, and of which the first is the subject; with an ECDSA P-256 key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:MAX_COMMON_NAME])])
    start = moment(now - EARLIER)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(chance.secret(SERIAL_SIZE)) or 1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(microseconds=LIFETIME))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM), private)


def _general(name: str) -> x509.GeneralName:
    """RFC 5280 §4.2.1.6: an address is none of the DNS's names."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def read_certificate(path: Path) -> Facts:
    """The first certificate of a PEM file, which is the server's own. Raises OSError, ValueError."""
    pem = path.read_bytes()
    certificate = x509.load_pem_x509_certificates(pem)[0]
    return Facts(
        dns_names(pem),
        _instant(certificate.not_valid_before_utc.timestamp()),
        _instant(certificate.not_valid_after_utc.timestamp()),
        certificate.subject == certificate.issuer,
    )


def _instant(timestamp: float) -> int:
    return round(timestamp * 1_000_000)


def covers(names: Sequence[str], hostname: str) -> bool:
    """Whether a certificate for `names` proves `hostname`; `*` stands for one whole label on the left (RFC 9525 §6.3)."""
    hostname = hostname.lower()
    _, _, parent = hostname.partition(".")
    return any(name.lower() in (hostname, f"*.{parent}") for name in names)
