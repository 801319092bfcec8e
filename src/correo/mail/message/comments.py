"""Comments in structured fields (RFC 5322 §3.2.2): nested parentheses that mean nothing to a program."""

from __future__ import annotations

import re

_PARENTHESIS = re.compile(rb"\\.|[()]", re.DOTALL)
_QUOTED_OR_OPENING = re.compile(rb'"(?:[^"\\]++|\\.)*"?|\\.|\(', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


def comment_end(value: bytes, start: int) -> int:
    """One past the comment that opens at `start`; -1 where it never closes."""
    depth = 0
    for match in _PARENTHESIS.finditer(value, start):
        if match[0] == b"(":
            depth += 1
        elif match[0] == b")":
            depth -= 1
            if not depth:
                return match.end()
    return -1


def without_comments(value: bytes) -> bytes:
    """The value with a blank for each comment; parentheses in quoted strings and those never closed stay."""
    if b"(" not in value:
        return value
    kept: list[bytes] = []
    done = position = 0
    while match := _QUOTED_OR_OPENING.search(value, position):
        position = match.end()
        if match[0] != b"(":
            continue
        end = comment_end(value, match.start())
        if end < 0:
            break
        kept += (value[done : match.start()], b" ")
        done = position = end
    kept.append(value[done:])
    return b"".join(kept)


def unescape(text: bytes) -> bytes:
    """The inside of a quoted string or comment without the backslashes of its quoted pairs (RFC 5322 §3.2.1)."""
    return _ESCAPED.sub(rb"\1", text) if b"\\" in text else text
