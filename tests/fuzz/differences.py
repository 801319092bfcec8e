"""What three readers make of one message, and the reasons why they may differ (docs/mime-differences.md, row for row).

The readers are ours, `email` of the standard library, and `fast-mail-parser`, which is written in Rust. Compared are the tree of parts,
the decoded octets of each, the fields of the header, and the names of files. A reason is a property of the message, found without
asking any of the three where that can be: what is well formed has none, and there they must agree.
"""

from __future__ import annotations

import binascii
import email
import email.policy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message

import fast_mail_parser

from correo.mail.message import Part, decode_body, iterate_fields, read_header, scan, unfold
from correo.mail.message.scan import MAX_DEPTH

EMBEDDED = ("message/rfc822", "message/global")
EMAIL, RUST = "email", "fast-mail-parser"
BOTH = (EMAIL, RUST)

_TOKEN = rb"[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+"
_PARAMETER = rb"[ \t]*;[ \t]*%b=(?:%b|\"[^\"\\\x80-\xff]*\")" % (_TOKEN, _TOKEN)
_TYPE = re.compile(rb"%b/%b(?:%b)*" % (_TOKEN, _TOKEN, _PARAMETER))
_DISPOSITION = re.compile(rb"%b(?:%b)*" % (_TOKEN, _PARAMETER))
_LINES = re.compile(rb"[^\n]*\n|[^\n]+")
_FIELD_LINE = re.compile(rb"[!-9;-~]+:[^\x00]*|[ \t]+[^ \t\r\n][^\x00]*|\r?\n", re.DOTALL)
_QP = re.compile(rb"(?:[\t -<>-~\x80-\xff]|=[0-9A-F]{2}|=?\r?\n)*")
_BASE64 = re.compile(rb"[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*")
_ENCODINGS = frozenset({b"7bit", b"8bit", b"binary", b"base64", b"quoted-printable"})


# -- what each reader sees ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """One part. `octets` None: not compared, for there are parts in it, or a reader opened it that only says what is inside."""

    kind: str
    octets: bytes | None
    filename: str
    children: tuple[Seen, ...] = ()

    @property
    def tree(self) -> object:
        return self.kind, [child.tree for child in self.children]

    def leaves(self) -> Iterator[Seen]:
        yield self
        for child in self.children:
            yield from child.leaves()


def ours(data: bytes, part: Part) -> Seen:
    kind = f"{part.type}/{part.subtype}"
    children = tuple(ours(data, child) for child in part.children)
    return Seen(kind, None if children else _trimmed(decode_body(data, part)), part.filename, children)


def of_email(message: Message) -> Seen:
    kind, name = message.get_content_type(), message.get_filename() or ""
    payload = message.get_payload()
    if isinstance(payload, list):
        opened = kind.startswith("multipart/") or kind in EMBEDDED  # reports of delivery are no parts for us
        return Seen(
            kind,
            None,
            name,
            tuple(of_email(child) for child in payload if opened and isinstance(child, Message)),
        )
    octets = message.get_payload(decode=True)
    # A multipart in which nothing was found is text for us.
    kind = "text/plain" if kind.startswith("multipart/") else kind
    return Seen(kind, _trimmed(octets if isinstance(octets, bytes) else b""), name)


def of_rust(part: fast_mail_parser.PyMimePart) -> Seen:
    children = tuple(of_rust(child) for child in part.children)
    octets = None if children or part.content is None else _trimmed(bytes(part.content))
    return Seen(part.content_type.lower(), octets, part.filename or "", children)


def _trimmed(octets: bytes) -> bytes:
    """Which line end is of the text, and which of the delimiter behind it, is read in several ways."""
    return octets.replace(b"\r\n", b"\n").strip(b"\r\n \t")


# -- comparing ---------------------------------------------------------------------------------------------------------


def compare(data: bytes) -> Iterator[str]:
    """The differences that have no reason."""
    root = scan(data)
    mine = ours(data, root)
    theirs = email.message_from_bytes(data, policy=email.policy.compat32)
    found = [(EMAIL, what) for what in _fields(data, root, theirs)]
    try:
        found += [(EMAIL, what) for what in _different(mine, of_email(theirs))]
    except (
        Exception
    ):  # names of charsets with NUL, and pieces of parameters without numbers, are too much for it
        pass
    try:
        rust = of_rust(fast_mail_parser.parse_email_tree(data))
    except fast_mail_parser.ParseError:
        pass  # it refuses what it cannot decode; we show what can be shown
    else:
        found += [(RUST, what) for what in _different(mine, rust)]
    if found:
        held = {name for name, reason in REASONS.items() if reason.holds(data, root)}
        for reader, what in found:
            if not any(reader in REASONS[name].readers for name in held):
                yield f"{reader}: {what}"


def _different(mine: Seen, theirs: Seen) -> Iterator[str]:
    if mine.tree != theirs.tree:
        yield f"the parts are {mine.tree} for us, and {theirs.tree}"
        return
    for one, other in zip(mine.leaves(), theirs.leaves(), strict=True):
        if one.octets is not None and other.octets is not None and one.octets != other.octets:
            yield f"a {one.kind} says {one.octets[:200]!r} for us, and {other.octets[:200]!r}"
        if one.filename != other.filename:
            yield f"a file is called {one.filename!r} for us, and {other.filename!r}"


def _fields(data: bytes, root: Part, theirs: Message) -> Iterator[str]:
    mine = [(field.name.lower(), unfold(field.value)) for field in iterate_fields(data[: root.body])]
    said = [(name.lower().encode(), _raw(value)) for name, value in theirs.raw_items()]
    if mine != said:
        only = next(
            (pair for pair in zip(mine, said, strict=False) if pair[0] != pair[1]), (len(mine), len(said))
        )
        yield f"the header has {only[0]} for us, and {only[1]}"


def _raw(value: str) -> bytes:
    return unfold(value.encode("ascii", "surrogateescape"))


# -- the reasons -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reason:
    """`readers`: those that read such a message in another way than we do."""

    readers: tuple[str, ...]
    holds: Callable[[bytes, Part], bool]


def _parts(root: Part) -> Iterator[Part]:
    waiting = [root]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += part.children


def _headers(data: bytes, root: Part) -> Iterator[bytes]:
    return (data[part.start : part.body] for part in _parts(root))


def _values(data: bytes, root: Part, name: bytes) -> Iterator[list[bytes]]:
    for header in _headers(data, root):
        if found := read_header(header)[0].every(name):
            yield found


def _is_no_line(data: bytes, root: Part) -> bool:
    return re.search(rb"\r(?!\n)|[\x00\x0b\x0c\x1c-\x1e\x85]", data) is not None


def _is_no_field(data: bytes, root: Part) -> bool:
    for header in _headers(data, root):
        lines = _LINES.findall(header)
        if lines and (lines[0][:1] in b" \t" or not all(map(_FIELD_LINE.fullmatch, lines))):
            return True
    return False


def _has_no_header(data: bytes, root: Part) -> bool:
    """Of a message, or the header has no empty line behind it."""
    return any(
        not header.endswith((b"\n\n", b"\n\r\n")) and header not in (b"\n", b"\r\n")
        for header in _headers(data, root)
    )


def _type_is_odd(data: bytes, root: Part) -> bool:
    return any(
        not _TYPE.fullmatch(value) for found in _values(data, root, b"content-type") for value in found
    )


def _disposition_is_odd(data: bytes, root: Part) -> bool:
    found = _values(data, root, b"content-disposition")
    return any(not _DISPOSITION.fullmatch(value) for values in found for value in values)


def _name_is_encoded(data: bytes, root: Part) -> bool:
    return any(b"=?" in header or re.search(rb"\*\d*\*?=", header) for header in _headers(data, root))


def _boundaries(root: Part) -> Iterator[tuple[Part, bytes]]:
    for part in _parts(root):
        boundary = dict(part.params).get("boundary", b"")
        if part.type == "multipart" and boundary:
            yield part, boundary


def _has_no_parts(data: bytes, root: Part) -> bool:
    """It is said to be a multipart, and no delimiter is found, or none that opens a part."""
    said = sum(
        value[:1][0].lower().startswith(b"multipart") for value in _values(data, root, b"content-type")
    )
    return said != sum(1 for _ in _boundaries(root)) or any(
        child.end == child.start for part, _ in _boundaries(root) for child in part.children
    )


def _is_not_closed(data: bytes, root: Part) -> bool:
    for part, boundary in _boundaries(root):
        closing = re.compile(rb"^--%b--[ \t]*\r?$" % re.escape(boundary), re.MULTILINE)
        if not closing.search(data, part.body, part.end):
            return True
    return False


def _is_nearly_a_delimiter(data: bytes, root: Part) -> bool:
    """A line that begins as one does and is none, or a delimiter with blanks behind it, or behind the last."""
    for part, boundary in _boundaries(root):
        lines = re.findall(rb"^--%b[^\n]*" % re.escape(boundary), data[part.body :], re.MULTILINE)
        closed = False
        for line in lines:
            if closed or line.removesuffix(b"\r") not in (b"--" + boundary, b"--" + boundary + b"--"):
                return True
            closed = line.removesuffix(b"\r").endswith(b"--")
        if boundary.startswith(b"-") or boundary.endswith(b"-") or boundary != boundary.strip():
            return True
    return False


def _is_encoded_container(data: bytes, root: Part) -> bool:
    return any(
        part.encoding not in ("7bit", "8bit", "binary")
        and (part.type in ("multipart", "message") or part.subtype == "octet-stream")
        for part in _parts(root)
    )


def _encoding_is_odd(data: bytes, root: Part) -> bool:
    """More than a word, none that is known, or folded: then `email` and the other do not see what it says."""
    for header in _headers(data, root):
        for field in iterate_fields(header):
            name = field.name.lower() == b"content-transfer-encoding"
            if name and field.value.lstrip(b" \t").lower() not in _ENCODINGS:
                return True
    return False


def _is_damaged(data: bytes, root: Part) -> bool:
    return any(
        not _is_sound(part.encoding, data[part.body : part.end]) for part in _parts(root) if not part.children
    )


def _is_sound(encoding: str, octets: bytes) -> bool:
    if encoding == "quoted-printable":
        return _QP.fullmatch(octets) is not None and not re.search(
            rb"[ \t]\r?(\n|\Z)|=\Z|[\x80-\xff]", octets
        )
    if encoding != "base64":
        return True
    if not _BASE64.fullmatch(octets):
        return False
    try:
        binascii.a2b_base64(b"".join(octets.split()), strict_mode=True)
    except binascii.Error:
        return octets.strip() == b""
    return True


def _is_other_message(data: bytes, root: Part) -> bool:
    return any(part.type == "message" and part.subtype != "rfc822" for part in _parts(root))


def _is_deep(data: bytes, root: Part) -> bool:
    return _depth(root) >= MAX_DEPTH


def _depth(part: Part) -> int:
    return 1 + max(map(_depth, part.children), default=-1)


# A row of docs/mime-differences.md each.
REASONS: dict[str, Reason] = {
    "a CR without LF, and other controls": Reason(BOTH, _is_no_line),
    "a line in a header that is no field": Reason(BOTH, _is_no_field),
    "a header without an empty line behind it": Reason(BOTH, _has_no_header),
    "a type that breaks the grammar": Reason(BOTH, _type_is_odd),
    "a disposition that breaks the grammar": Reason(BOTH, _disposition_is_odd),
    "names of files in encoded-words or in pieces": Reason(BOTH, _name_is_encoded),
    "a multipart without parts": Reason((RUST,), _has_no_parts),
    "a multipart without its last delimiter": Reason(BOTH, _is_not_closed),
    "a line that is nearly a delimiter": Reason((RUST,), _is_nearly_a_delimiter),
    "a message or multipart that is encoded": Reason(BOTH, _is_encoded_container),
    "an encoding of more than one word, with blanks behind it, or on a second line": Reason(
        BOTH, _encoding_is_odd
    ),
    "damaged base64 or quoted-printable": Reason(BOTH, _is_damaged),
    "messages inside that are no message/rfc822": Reason((RUST,), _is_other_message),
    "parts on more than 32 levels": Reason(BOTH, _is_deep),
}
