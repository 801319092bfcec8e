"""QUOTA on the wire (RFC 9208 §7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments


class Resource(Enum):
    """RFC 9208 §5."""

    STORAGE = "STORAGE"  # in units of 1,024 octets
    MESSAGE = "MESSAGE"
    MAILBOX = "MAILBOX"


@dataclass(frozen=True, slots=True)
class Limit:
    resource: Resource
    usage: int
    limit: int


def quota_root(args: Arguments) -> bytes:
    return args.astring()


def set_quota(args: Arguments) -> bytes:
    """The root; what it is to be limited to is read and left."""
    root = args.sp().astring()
    args.sp().paren_list(_setquota_resource, least=0)
    return root


def _setquota_resource(args: Arguments) -> tuple[str, int]:
    return args.atom(), args.sp().number64()


def quota_response(root: str, limits: Iterable[Limit]) -> bytes:
    items = (f"{each.resource.value} {each.usage} {each.limit}".encode("ascii") for each in limits)
    return encode.untagged(b"QUOTA", encode.astring(root), encode.parens(items))


def quotaroot_response(mailbox: str, roots: Iterable[str], *, utf8: bool = False) -> bytes:
    names = (encode.astring(root) for root in roots)
    return encode.untagged(b"QUOTAROOT", encode.mailbox(mailbox, utf8=utf8), *names)
