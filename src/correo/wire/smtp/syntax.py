"""The arguments of commands: paths, parameters, names of hosts, xtext, base64 (RFC 5321 §4.1.2, RFC 3461 §4, RFC 4954 §4).

Each parser takes text without control characters and returns a value or raises BadSyntax, whose words a client may see.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping

from correo.mail.address import Address, BadAddress

MAX_PARAMETERS = 20  # of one command; all that were ever defined are fewer
MAX_HELO = 255  # octets, RFC 5321 §4.5.3.1.2

Parameters = Mapping[str, str | None]

_DOMAIN = r"(?:\[[^\[\]<>\s]*\]|[^\s<>:,\"@\[\]]+)"
# A source route is taken and left out (RFC 5321 §4.1.1.3, appendix C); what is in quotes may hold any blank or bracket.
_PATH = re.compile(
    rf"<(?:@{_DOMAIN}(?:,@{_DOMAIN})*:(?!>))?((?:\"(?:[^\"\\]|\\.)*\"|[^<>\"\s])*)>"
    r"|([^\s<>\"]+)"  # without brackets, as old devices write and every large server allows
)
_KEYWORD = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u0080-\U0010ffff]+))?")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEXCHAR = re.compile(r"\+([0-9A-F]{2})")
_POSTMASTER = "postmaster"


class BadSyntax(Exception):
    """The argument cannot be read: reply code, enhanced code, words."""

    def __init__(self, code: int, enhanced: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.enhanced = enhanced
        self.text = text


def parse_reverse_path(argument: str) -> tuple[Address | None, Parameters]:
    """`FROM:<path> parameters`; None is the null reverse-path. Raises BadSyntax."""
    path, rest = _path(argument, "FROM", "5.1.7")
    return (_address(path, "5.1.7") if path else None), parse_parameters(rest)


def parse_forward_path(argument: str) -> tuple[Address | None, Parameters]:
    """`TO:<path> parameters`; None is `<Postmaster>` without a domain (RFC 5321 §4.1.1.3). Raises BadSyntax."""
    path, rest = _path(argument, "TO", "5.1.3")
    if path.lower() == _POSTMASTER:
        return None, parse_parameters(rest)
    return _address(path, "5.1.3"), parse_parameters(rest)


def parse_parameters(text: str) -> Parameters:
    """`KEYWORD=value KEYWORD`, keywords in upper case, each at most once (RFC 5321 §4.1.1.11)."""
    found: dict[str, str | None] = {}
    for word in text.split():
        match = _KEYWORD.fullmatch(word)
        if match is None:
            raise BadSyntax(501, "5.5.4", "A parameter is malformed")
        keyword = match[1].upper()
        if keyword in found:
            raise BadSyntax(501, "5.5.4", f"{keyword} is given twice")
        if len(found) == MAX_PARAMETERS:
            raise BadSyntax(501, "5.5.4", "Too many parameters")
        found[keyword] = match[2]
    return found


def parse_host(argument: str) -> str:
    """The name or address literal a client gives itself.

    Whatever it is, it serves: RFC 5321 §4.1.4 forbids refusing mail for it, and mail programs give the oddest names.
    """
    name = argument.partition(" ")[0]
    if not name:
        raise BadSyntax(501, "5.5.4", "Give the name of your host")
    if len(name) > MAX_HELO:
        raise BadSyntax(501, "5.5.4", "The name is longer than 255 octets")
    return name


def parse_nothing(argument: str) -> None:
    """For commands without an argument (RFC 5321 §4.1.1.5)."""
    if argument:
        raise BadSyntax(501, "5.5.4", "No argument is allowed here")


def decode_xtext(text: str) -> str | None:
    """RFC 3461 §4; None where `text` is no xtext of UTF-8."""
    if not _XTEXT.fullmatch(text):
        return None
    try:
        return _HEXCHAR.sub(lambda match: chr(int(match[1], 16)), text).encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return None


def decode_base64(text: bytes) -> bytes | None:
    """None where `text` is not base64."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        return None


def decode_initial_response(text: str) -> bytes | None:
    """The second word of AUTH: `=` stands for an empty one (RFC 4954 §4)."""
    return b"" if text == "=" else decode_base64(text.encode())


def _path(argument: str, keyword: str, enhanced: str) -> tuple[str, str]:
    head, colon, rest = argument.partition(":")
    if not colon or head.rstrip().upper() != keyword:
        raise BadSyntax(501, "5.5.4", f"The form is {keyword}:<address>")
    rest = rest.lstrip()
    match = _PATH.match(rest)
    if match is None or (match.end() < len(rest) and rest[match.end()] not in " \t"):
        raise BadSyntax(501, enhanced, f"The form is {keyword}:<address>")
    return (match[1] if match[2] is None else match[2]), rest[match.end() :]


def _address(path: str, enhanced: str) -> Address:
    try:
        return Address.parse(path)
    except BadAddress as bad:
        raise BadSyntax(501, enhanced, f"Bad address: {bad}") from None
