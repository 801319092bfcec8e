"""Whether a field of addresses is one, by the grammar of RFC 5322 §3.4.

With what its §4 asks readers to take and mail programs do write: dots in names, empty places in lists. Octets over 127 stand where
letters may (RFC 6532). The value is read once, into a string of kinds; the grammar is a regular expression over that.
"""

from __future__ import annotations

import re

_ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]++"
_TOKEN = re.compile(
    rb"[ \t]++|(A(?:\.A)*)|(\"(?:[^\"\\]++|\\.)*\")|(\[[!-Z^-~]*+\])|([<>@,:;.])".replace(b"A", _ATOM)
)
_WORD, _QUOTED, _LITERAL, _SPECIAL = range(1, 5)
_KINDS = {_WORD: "w", _QUOTED: "q", _LITERAL: "l"}
_IN_COMMENT = re.compile(rb"\\.|[()]", re.DOTALL)

_MAILBOX = "(?:[wq.]*<[wq]@[wl]>|[wq]@[wl])"
_GROUP = f"[wq.]+:,*(?:{_MAILBOX}(?:,+{_MAILBOX})*)?,*;"
_MAILBOXES = re.compile(f",*{_MAILBOX}(?:,+{_MAILBOX})*,*")
_ADDRESSES = re.compile(f",*(?:{_MAILBOX}|{_GROUP})(?:,+(?:{_MAILBOX}|{_GROUP}))*,*")


def is_address_list(value: bytes, *, groups: bool = True) -> bool:
    """Whether an unfolded field value is a list of at least one address; with `groups`, a group counts as one."""
    kinds = _kinds(value)
    return kinds is not None and (_ADDRESSES if groups else _MAILBOXES).fullmatch(kinds) is not None


def _kinds(value: bytes) -> str | None:
    """One letter for each token: w(ord, with its dots), q(uoted), l(iteral), or the special itself; None for what is none."""
    found: list[str] = []
    position = 0
    while position < len(value):
        if value[position] == 40:  # (
            end = _comment_end(value, position)
            if end is None:
                return None
            position = end
            continue
        match = _TOKEN.match(value, position)
        if match is None:
            return None
        position = match.end()
        if match.lastindex is not None:
            found.append(_KINDS.get(match.lastindex) or match[_SPECIAL].decode("ascii"))
    return "".join(found)


def _comment_end(value: bytes, start: int) -> int | None:
    """Behind the comment that opens at `start`; None when it never closes."""
    depth = 0
    for match in _IN_COMMENT.finditer(value, start):
        depth += {b"(": 1, b")": -1}.get(match[0], 0)
        if not depth:
            return match.end()
    return None
