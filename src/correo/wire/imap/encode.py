"""The wire form of what a server says (RFC 3501 §7, §9): octets for `framing.Server.send`.

Whatever text these functions are given, what they return is one well-formed response: no argument can end its
line or begin another. ENVELOPE and BODYSTRUCTURE are made by `mail.message`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from correo.mail.instant import DAY, SECOND, moment
from correo.wire.imap import utf7

NIL = b"NIL"
UNTAGGED = "*"

_ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+').fullmatch
_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*").fullmatch
_ESCAPED = re.compile(rb'["\\]')
_NOT_TEXT = re.compile(r"[^ -~]+")
_NOT_CODE = re.compile(r"[^ -\\^-~]+")  # nor "]", which would end it
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# -- strings ------------------------------------------------------------------------------------------------------


def quote(value: str | bytes) -> bytes:
    """`string`: quoted where the octets allow that, else a literal. A str goes out as UTF-8."""
    octets = value.encode("utf-8", "replace") if isinstance(value, str) else value
    if _QUOTABLE(octets):
        if b'"' in octets or b"\\" in octets:
            octets = _ESCAPED.sub(rb"\\\g<0>", octets)
        return b'"' + octets + b'"'
    return literal(octets)


def literal(octets: bytes) -> bytes:
    """Outside BINARY it must not hold NUL (RFC 3501 §9 `CHAR8`): what is sent instead, the caller decides."""
    return literal_head(len(octets)) + octets


def literal_head(size: int) -> bytes:
    """For octets that follow in pieces."""
    return b"{%d}\r\n" % size


def astring(value: str | bytes) -> bytes:
    """As an atom where that is possible and cannot be taken for NIL."""
    octets = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return octets if _ASTRING(octets) and octets.upper() != NIL else quote(octets)


def nstring(value: str | bytes | None) -> bytes:
    return NIL if value is None else quote(value)


def mailbox(name: str, *, utf8: bool = False) -> bytes:
    """In modified UTF-7 unless the client enabled UTF-8 (RFC 6855 §3).

    Raises ValueError on half a surrogate pair, which no mailbox name holds.
    """
    if not utf8:
        return astring(utf7.encode(name))
    octets = name.encode("utf-8")
    if octets.isascii() or b"\r" in octets or b"\n" in octets or b"\x00" in octets:
        return astring(octets)
    return b'"' + _ESCAPED.sub(rb"\\\g<0>", octets) + b'"'


# -- lists and values ---------------------------------------------------------------------------------------------


def parens(items: Iterable[bytes]) -> bytes:
    return b"(" + b" ".join(items) + b")"


def flags(names: Iterable[str]) -> bytes:
    """`flag-list`; the names are flags as `Arguments.flag` takes them, or `\\*`."""
    return ("(" + " ".join(names) + ")").encode("ascii")


def internaldate(instant: int, offset: int = 0) -> bytes:
    """`date-time` of microseconds since 1970 UTC, shown in the zone `offset` minutes east of UTC."""
    day, second = divmod(instant // SECOND + offset * 60, 86_400)
    return b'"%b %02d:%02d:%02d %b"' % (
        _day(day),
        second // 3600,
        second // 60 % 60,
        second % 60,
        _zone(offset),
    )


@lru_cache(maxsize=1024)
def _day(day: int) -> bytes:
    """The date of a day counted from 1970-01-01; the messages of one mailbox share few."""
    when = moment(day * DAY)
    return f"{when.day:02d}-{_MONTHS[when.month - 1]}-{when.year:04d}".encode("ascii")


@lru_cache(maxsize=64)
def _zone(offset: int) -> bytes:
    return b"%b%02d%02d" % (b"-" if offset < 0 else b"+", abs(offset) // 60, abs(offset) % 60)


# -- responses ----------------------------------------------------------------------------------------------------


def ok(tag: str, text: str, code: str = "") -> bytes:
    """`code`: a response code with its arguments and without brackets, `UIDNEXT 7`. `tag` may be UNTAGGED."""
    return _condition(tag, "OK", text, code)


def no(tag: str, text: str, code: str = "") -> bytes:
    return _condition(tag, "NO", text, code)


def bad(tag: str, text: str, code: str = "") -> bytes:
    return _condition(tag, "BAD", text, code)


def bye(text: str, code: str = "") -> bytes:
    return _condition(UNTAGGED, "BYE", text, code)


def _condition(tag: str, status: str, text: str, code: str) -> bytes:
    text = _NOT_TEXT.sub("?", text) or status
    if code:
        text = f"[{_NOT_CODE.sub('?', code)}] {text}"
    elif text.startswith("["):  # would be read as a response code
        text = f"({text[1:]}"
    return f"{tag} {status} {text}\r\n".encode("ascii")


def untagged(*words: bytes) -> bytes:
    """`* words...`: for responses with a form of their own, made of the parts above."""
    return b"* " + b" ".join(words) + b"\r\n"


def continuation(text: bytes = b"") -> bytes:
    """`+ text`: base64 of a SASL challenge, or words; the space stands even before nothing (RFC 3501 §7.5)."""
    return b"+ " + text + b"\r\n"


def capability(words: Iterable[str]) -> bytes:
    return untagged(b"CAPABILITY", " ".join(words).encode("ascii"))


def exists(count: int) -> bytes:
    return b"* %d EXISTS\r\n" % count


def recent(count: int) -> bytes:
    return b"* %d RECENT\r\n" % count


def expunge(number: int) -> bytes:
    return b"* %d EXPUNGE\r\n" % number


def vanished(uids: Iterable[tuple[int, int]], *, earlier: bool = False) -> bytes:
    """Of UIDs as ranges, at least one (RFC 7162 §3.2.10)."""
    members = ",".join(str(low) if low == high else f"{low}:{high}" for low, high in uids).encode("ascii")
    return b"* VANISHED %b%b\r\n" % (b"(EARLIER) " if earlier else b"", members)


def fetch_response(number: int, attributes: Iterable[bytes]) -> bytes:
    """`attributes`: the answers already spelled, `FLAGS (\\Seen)`, `BODY[TEXT] {5}...`."""
    return b"* %d FETCH (%b)\r\n" % (number, b" ".join(attributes))


def uidfetch_response(uid: int, attributes: Iterable[bytes]) -> bytes:
    """What FETCH is called once UIDONLY is enabled (RFC 9586 §3.3)."""
    return b"* %d UIDFETCH (%b)\r\n" % (uid, b" ".join(attributes))


def search_response(numbers: Iterable[int], modseq: int = 0) -> bytes:
    """`modseq`: the highest of these messages where that was asked for (RFC 7162 §3.1.6), else 0."""
    highest = b" (MODSEQ %d)" % modseq if modseq else b""
    return b" ".join([b"* SEARCH", *(b"%d" % number for number in numbers)]) + highest + b"\r\n"


def list_response(
    kind: str,
    attributes: Iterable[str],
    separator: str | None,
    name: str,
    *,
    extended: Iterable[bytes] = (),
    utf8: bool = False,
) -> bytes:
    """`kind`: LIST or LSUB. `extended`: tags and their values, for clients that know them (RFC 5258 §3)."""
    words = [kind.encode("ascii"), flags(attributes), nstring(separator), mailbox(name, utf8=utf8)]
    if items := tuple(extended):
        words.append(parens(items))
    return untagged(*words)


def status_response(name: str, values: Mapping[str, int | str], *, utf8: bool = False) -> bytes:
    """Values that are no numbers stand as they are given: `(F17)`, `NIL`."""
    items = (f"{item} {value}".encode("ascii") for item, value in values.items())
    return untagged(b"STATUS", mailbox(name, utf8=utf8), parens(items))
