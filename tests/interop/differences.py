"""What Correo and Dovecot may answer differently about one message: each rule is a row of docs/imap-differences.md.

`spelled` takes away what only looks different; then each difference must be explained by a rule that knows it from the message
itself and from both answers.
"""

from __future__ import annotations

import base64
import email
import email.policy
import email.utils
import quopri
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.headerregistry import AddressHeader
from functools import cache

from tests.interop.dovecot import Tree
from tests.interop.questions import Difference

Holds = Callable[[Difference], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    row: str  # the first cell of its row
    about: str  # a pattern that the question must match
    holds: Holds


def rule_for(difference: Difference) -> Rule | None:
    """The first rule that explains it."""
    for rule in RULES:
        if re.match(rule.about, difference.question) and rule.holds(difference):
            return rule
    return None


# Spelling: the rows about NIL, case, blanks, and words put in the place of what is missing.


SPELLINGS = (
    "`BODY[9]` where there is no such part, `BODY[1.HEADER]` of a part that is no message",
    "label of `BODY[HEADER.FIELDS (from)]`",
    "`HEADER.FIELDS.NOT` of a header without an empty line after it",
    "`HEADER.FIELDS.NOT` of lines that are no fields (`From ` of mbox files)",
    "ENVELOPE of an address without a domain or mailbox",
    "tabs and double blanks in ENVELOPE's subject and in descriptions",
    "types, encodings and dispositions in BODYSTRUCTURE",
)


def spelled(question: str, answer: Tree) -> Tree:
    if isinstance(answer, list):
        return [spelled(question, one) for one in answer]
    if question.startswith("BODY["):
        if question.startswith("BODY[HEADER.FIELDS.NOT") and isinstance(answer, tuple):
            return (_fields_only(answer[0]),)
        return (b"",) if answer == b"NIL" else answer
    if isinstance(answer, tuple) and question in ("ENVELOPE", "BODY", "BODYSTRUCTURE"):
        if answer[0] in (b"MISSING_DOMAIN", b"MISSING_MAILBOX", b"SYNTAX_ERROR"):
            return (b"",)
        text = b" ".join(answer[0].split())
        return (text if question == "ENVELOPE" else text.lower(),)
    return answer


_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")


def _fields_only(header: bytes) -> bytes:
    """Without the lines that are no fields, and with an empty line at the end."""
    kept: list[bytes] = []
    in_field = False
    for line in header.splitlines(keepends=True):
        in_field = _FIELD.match(line) is not None or (in_field and line.startswith((b" ", b"\t")))
        if in_field:
            kept.append(line.rstrip(b"\r\n") + b"\r\n")
    return b"".join(kept) + b"\r\n"


# What is known of a message. Independent of both servers: by patterns, and by Python's own parser.


@cache
def parsed(message: bytes) -> email.message.Message:
    return email.message_from_bytes(message, policy=email.policy.compat32)


def header_of(message: bytes) -> bytes:
    return (
        re.split(rb"\r?\n\r?\n", message, maxsplit=1)[0] if not message.startswith((b"\r\n", b"\n")) else b""
    )


def body_of(message: bytes) -> bytes:
    return message[len(header_of(message)) :]


def first_line_is_no_field(message: bytes) -> bool:
    return re.match(rb"[!-9;-~]+[ \t]*:|>?From |\r?\n", message) is None


def values(message: bytes, name: str) -> list[str]:
    """What all fields of this name say, on one line each."""
    pattern = rb"^%b[ \t]*:((?:[^\n]*)(?:\n[ \t][^\n]*)*)" % name.encode()
    return [
        re.sub(r"\r?\n", "", value.decode("utf-8", "surrogateescape")).strip()
        for value in re.findall(pattern, header_of(message), re.M | re.I)
    ]


SINGLE = (
    "From",
    "Sender",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "Content-Type",
    "Content-Disposition",
)
_DATE = re.compile(
    r"((Mon|Tue|Wed|Thu|Fri|Sat|Sun),\s*)?(0?[1-9]|[12]\d|3[01])\s+(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    r"\s+(19|20)\d\d\s+([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?\s+([+-]\d{4}|[A-Z]{1,3})(\s*\(.*\))?",
    re.I,
)


def twice(message: bytes) -> bool:
    """A field that there may be only once, in any of its headers, is there again."""
    return any(len(part.get_all(name, [])) > 1 for part in parsed(message).walk() for name in SINGLE)


def undated(message: bytes) -> bool:
    """It has no date in the form of RFC 5322 §3.3."""
    dates = values(message, "Date")
    if len(dates) != 1 or _DATE.fullmatch(dates[0]) is None:
        return True
    try:
        return not email.utils.parsedate_to_datetime(dates[0])
    except ValueError:  # the 31st of February
        return True


def misaddressed(message: bytes, *names: str) -> bool:
    """A field of addresses that Python's parser finds fault with."""
    found = [value for name in names for value in values(message, name)]
    return any(_faulty(value) for value in found)


@cache
def _faulty(value: str) -> bool:
    tokens: dict[str, object] = {"defects": []}
    try:
        AddressHeader.parse(value, tokens)
    except (IndexError, AttributeError, ValueError):  # some it does not even survive
        return True
    return bool(tokens["defects"])


ADDRESSES = ("From", "Sender", "Reply-To", "To", "Cc", "Bcc")


def boundaries(message: bytes) -> list[bytes]:
    return [
        (quoted or plain).rstrip()
        for quoted, plain in re.findall(rb'boundary\*?=(?:"([^"\r\n]*)"|([^\s;"]*))', message, re.I)
    ]


def delimited_oddly(message: bytes) -> bool:
    """A line that begins as a delimiter and goes on otherwise, or boundaries of which one begins as another does."""
    found = boundaries(message)
    odd = any(
        re.search(rb"^--%b(?!(--)?[ \t]*\r?$)" % re.escape(boundary), message, re.M) for boundary in found
    )
    return odd or any(
        one.startswith(other) for at, one in enumerate(found) for other in found[:at] + found[at + 1 :]
    )


def undelimited(message: bytes) -> bool:
    """A multipart without a boundary, or in which it never occurs; or cut off before the first part begins."""
    multiparts = len(re.findall(rb"^content-type:\s*multipart/", message, re.M | re.I))
    return multiparts > len(boundaries(message)) or any(
        not boundary or not re.search(rb"^--%b[ \t]*\r?$" % re.escape(boundary), message, re.M)
        for boundary in boundaries(message)
    )


def part_without_empty_line(message: bytes) -> bool:
    """After some delimiter, or at the start of a message inside, come lines that are no fields before an empty one does."""
    for boundary in boundaries(message):
        for part in re.split(rb"^--%b(?:--)?[ \t]*\r?\n" % re.escape(boundary), message, flags=re.M)[1:]:
            if not re.match(rb"(?:[!-9;-~]+[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*)*(?:\r?\n|\Z|--)", part):
                return True
    return False


_TYPE = re.compile(
    r"\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*/\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*(\([^()]*\)\s*)?(;|$)"
)
_PARAMETER = re.compile(
    r"\s*;\s*[^\s=;\"()/]+\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^\s()<>@,;:\\\"/\[\]?=]+)\s*(\([^()]*\)\s*)?"
)


def _fields_of_parts(message: bytes, name: str) -> list[str]:
    pattern = rb"^%b[ \t]*:((?:[^\n]*)(?:\n[ \t][^\n]*)*)" % name.encode()
    return [
        re.sub(r"\r?\n", "", value.decode("latin-1")).strip()
        for value in re.findall(pattern, message, re.M | re.I)
    ]


def mistyped(message: bytes) -> bool:
    """A Content-Type that cannot be read."""
    return any(not _TYPE.match(value) for value in _fields_of_parts(message, "Content-Type"))


def misparametered(message: bytes) -> bool:
    """Parameters that break the grammar: words without "=", without a name, with special characters outside of quotes."""
    for name in ("Content-Type", "Content-Disposition"):
        for value in _fields_of_parts(message, name):
            rest = re.sub(r"^[^;]*", "", value)
            head = value[: len(value) - len(rest)]
            if not re.fullmatch(r"[^\s;()]+(\s*/\s*[^\s;()]+)?\s*(\([^()]*\))?\s*", head):
                return True
            while match := _PARAMETER.match(rest):
                rest = rest[match.end() :]
            if rest.strip(" ;"):
                return True
    return False


def extended(message: bytes) -> bool:
    """Parameters of RFC 2231."""
    return (
        re.search(
            rb"^[ \t]*content-(type|disposition):[^\n]*(\n[ \t][^\n]*)*[;\s]\w+\*\d*\*?=",
            message,
            re.M | re.I,
        )
        is not None
    )


def subject_odd(message: bytes) -> bool:
    """A subject that is too long, in octets outside of UTF-8, or whose encoded words break RFC 2047."""
    for value in values(message, "Subject"):
        octets = value.encode("utf-8", "surrogateescape")
        words = re.findall(rb"=\?([^?]*)\?(.)\?([^?]*)\?=", octets)
        if len(octets) > 500 or b"\r" in octets or _not_utf8(octets) or any(map(_odd_word, words)):
            return True
    return False


def _odd_word(word: tuple[bytes, bytes, bytes]) -> bool:
    charset, encoding, text = word
    if b" " in text or encoding not in b"qQbB":
        return True
    try:
        octets = base64.b64decode(text) if encoding in b"bB" else quopri.decodestring(text, header=True)
        octets.decode(charset.decode())
    except (LookupError, ValueError):
        return True
    return False


def _not_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return True
    return False


def contains(octets: bytes, asked: str) -> bool:
    """Whether the word of a search stands in the octets as they are."""
    word = asked.encode().upper()
    return word in b" ".join(octets.upper().split()) or word in octets.upper()


def asked(difference: Difference) -> str:
    """The word of a search."""
    return re.sub(rf"^{_KEYS}\s", "", difference.question)


_KEYS = r"(?:NOT |OR SEEN |UNSEEN 5:300 )?(?:SUBJECT|FROM|TO|CC|BCC|BODY|TEXT|HEADER \S+)"
_INNER = r"(?:NOT |OR SEEN |UNSEEN 5:300 )?(?:BODY|TEXT) "


def found_by_us(difference: Difference) -> bool:
    return bool(difference.ours) is not difference.question.startswith("NOT ")


def of(feature: Callable[[bytes], bool]) -> Holds:
    return lambda difference: feature(difference.message)


def known_by(*numbers: int) -> Holds:
    """The envelopes differ in these places alone."""

    def holds(difference: Difference) -> bool:
        ours, theirs = difference.ours, difference.theirs
        assert isinstance(ours, list)
        assert isinstance(theirs, list)
        return {at for at in range(10) if ours[at] != theirs[at]} <= set(numbers)

    return holds


def both(*conditions: Holds) -> Holds:
    return lambda difference: all(condition(difference) for condition in conditions)


def _of_a_leaf(difference: Difference) -> bool:
    return bool(difference.ours == (b"",))


def _line_end_more(difference: Difference) -> bool:
    ours, theirs = difference.ours, difference.theirs
    return isinstance(ours, tuple) and theirs == (ours[0] + b"\r\n",)


def _unmarked(message: bytes) -> bool:
    """Fields of MIME without MIME-Version and Content-Type."""
    return not re.search(rb"^(mime-version|content-type)[ \t]*:", header_of(message), re.M | re.I)


def _encoding_odd(message: bytes) -> bool:
    return any(
        not re.fullmatch(r"(7bit|8bit|binary|base64|quoted-printable)", value, re.I)
        for value in _fields_of_parts(message, "Content-Transfer-Encoding")
    )


def _encoded_container(message: bytes) -> bool:
    return (
        re.search(
            rb"content-type: message/rfc822\r?\ncontent-transfer-encoding: (base64|quoted-printable)",
            message,
            re.I,
        )
        is not None
    )


def _headless(message: bytes) -> bool:
    """A message inside a part that has no field and no empty line."""
    return (
        re.search(
            rb"content-type: message/rfc822\r?\n(content-transfer-encoding:[^\n]*\n)?\r?\n[^\r\n:]+\r?\n",
            message,
            re.I,
        )
        is not None
    )


def _has(pattern: bytes) -> Holds:
    return lambda difference: re.search(pattern, difference.message, re.M | re.I) is not None


def _by_signs(difference: Difference) -> bool:
    """Of addresses: brackets, quotes and the like, or all of one that breaks the grammar."""
    signs = re.search(r"[^\w .-]", asked(difference)) is not None
    return misaddressed(difference.message, *ADDRESSES) or (signs and found_by_us(difference))


STRUCTURE = r"BODY(STRUCTURE)?$"
SECTION = r"BODY\[\d"
PARTS = rf"{STRUCTURE}|{SECTION}"

RULES = (
    Rule(
        "`BODY[1.1]` where part 1 is no multipart and no message", r"BODY\[[\d.]*\.\d(\.MIME)?\]", _of_a_leaf
    ),
    Rule("`BODY[n]` of a multipart inside another", SECTION, _line_end_more),
    Rule(
        "message whose first line is no field",
        r"ENVELOPE|BODY|RFC822|HEADER|SUBJECT|TO|NOT|TEXT|SENT",
        of(first_line_is_no_field),
    ),
    Rule("multipart without a boundary, or in which it never occurs", PARTS, of(undelimited)),
    Rule("boundaries that begin as others do, or end in `--`", PARTS, of(delimited_oddly)),
    Rule("part whose header runs into its body without an empty line", PARTS, of(part_without_empty_line)),
    Rule("a delimiter with nothing after it", STRUCTURE, _has(rb"^--[^\r\n]*[^\r\n-]\r?\n\Z")),
    Rule("`message/rfc822` in base64", PARTS, of(_encoded_container)),
    Rule("message inside that has no fields", PARTS, of(_headless)),
    Rule("`message/global`", PARTS, _has(rb"^content-type: message/global")),
    Rule("MIME without `MIME-Version` and `Content-Type`", STRUCTURE, of(_unmarked)),
    Rule("`Content-Transfer-Encoding` of more than one word", STRUCTURE, of(_encoding_odd)),
    Rule("`Content-Type: text`, or one that cannot be read", STRUCTURE, of(mistyped)),
    Rule("parameters of RFC 2231", PARTS, of(extended)),
    Rule("empty `Content-Disposition`", STRUCTURE, _has(rb"^content-disposition:[ \t]*\r?$")),
    Rule("parameters that break the grammar", STRUCTURE, of(misparametered)),
    Rule("`Content-Language` with empty places", r"BODYSTRUCTURE", _has(rb"^content-language:[^\n]*,\s*,")),
    Rule("field that may occur once, twice", rf"ENVELOPE|{STRUCTURE}", of(twice)),
    Rule(
        "addresses that break the grammar",
        "ENVELOPE",
        both(known_by(*range(2, 8)), lambda d: misaddressed(d.message, *ADDRESSES)),
    ),
    Rule("a CR without LF", r"BODY\[HEADER.FIELDS", _has(rb"\r\r")),
    Rule("a NUL", "ENVELOPE", both(known_by(1), _has(rb"\0"))),
    # SEARCH
    Rule(
        "`SENTBEFORE` and a message without a date that can be read",
        r"SENTBEFORE",
        both(of(undated), lambda d: not d.ours),
    ),
    Rule("dates that break the grammar and can be read", r"(OR |NOT \(SEEN )?SENT(ON|SINCE)", of(undated)),
    Rule('`FROM "<u@"` and the like', r"(FROM|TO|CC|BCC) ", _by_signs),
    Rule("parts of a type that cannot be read", _INNER, both(of(mistyped), found_by_us)),
    Rule("parts in an encoding that is not known", _INNER, both(of(_encoding_odd), found_by_us)),
    Rule(
        "text outside of fields",
        _INNER,
        lambda d: not found_by_us(d) and contains(header_of(d.message), asked(d)),
    ),
    Rule(
        '`TEXT "Content-Disposition"`',
        r"(NOT |OR SEEN |UNSEEN 5:300 )?TEXT ",
        lambda d: not found_by_us(d) and contains(body_of(d.message), asked(d)),
    ),
    Rule("`BODY`", _INNER, lambda d: found_by_us(d) and contains(body_of(d.message), asked(d))),
    Rule(
        "structures that are read differently, see above",
        _INNER,
        lambda d: undelimited(d.message) or delimited_oddly(d.message),
    ),
)

# Messages whose place in an order is another. An order is compared without them.


def _misaddressed(name: str) -> tuple[str, Callable[[bytes], bool]]:
    return "addresses that break the grammar", lambda message: misaddressed(message, name)


ORDERS: dict[str, tuple[str, Callable[[bytes], bool]]] = {
    "DATE": ("dates that break the grammar and can be read", undated),
    "SUBJECT": ("subjects that cannot be decoded, or are long", subject_odd),
    "FROM": _misaddressed("From"),
    "TO": _misaddressed("To"),
    "CC": _misaddressed("Cc"),
    "DISPLAYFROM": _misaddressed("From"),
    "DISPLAYTO": _misaddressed("To"),
}
ALWAYS = (
    ("message whose first line is no field", first_line_is_no_field),
    ("field that may occur once, twice", twice),
)


def out_of_order(criteria: str, message: bytes) -> str | None:
    """The row that says why the message has another place by these criteria; None when there is none."""
    rules = [*ALWAYS, *(ORDERS[word] for word in criteria.split() if word in ORDERS)]
    return next((row for row, feature in rules if feature(message)), None)


def rows() -> set[str]:
    """Every row of the page that is used here."""
    orders = {row for row, _ in ORDERS.values()}
    return {*SPELLINGS, *(rule.row for rule in RULES), *orders, *(row for row, _ in ALWAYS), *APPENDS}


APPENDS = ("a LF without CR",)


def kept_by_dovecot(octets: bytes) -> bytes:
    """What Dovecot makes of a message: the row about APPEND."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", octets)
