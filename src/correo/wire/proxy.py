"""The PROXY protocol, versions 1 and 2: a load balancer says for whom it connects, in front of everything else (haproxy's proxy-protocol.txt).

`ProxyReader` says how many octets it wants, and never more than belong to the header: what follows, TLS or mail, is untouched.
Strict: only peers that the operator has listed are asked, and one that does not keep to the protocol is not what it was listed as.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
MAX_TEXT = 107  # octets of a line of version 1 with its end, §2.1
MAX_BINARY = 4_096  # octets of addresses and extensions of version 2: certificates are sent in them, but nobody's are larger

_OPENING = len(SIGNATURE)  # octets that tell the versions apart, fewer than the shortest header of either has
_REST = 4  # octets of version 2 between those and the addresses
_TEXT = re.compile(
    rb"PROXY (?:TCP([46]) ([0-9A-Fa-f:.]{2,39}) ([0-9A-Fa-f:.]{2,39}) ([0-9]{1,5}) ([0-9]{1,5})|UNKNOWN(?: [ -~]*)?)\r\n"
)
_LOCAL, _PROXY = 0x20, 0x21  # version and command
_SIZES = {0x11: 4, 0x21: 16}  # TCP over IPv4, IPv6: octets of an address
_UNKNOWN = {0x00: 0, 0x31: 216}  # nothing said, and a local socket: octets that are there in any case
_CRC32C = 0x03
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Relayed:
    """For whom, and where that client had connected to: addresses in their usual spelling."""

    source: tuple[str, int]
    destination: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Own:
    """The balancer speaks for itself (a check of health), or does not know for whom: what the socket says is true."""


@dataclass(frozen=True, slots=True)
class Malformed:
    reason: str


Origin = Relayed | Own | Malformed


class ProxyReader:
    """Feed it octets, at most `wanted` of them, until `origin` is something."""

    __slots__ = ("_heard", "origin", "wanted")

    def __init__(self) -> None:
        self._heard = bytearray()
        self.wanted = _OPENING
        self.origin: Origin | None = None

    def feed(self, data: bytes) -> None:
        """b"" is the end of the stream."""
        if not data:
            self.origin = Malformed("the connection ended within the header")
            return
        self._heard += data
        self.wanted -= len(data)
        if self.wanted == 0:
            self._go_on()

    def _go_on(self) -> None:
        heard = bytes(self._heard)
        if heard.startswith(SIGNATURE):
            self._binary(heard)
        elif not heard.startswith(b"PROXY "):
            self.origin = Malformed("there is no header")
        elif heard.endswith(b"\r\n"):
            self.origin = _text(heard)
        elif len(heard) >= MAX_TEXT or b"\n" in heard:
            self.origin = Malformed("the line does not end")
        else:
            self.wanted = 1  # a line has no length in front of it

    def _binary(self, heard: bytes) -> None:
        if len(heard) == _OPENING:
            self.wanted = _REST
            return
        start = _OPENING + _REST
        size = int.from_bytes(heard[start - 2 : start], "big")
        if size > MAX_BINARY:
            self.origin = Malformed("the header is too long")
        elif len(heard) < start + size:
            self.wanted = start + size - len(heard)
        else:
            self.origin = _addresses(heard)


def _text(line: bytes) -> Origin:
    match = _TEXT.fullmatch(line)
    if match is None:
        return Malformed("the line is none of version 1")
    if match[1] is None:
        return Own()
    kind = ipaddress.IPv4Address if match[1] == b"4" else ipaddress.IPv6Address
    try:
        source, destination = (_spelled(kind(match[number].decode("ascii")).packed) for number in (2, 3))
    except ValueError:
        return Malformed("an address is none")
    ports = match[4], match[5]
    if any((len(port) > 1 and port.startswith(b"0")) or int(port) > _MAX_PORT for port in ports):
        return Malformed("a port is none")
    return Relayed((source, int(ports[0])), (destination, int(ports[1])))


def _addresses(header: bytes) -> Origin:
    command, family = header[_OPENING], header[_OPENING + 1]
    body = header[_OPENING + _REST :]
    if command == _LOCAL:  # whatever it says besides is to be ignored (§2.2)
        return Own()
    if command != _PROXY:
        return Malformed("the version or the command is unknown")
    if family in _UNKNOWN:
        used = _UNKNOWN[family]
    elif family in _SIZES:
        used = 2 * _SIZES[family] + 4
    else:
        return Malformed("the family of addresses is none of a stream")
    if len(body) < used:
        return Malformed("the addresses are cut off")
    if wrong := _extensions(header, _OPENING + _REST + used):
        return Malformed(wrong)
    return _relayed(body, _SIZES[family]) if family in _SIZES else Own()


def _relayed(body: bytes, size: int) -> Relayed:
    source, destination = body[:size], body[size : 2 * size]
    ports = body[2 * size : 2 * size + 4]
    return Relayed(
        (_spelled(source), int.from_bytes(ports[:2], "big")),
        (_spelled(destination), int.from_bytes(ports[2:], "big")),
    )


def _spelled(packed: bytes) -> str:
    """An IPv4 address that was written as one of IPv6 is one of IPv4."""
    address = ipaddress.ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _extensions(header: bytes, start: int) -> str:
    """What is wrong with the type-length-value vectors of §2.2; "" for nothing. All but the checksum are let pass."""
    at = start
    while at < len(header):
        size = int.from_bytes(header[at + 1 : at + 3], "big")
        value = at + 3
        if value + size > len(header) or value > len(header):
            return "an extension is cut off"
        if header[at] == _CRC32C:
            cleared = header[:value] + bytes(size) + header[value + size :]
            if size != 4 or int.from_bytes(header[value : value + 4], "big") != crc32c(cleared):
                return "the checksum is wrong"
        at = value + size
    return ""


def _table() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        value = octet
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The checksum of RFC 4960 appendix B, which the standard library does not have."""
    value = 0xFFFFFFFF
    for octet in data:
        value = (value >> 8) ^ _TABLE[(value ^ octet) & 0xFF]
    return value ^ 0xFFFFFFFF
