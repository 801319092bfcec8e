"""Zstandard, and the rule by which stored octets are known to be compressed: the only module that imports it.

What is kept is a zstd frame where that is shorter than the octets themselves, and the octets themselves otherwise. Since the
true size stands beside every value, no mark is needed: as long as the size means plain, shorter means a frame.
"""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor, ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdCompressor, ZstdDecompressor, ZstdError

from correo.mail.errors import Kind, Refused

LEVEL = 3  # 5 KB of text in 20 us; level 9 takes four times as long for a twentieth less
WORTHWHILE = (
    512  # octets: reading a frame costs 18 us whatever its size, and below this it saves next to nothing
)

# One context for the life of the process: making one costs six times as much as packing a header with it.
# It locks itself, and a whole frame is one call, so threads may share it.
_compressor = ZstdCompressor(level=LEVEL)


def packed(octets: bytes | memoryview, worthwhile: int = WORTHWHILE) -> bytes:
    """The octets as they are kept: never longer than they are, and as they are where they are fewer than `worthwhile`."""
    if len(octets) >= worthwhile:
        frame = _compressor.compress(octets, ZstdCompressor.FLUSH_FRAME)
        if len(frame) < len(octets):
            return frame
    return bytes(octets)


def unpacked(kept: bytes, size: int) -> bytes:
    """The `size` octets of which `packed` made `kept`. Raises Refused(BROKEN) when they cannot be had."""
    if len(kept) == size:
        return kept
    try:
        # The limit keeps a broken frame from growing without bound.
        octets = ZstdDecompressor().decompress(kept, max_length=size + 1)
    except ZstdError as error:
        raise Refused(Kind.BROKEN, f"stored content is damaged: {error}") from error
    if len(octets) != size:
        raise Refused(
            Kind.BROKEN, f"stored content is damaged: {len(octets)} octets where {size} were written"
        )
    return octets
