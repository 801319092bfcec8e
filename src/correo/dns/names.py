"""Domain names as text: lower case, without the final dot; the root is `"."`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from correo.mail.address import BadAddress, fold_domain

MAX_NAME = 253  # characters without the final dot: 255 octets on the wire, RFC 1035 §2.3.4

# The DNS carries any octet (RFC 2181 §11), and names under in-addr.arpa use "/" (RFC 2317 §4). Dot and backslash are what
# the text form needs for itself.
_LABEL = re.compile(r"[!-\-/-\[\]-~]{1,63}")
# Host names proper have no underscore (RFC 1123 §2.1), but there are mail exchangers that do, and every large mail server
# finds them.
_HOST_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


def fold(name: str) -> str | None:
    """The form in which names are compared, or None if there can be no such name in the DNS."""
    if name == ".":
        return name
    name = name.removesuffix(".")
    if len(name) > MAX_NAME:
        return None
    if not name.isascii():
        try:
            name = ".".join(label if label.isascii() else fold_domain(label) for label in name.split("."))
        except BadAddress:
            return None
    if len(name) > MAX_NAME or not all(map(_LABEL.fullmatch, name.split("."))):
        return None
    return name.lower()


def labels(folded: str) -> tuple[bytes, ...]:
    """The labels on the wire, with the empty one of the root at the end. Case is kept."""
    return (b"",) if folded == "." else (*folded.encode("ascii").split(b"."), b"")


def text(wire: Iterable[bytes]) -> str:
    """The text of labels from the wire; octets that `fold` would not take appear as `\\DDD` (RFC 1035 §5.1)."""
    return ".".join(_escape(label) for label in wire if label) or "."


def _escape(label: bytes) -> str:
    if label.isascii() and _LABEL.fullmatch(shown := label.decode("ascii")):
        return shown.lower()
    return "".join(
        chr(octet).lower() if 0x20 < octet < 0x7F and octet not in b".\\" else f"\\{octet:03d}"
        for octet in label
    )


def is_host(folded: str) -> bool:
    """Whether another machine may have this name: not an IP address, not localhost, nothing exotic."""
    parts = folded.split(".")
    # A last label of digits is what tells an address from a name (RFC 1123 §2.1); localhost is here (RFC 6761 §6.3).
    return not parts[-1].isdigit() and parts[-1] != "localhost" and all(map(_HOST_LABEL.fullmatch, parts))
