"""The attributes of XCLIENT (Postfix's XCLIENT_README): what a server in front knows of its client, read from the command."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from correo.wire.smtp.syntax import BadSyntax, decode_xtext

# What may be said. Of these NAME, HELO and PROTO change nothing here: a name that nobody has verified decides nothing, and the
# client greets again, by which it says the others itself.
ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT")
UNKNOWN = "unknown"  # an address that the server in front does not know
_UNAVAILABLE = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})
_IPV6 = "ipv6:"


@dataclass(frozen=True, slots=True)
class Client:
    """What was said of it; None where nothing was, or of port and login that they are not known."""

    address: str | None = None  # or UNKNOWN
    port: int | None = None
    login: str | None = None


def parse_xclient(argument: str) -> Client:
    """`NAME=value ...`, values in xtext. Raises BadSyntax."""
    said: dict[str, str | None] = {}
    for word in argument.split():
        name, equals, text = word.partition("=")
        name = name.upper()
        value = decode_xtext(text)
        if name not in ATTRIBUTES or not equals or not value or name in said:
            raise BadSyntax(501, "5.5.4", "The form is XCLIENT attribute=value, each attribute once")
        said[name] = None if value.upper() in _UNAVAILABLE else value
    if not said:
        raise BadSyntax(501, "5.5.4", "Give an attribute")
    if said.get("PROTO") not in (None, "SMTP", "ESMTP", "smtp", "esmtp"):
        raise BadSyntax(501, "5.5.4", "PROTO must be SMTP or ESMTP")
    _address(said.get("DESTADDR"))
    _port(said.get("DESTPORT"))
    address = _address(said["ADDR"]) or UNKNOWN if "ADDR" in said else None
    return Client(address, _port(said.get("PORT")), said.get("LOGIN"))


def _address(text: str | None) -> str | None:
    if text is None:
        return None
    prefixed = text.lower().startswith(_IPV6)
    try:
        address = ipaddress.ip_address(text[len(_IPV6) :] if prefixed else text)
    except ValueError:
        raise BadSyntax(501, "5.5.4", "That is not an address") from None
    if prefixed and address.version == 4:
        raise BadSyntax(501, "5.5.4", "That is not an address")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= 65_535):
        raise BadSyntax(501, "5.5.4", "That is not a port")
    return int(text)
