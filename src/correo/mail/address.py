"""Mailbox addresses: `local-part@domain`, parsed once, compared as mail compares them (RFC 5321 §4.1.2, RFC 6531 §3.3)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

import idna

MAX_DOMAIN = 255  # octets, RFC 5321 §4.5.3.1.2
# Octets of an address without the angle brackets, RFC 5321 §4.5.3.1.3. Local parts have no limit of their own: the 64 octets of
# §4.5.3.1.1 are the least that must be taken, and senders that encode a recipient in their name (VERP) write more.
MAX_PATH = 254

_ATEXT = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\U0010ffff]+"
_DOT_STRING = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*)"')
# Names of hosts have no underscore (RFC 1123 §2.1), but some that send mail do, and their mail is mail.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)")
# Letters of some languages cannot do without them, though they show nothing.
_JOINERS = dict.fromkeys((0x200C, 0x200D))
_IPV6 = re.compile(r"(?i:ipv6):[0-9A-Fa-f:.]{2,45}")


class BadAddress(ValueError):
    """The text is not an address; the message says what is wrong with it in words a sender may see."""


@lru_cache(maxsize=4096)  # of a few hundred octets each; a third of what reading an address costs
def fold_domain(domain: str) -> str:
    """The comparison form of a domain: lower-case A-labels without a final dot. Raises BadAddress."""
    domain = domain.removesuffix(".")
    if domain.startswith("[") and domain.endswith("]"):
        literal = domain[1:-1]
        if _IPV4.fullmatch(literal) or _IPV6.fullmatch(literal):
            return domain.lower()
        raise BadAddress("the address literal is malformed")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise BadAddress("the domain is not a valid internationalized name") from None
    domain = domain.lower()
    if not domain or len(domain) > MAX_DOMAIN:
        raise BadAddress("the domain is empty or longer than 255 octets")
    if not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        raise BadAddress("the domain is malformed")
    return domain


@dataclass(frozen=True, slots=True)
class Address:
    """An address as given (`local`, `domain`) and as compared (`folded`).

    `local` is without quotes and escapes. The domain part of `folded` is in A-labels. Local parts are compared without
    case and in NFC: RFC 5321 §2.4 leaves that to the receiving host, and every large mail system does so.
    """

    local: str
    domain: str
    folded: str = field(compare=True, repr=False, default="")

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises BadAddress."""
        local, rest = _take_local(text)
        if not rest.startswith("@") or len(rest) < 2:
            raise BadAddress("an address has the form user@domain")
        domain = rest[1:]
        if len(text.encode()) > MAX_PATH:
            raise BadAddress("the address is longer than 254 octets")
        if not text.isprintable() and not text.translate(_JOINERS).isprintable():
            raise BadAddress("the address contains characters that cannot be seen")
        folded = unicodedata.normalize("NFC", local).lower() + "@" + fold_domain(domain)
        return cls(local, domain.removesuffix("."), folded)

    @property
    def host(self) -> str:
        """The domain in its comparison form."""
        return self.folded.rpartition("@")[2]

    @property
    def user(self) -> str:
        """The local part in its comparison form."""
        return self.folded.rpartition("@")[0]

    @property
    def ascii(self) -> bool:
        """Whether the address can be sent without SMTPUTF8 (the domain can always be turned into A-labels)."""
        return self.local.isascii()

    @property
    def in_a_labels(self) -> Address:
        """With the domain in A-labels where the rest is ASCII: then it can go anywhere (RFC 6531 §3.2)."""
        if self.ascii and not self.domain.isascii():
            return Address(self.local, self.host, self.folded)
        return self

    def __str__(self) -> str:
        local = self.local
        if not _DOT_STRING.fullmatch(local):
            local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{local}@{self.domain}"


def _take_local(text: str) -> tuple[str, str]:
    if match := _QUOTED.match(text):
        return re.sub(r"\\(.)", r"\1", match[1]), text[match.end() :]
    if match := _DOT_STRING.match(text):
        return match[0], text[match.end() :]
    raise BadAddress("the part before the @ is missing or malformed")
