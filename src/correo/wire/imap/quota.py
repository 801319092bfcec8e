"""QUOTA on the wire (RFC 9208 §7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from correo.wire.imap import encode
from correo.wire.imap.grammar import Arguments, SyntaxFault


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


@dataclass(frozen=True, slots=True)
class SetQuota:
    """`limits`: by names in capitals, whether there is such a resource or not."""

    root: bytes
    limits: Mapping[str, int]


def set_quota(args: Arguments) -> SetQuota:
    """SP quota-root-name SP setquota-list. Raises SyntaxFault, also for a resource that is named twice."""
    root = args.sp().astring()
    limits = args.sp().paren_list(_setquota_resource, least=0)
    if len(limits) > len(dict(limits)):
        raise SyntaxFault("a resource is named twice")
    return SetQuota(root, dict(limits))


def _setquota_resource(args: Arguments) -> tuple[str, int]:
    return args.atom().upper(), args.sp().number64()


def quota_response(root: str, limits: Iterable[Limit]) -> bytes:
    items = (f"{each.resource.value} {each.usage} {each.limit}".encode("ascii") for each in limits)
    return encode.untagged(b"QUOTA", encode.astring(root), encode.parens(items))


def quotaroot_response(mailbox: str, roots: Iterable[str], *, utf8: bool = False) -> bytes:
    names = (encode.astring(root) for root in roots)
    return encode.untagged(b"QUOTAROOT", encode.mailbox(mailbox, utf8=utf8), *names)
