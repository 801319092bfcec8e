"""TLS contexts: what we offer as a server, what we ask for as a client."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path
from typing import Any

from correo.net import TlsInfo

# Of TLS 1.2: forward secrecy alone, and no SHA-1. CBC comes last, for mail servers on old systems, which would else send in clear text.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES256:ECDHE+AES:!SHA1:!aNULL:!AESCCM"


class ServerContext(ssl.SSLContext):
    """A context that knows its certificate; to be made anew for another one."""

    end_point = b""  # tls-server-end-point (RFC 5929 §4); b"" where the certificate has none
    names: tuple[str, ...] = ()  # for which it is, `*.` in front of some


def server_context(
    certificate: Path,
    key: Path,
    clients: Path | None = None,
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    ciphers: str = "",
) -> ServerContext:
    """With `clients`, a PEM file of authorities, a client is asked for a certificate. `ciphers` of TLS 1.2, "" for CIPHERS.

    A client without one is as welcome as before; one whose certificate none of them has issued fails in the handshake.
    Raises OSError (ssl.SSLError is one) when the files or the ciphers do not serve.
    """
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = minimum
    context.set_ciphers(ciphers or CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(certificate, key, _no_passphrase)
    pem = certificate.read_bytes()
    context.end_point, context.names = end_point(pem), dns_names(pem)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _no_passphrase() -> str:
    """In place of OpenSSL's own way, which is to ask at the terminal and to wait there, at a reload in the middle of serving."""
    raise ssl.SSLError("the key is protected by a passphrase, which a server has nobody to ask for")


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


def dns_names(pem: bytes) -> tuple[str, ...]:
    """The DNS names of the first certificate; the name of its subject counts no more (RFC 9525 §2). None where they cannot be read."""
    from cryptography import x509

    try:
        extensions = x509.load_pem_x509_certificate(pem).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return tuple(names.value.get_values_for_type(x509.DNSName))
    except (
        Exception
    ):  # there are none, or some of a kind that the library does not know: its errors have no common ancestor
        return ()


def described(tls: ssl.SSLObject) -> TlsInfo:
    """What the handshake agreed on."""
    cipher = tls.cipher()
    context = tls.context
    bindings = _bindings(tls, context) if isinstance(context, ServerContext) else ()
    return TlsInfo(
        tls.version() or "",
        cipher[0] if cipher else "",
        bindings=bindings,
        certificate=_addresses(tls),
        chain=_chain(tls),
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


def _chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """What the server showed; its own certificate alone where Python does not give more."""
    if tls.server_side:
        return ()
    if hasattr(tls, "get_unverified_chain"):  # Python 3.13
        return tuple(tls.get_unverified_chain())
    # Before, only the object inside has it, whose name is private, so it is asked only where it exists.
    inner: Any = getattr(tls, "_sslobj", None)
    if hasattr(inner, "get_unverified_chain"):
        return tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in inner.get_unverified_chain())
    own = tls.getpeercert(binary_form=True)
    return (own,) if own else ()


def opportunistic_context() -> ssl.SSLContext:
    """For mail between servers: any certificate will do, since the alternative is clear text (RFC 7435)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _for_clients(context)


def verified_context() -> ssl.SSLContext:
    """For a smarthost that gets our password: the name must be proved by a certificate the system trusts."""
    return private_context(None)


def private_context(authority: Path | None) -> ssl.SSLContext:
    """The same for a service of our own network: `authority` is a PEM file to trust instead of the system's. Raises OSError."""
    context = _for_clients(ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=authority))
    if ssl.HAS_NEVER_CHECK_COMMON_NAME:
        context.hostname_checks_common_name = False  # a name is a subjectAltName (RFC 8461 §4.1, RFC 9525 §2)
    return context


def _for_clients(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A server that asks for a handshake again and again would be answered with one each time.
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context
