"""MD5 (RFC 1321) from and to its inner state, which `hashlib` does not show.

Whoever has the state after a block needs the block no more: so HMAC-MD5 is kept without its key (RFC 2104 §4).
"""

from __future__ import annotations

import math
import struct

BLOCK = 64  # octets
STATE = 16  # octets
START = struct.pack("<4I", 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)  # RFC 1321 §3.3

_MASK = 0xFFFFFFFF
_SHIFTS = ((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))
_WORDS = ((1, 0), (5, 1), (3, 5), (7, 0))  # RFC 1321 §3.4: in round r, step i takes word (a*i + b) mod 16
# Of each step: the addend, the word of the block, and by how much to rotate.
_ROUNDS = [
    [
        (
            int(abs(math.sin(16 * turn + step + 1)) * 2**32),
            (factor * step + first) % 16,
            _SHIFTS[turn][step % 4],
        )
        for step in range(16)
    ]
    for turn, (factor, first) in enumerate(_WORDS)
]


def compress(state: bytes, block: bytes) -> bytes:
    """The state after one more block. Takes about 20 µs."""
    words = struct.unpack("<16I", block)
    begin = a, b, c, d = struct.unpack("<4I", state)
    for turn, steps in enumerate(_ROUNDS):
        for addend, word, shift in steps:
            if turn == 0:
                mixed = d ^ (b & (c ^ d))
            elif turn == 1:
                mixed = c ^ (d & (b ^ c))
            elif turn == 2:
                mixed = b ^ c ^ d
            else:
                mixed = c ^ (b | (d ^ _MASK))
            total = (a + mixed + addend + words[word]) & _MASK
            a, b, c, d = d, (b + ((total << shift) | (total >> (32 - shift)))) & _MASK, b, c
    return struct.pack("<4I", *((new + old) & _MASK for new, old in zip((a, b, c, d), begin, strict=True)))


def finish(state: bytes, rest: bytes) -> bytes:
    """The digest of a message: `state` is that after its first block, `rest` what follows it."""
    padding = b"\x80" + bytes((BLOCK - 9 - len(rest)) % BLOCK)
    padded = rest + padding + struct.pack("<Q", 8 * (BLOCK + len(rest)))
    for start in range(0, len(padded), BLOCK):
        state = compress(state, padded[start : start + BLOCK])
    return state
