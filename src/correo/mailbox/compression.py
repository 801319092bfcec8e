"""Zstandard, and the rule by which stored octets are known to be compressed: the only module that imports it.

What is kept is a zstd frame where that is shorter than the octets themselves, and the octets themselves otherwise. Since the
true size stands beside every value, no mark is needed: as long as the size means plain, shorter means a frame.
"""

from __future__ import annotations

from threading import local

from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError, frame_content_size

from correo.mail.errors import Kind, Refused

LEVEL = 3  # 5 KB of text in 20 us; level 9 takes four times as long for a twentieth less
MAX_WINDOW = (
    8 * 1024 * 1024
)  # octets that a stranger's frame may have us keep: what its format would have everybody take
WORTHWHILE = 512  # octets: below this a frame saves next to nothing


class _Contexts(local):
    """What zstd works with, for each thread its own, since one serves one call at a time: 0.3 MB, or 4 after large messages."""

    def __init__(self) -> None:
        self.packing = ZstdCompressor(level=LEVEL)
        self.unpacking = ZstdDecompressor()


_mine = _Contexts()


def packed(octets: bytes | memoryview, worthwhile: int = WORTHWHILE) -> bytes:
    """The octets as they are kept: never longer than they are, and as they are where they are fewer than `worthwhile`."""
    if len(octets) >= worthwhile:
        frame = _mine.packing.compress(octets)
        if len(frame) < len(octets):
            return frame
    return bytes(octets)


def unpacked(kept: bytes, size: int) -> bytes:
    """The `size` octets of which `packed` made `kept`. Raises Refused(BROKEN) when they cannot be had."""
    if len(kept) == size:
        return kept
    try:
        # A frame says how much it holds, and that much memory is taken before it is looked at: a broken one must not say more.
        if frame_content_size(kept) != size:
            raise _damaged(f"a frame that is not of {size} octets")
        return _mine.unpacking.decompress(kept)
    except ZstdError as error:
        raise _damaged(str(error)) from error


def unpacked_frame(octets: bytes, most: int) -> bytes | None:
    """Of a frame that somebody else has made, which may say nothing of its size, at most so many octets; None: it is damaged."""
    try:
        found = ZstdDecompressor(max_window_size=MAX_WINDOW).stream_reader(octets).read(most)
        if len(found) >= most:
            return found
        whole = ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()
        return found if whole.decompress(octets) == found and whole.eof else None
    except ZstdError:
        return None


def _damaged(how: str) -> Refused:
    return Refused(Kind.BROKEN, f"stored content is damaged: {how}")
