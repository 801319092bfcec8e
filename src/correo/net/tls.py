"""TLS contexts: what we offer as a server, what we ask for as a client."""

from __future__ import annotations

import asyncio.sslproto
import hashlib
import ssl
from pathlib import Path

from correo.net import TlsInfo

# asyncio gives every TLS connection a read buffer of 256 KiB; 32 KiB hold two records and serve as well.
# The name is private, so it is set only where it exists (docs/decisions/0005-event-loop.md).
if hasattr(asyncio.sslproto.SSLProtocol, "max_size"):
    asyncio.sslproto.SSLProtocol.max_size = 32 * 1024


class ServerContext(ssl.SSLContext):
    """A context that knows the channel binding of its certificate; to be made anew for another certificate."""

    end_point = b""  # tls-server-end-point (RFC 5929 §4); b"" where the certificate has none


def server_context(certificate: Path, key: Path, clients: Path | None = None) -> ServerContext:
    """TLS 1.2 and later with the library's ciphers; with `clients`, a PEM file of authorities, a client is asked for a certificate.

    A client without one is as welcome as before; one whose certificate none of them has issued fails in the handshake.
    Raises OSError (ssl.SSLError is one) when the files do not serve.
    """
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.load_cert_chain(certificate, key)
    context.end_point = end_point(certificate.read_bytes())
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def end_point(pem: bytes) -> bytes:
    """The hash of the first certificate by which it was signed itself, or SHA-256 where that is weaker (RFC 5929 §4.1).

    b"" where there is no such hash, as for Ed25519: nobody has said what it would be.
    """
    # Here, because it takes longer to load than all the rest of a command that never serves.
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        certificate = x509.load_pem_x509_certificate(pem)
        algorithm = certificate.signature_hash_algorithm
        if algorithm is None:
            return b""
        name = "sha256" if algorithm.name in ("md5", "sha1") else algorithm.name
        return hashlib.new(name, certificate.public_bytes(Encoding.DER)).digest()
    except (ValueError, UnsupportedAlgorithm):
        return b""


def described(tls: ssl.SSLObject) -> TlsInfo:
    """What the handshake agreed on."""
    cipher = tls.cipher()
    context = tls.context
    bindings = _bindings(tls, context) if isinstance(context, ServerContext) else ()
    return TlsInfo(
        tls.version() or "", cipher[0] if cipher else "", bindings=bindings, certificate=_addresses(tls)
    )


def _bindings(tls: ssl.SSLObject, context: ServerContext) -> tuple[tuple[str, bytes], ...]:
    """The channel bindings of our side. There is no tls-exporter (RFC 9266): Python's ssl has no way to ask OpenSSL for it."""
    found = {"tls-server-end-point": context.end_point}
    # RFC 9266: tls-unique has no meaning from TLS 1.3 on. In a resumed session without the extended master secret, about
    # which Python's ssl does not tell, somebody in the middle can make it the same on both of his sides (RFC 7627 §1).
    if tls.version() == "TLSv1.2" and not tls.session_reused:
        found["tls-unique"] = tls.get_channel_binding("tls-unique") or b""
    return tuple((kind, data) for kind, data in found.items() if data)


def _addresses(tls: ssl.SSLObject) -> tuple[str, ...]:
    """The rfc822Names of the client's certificate (RFC 5280 §4.2.1.6); it is not shown unless it was verified."""
    if not tls.server_side:
        return ()
    certificate = tls.getpeercert() or {}
    names = certificate.get("subjectAltName", ())
    return tuple(str(name[1]) for name in names if name[0] == "email" and "@" in name[1])


def opportunistic_context() -> ssl.SSLContext:
    """For mail between servers: any certificate will do, since the alternative is clear text (RFC 7435)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def verified_context() -> ssl.SSLContext:
    """For a smarthost that gets our password: the name must be proved by a certificate the system trusts."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def private_context(authority: Path | None) -> ssl.SSLContext:
    """The same for a service of our own network: `authority` is a PEM file to trust instead of the system's. Raises OSError."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
