"""Messages that Dovecot has compressed (its plugin zlib), known by how they begin; those it has encrypted nobody else can read."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable

from correo.mailbox.compression import unpacked_frame

# No header of a message begins like these.
_GZIP = b"\x1f\x8b\x08"
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_XZ = b"\xfd7zXZ\0"
_ZSTD = b"\x28\xb5\x2f\xfd"
_LZ4 = b"Dovecot-LZ4\r*\x9b\xc5"
_ENCRYPTED = b"CRYPTED\x03\x07"

_MEMORY = 64 * 1024 * 1024  # octets that xz may take: those of its highest usual level

_Unpack = Callable[[bytes, int], bytes | None]


def unpacked(octets: bytes, limit: int) -> bytes:
    """As it was before, or more than `limit` octets of it. Raises ValueError, with words for people, where it cannot be had."""
    if octets.startswith(_ENCRYPTED):
        raise ValueError("encrypted by Dovecot (mail_crypt): decrypt it there")
    if octets.startswith(_LZ4):
        raise ValueError("compressed by Dovecot with lz4, which cannot be read here: see doveadm-backup(1)")
    unpack = _unpack(octets)
    if unpack is None:
        return octets
    whole = unpack(octets, limit + 1)
    if whole is None:
        raise ValueError("compressed, and damaged")
    return whole


def _unpack(octets: bytes) -> _Unpack | None:
    if octets.startswith(_GZIP):
        return _gzip
    if octets.startswith(_XZ):
        return _xz
    if octets.startswith(_ZSTD):
        return unpacked_frame
    return _bzip2 if _BZIP2.match(octets) else None


def _gzip(octets: bytes, most: int) -> bytes | None:
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        found = stream.decompress(octets, most)
    except zlib.error:
        return None
    return found if stream.eof or len(found) >= most else None


def _bzip2(octets: bytes, most: int) -> bytes | None:
    stream = bz2.BZ2Decompressor()
    try:
        found = stream.decompress(octets, most)
    except OSError:
        return None
    return found if stream.eof or len(found) >= most else None


def _xz(octets: bytes, most: int) -> bytes | None:
    stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY)
    try:
        found = stream.decompress(octets, most)
    except lzma.LZMAError:
        return None
    return found if stream.eof or len(found) >= most else None
