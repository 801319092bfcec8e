"""TLS contexts: what we offer as a server, what we ask for as a client."""

from __future__ import annotations

import asyncio.sslproto
import ssl
from pathlib import Path

# asyncio gives every TLS connection a read buffer of 256 KiB; 32 KiB hold two records and serve as well.
# The name is private, so it is set only where it exists (docs/decisions/0005-event-loop.md).
if hasattr(asyncio.sslproto.SSLProtocol, "max_size"):
    asyncio.sslproto.SSLProtocol.max_size = 32 * 1024


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 and later with the library's ciphers. Raises OSError (ssl.SSLError is one) when the files do not serve."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.load_cert_chain(certificate, key)
    return context


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
