"""Whether what the DNS says of our certificate (TLSA) is true of it: servers that go by it (DANE, RFC 7672) deliver to nobody else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from correo.dns import Answer, DnsFailure, Resolver, Tlsa
from correo.ops.certificate import covers, read_certificate
from correo.ops.checkup import Finding, advice, ok, problem, warning
from correo.ops.checkup.asking import ask
from correo.transport.policy import dane

RELAY_PORT = 25  # where other servers come in


async def check_tlsa(
    hostname: str, pairs: Sequence[tuple[Path, Path]], now: int, resolver: Resolver
) -> list[Finding]:
    """Nothing is found where no certificate can be read, or where nobody would believe TLSA records and there are none."""
    name = f"_{RELAY_PORT}._tcp.{hostname}"
    about = f"dns {name}"
    shown = shown_for(hostname, pairs)
    if shown is None:
        return []
    certificate, chain = shown
    answer = await ask(resolver, name, "TLSA")
    if isinstance(answer, DnsFailure):
        words = f"TLSA could not be looked up ({answer}): servers that use DANE put off what they have for this one"
        return [warning(about, words)]
    publish = f"{name}. TLSA 3 1 1 {_digest(chain[0])}"
    records = answer.of(Tlsa)
    if records:
        return [_judge(about, certificate, chain, hostname, now, answer, publish)]
    if answer.authentic:
        words = f"is signed, and says nothing of the certificate; for mail that nobody can redirect (DANE) publish: {publish}"
        return [advice(about, words)]
    return []


def _judge(
    about: str,
    certificate: Path,
    chain: Sequence[bytes],
    hostname: str,
    now: int,
    answer: Answer,
    publish: str,
) -> Finding:
    records = answer.of(Tlsa)
    usable = dane.usable(records)
    if not usable:
        kinds = ", ".join(f"{one.usage} {one.selector} {one.matching}" for one in records)
        words = f"has TLSA records that no mail server can use ({kinds}); RFC 7672 §3.1 wants 3 1 1 or 2 1 1; publish: {publish}"
        return warning(about, words)
    if failure := dane.failure(usable, chain, [hostname], now):
        words = f"no TLSA record is true of {certificate} ({failure.value}), so servers that use DANE do not deliver; publish: {publish}"
        return problem(about, words)
    if not answer.authentic:
        words = "has TLSA records that are true of the certificate; whether they are signed this machine's resolver does not say"
        return ok(about, words)
    return ok(about, f"its TLSA records are true of {certificate}")


def shown_for(hostname: str, pairs: Sequence[tuple[Path, Path]]) -> tuple[Path, list[bytes]] | None:
    """The certificate that is shown to who asks for `hostname`, and the chain in its file, in DER; None where it cannot be read."""
    chosen = None
    for certificate, _ in pairs:
        try:
            names = read_certificate(certificate).names
        except (OSError, ValueError):
            continue  # what is wrong with it, another check says
        if any(name.lower() == hostname for name in names):
            chosen = certificate
            break
        if chosen is None and covers(names, hostname):
            chosen = certificate
    chosen = chosen or (pairs[0][0] if pairs else None)
    if chosen is None:
        return None
    try:
        return chosen, _chain(chosen)
    except (OSError, ValueError):
        return None


def _chain(certificate: Path) -> list[bytes]:
    """Its own certificate first. Raises OSError, ValueError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    found = x509.load_pem_x509_certificates(certificate.read_bytes())
    return [one.public_bytes(Encoding.DER) for one in found]


def _digest(der: bytes) -> str:
    """Of the public key, which a renewal may keep (RFC 7671 §5.1)."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_der_x509_certificate(der).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
