"""THREAD as it is asked for and answered (RFC 5256 §4, §5)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from correo.mail.threads import ALGORITHMS, Thread
from correo.wire.imap.grammar import Arguments, SyntaxFault


def algorithm(args: Arguments, names: Collection[str] = frozenset(ALGORITHMS)) -> str:
    """`thread-alg`. Raises SyntaxFault."""
    name = args.atom().upper()
    if name not in names:
        raise SyntaxFault("there is no such threading algorithm")
    return name


def thread_response(forest: Sequence[Thread], tell: Callable[[int], int]) -> bytes:
    """`* THREAD (2)(3 6 (4 23)(44 7 96))`; `tell`: what stands for a message number, which may be its UID.

    Without recursion: a thread may be as deep as the mailbox has messages.
    """
    words = ["* THREAD "] if forest else ["* THREAD"]
    waiting: list[Thread | None] = list(reversed(forest))
    while waiting:
        one = waiting.pop()
        if one is None:
            words.append(")")
            continue
        members: list[str] = []
        while True:
            if one.message:
                members.append(str(tell(one.message.number)))
            if len(one.children) != 1:
                break
            one = one.children[0]
        words.append("(" + " ".join(members))
        if members and one.children:
            words.append(" ")
        waiting.append(None)
        waiting += reversed(one.children)
    words.append("\r\n")
    return "".join(words).encode("ascii")
