"""A message as DATA carries it: CR LF line ends, leading dots doubled, a lone dot at the end (RFC 5321 §4.5.2)."""

from __future__ import annotations

import re

_BARE = re.compile(rb"\r\n|\r|\n")
_LONE_DOT = b".\r\n"


class Stuffer:
    """Takes a message in any pieces and gives what goes over the wire.

    A CR or LF that stands alone becomes CR LF: sent as it is, some servers would take it for the end of a line and, after a
    dot, of the message, and believe the rest to be commands (RFC 5321 §2.3.8; "SMTP smuggling").
    """

    __slots__ = ("_after_cr", "_line_start")

    def __init__(self) -> None:
        self._after_cr = False  # the last piece ended in a CR, which was held back
        self._line_start = True

    def encode(self, piece: bytes) -> bytes:
        if self._after_cr:
            piece = b"\r" + piece
        self._after_cr = piece.endswith(b"\r")
        if self._after_cr:
            piece = piece[:-1]
        if not piece:
            return b""
        pairs = piece.count(b"\r\n")
        if pairs != piece.count(b"\n") or pairs != piece.count(b"\r"):
            piece = _BARE.sub(b"\r\n", piece)
        stuffed = piece.replace(b"\r\n.", b"\r\n..")
        if self._line_start and piece.startswith(b"."):
            stuffed = b"." + stuffed
        self._line_start = piece.endswith(b"\r\n")
        return stuffed

    def finish(self) -> bytes:
        """The end of the message: of its last line, if that has none, and the lone dot."""
        ended = self._line_start and not self._after_cr
        self._after_cr, self._line_start = False, True
        return _LONE_DOT if ended else b"\r\n" + _LONE_DOT
