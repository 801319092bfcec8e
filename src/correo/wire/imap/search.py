"""What SEARCH looks for (RFC 3501 §6.4.4): a tree of keys, and one row per key name.

A new key (WITHIN, MODSEQ, ...) is a class, if none here says it, and a row in `ROWS` or in what a caller passes.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.types import MAX_NUMBER, SequenceSet

REV1_KEYS = frozenset({"NEW", "OLD", "RECENT"})  # gone with \Recent (RFC 9051 appendix E)
MAX_KEYS = 1_000  # in one search; each may cost a look at each message, and ORs of Message-IDs grow long

# What strings may be written in (RFC 3501 §6.4.4 CHARSET): the name in the IANA registry, and Python's codec.
# A list, because the name comes from the client and Python knows codecs that are no character sets.
CHARSETS = {
    "UTF-8": "utf-8",
    "US-ASCII": "ascii",
    "ISO-8859-1": "latin-1",
    "ISO-8859-2": "iso8859-2",
    "ISO-8859-5": "iso8859-5",
    "ISO-8859-7": "iso8859-7",
    "ISO-8859-9": "iso8859-9",
    "ISO-8859-15": "iso8859-15",
    "WINDOWS-1250": "cp1250",
    "WINDOWS-1251": "cp1251",
    "WINDOWS-1252": "cp1252",
    "KOI8-R": "koi8-r",
    "ISO-2022-JP": "iso2022-jp",
    "SHIFT_JIS": "shift-jis",
    "EUC-JP": "euc-jp",
    "EUC-KR": "euc-kr",
    "GB2312": "gb2312",
    "GB18030": "gb18030",
    "BIG5": "big5",
}


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class And:
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Or:
    keys: tuple[Key, ...]  # an OR of ORs is one Or of them all


@dataclass(frozen=True, slots=True)
class Not:
    key: Key


@dataclass(frozen=True, slots=True)
class Flag:
    """The message has the flag or keyword `name`: `\\Seen`, `\\Recent`, `$Junk`."""

    name: str


@dataclass(frozen=True, slots=True)
class Header:
    """A field `name`, in lower case, contains `text`; where `text` is "", there is such a field."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Body:
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """In the header or the body."""

    text: str


class Day(Enum):
    """Which day of a message, in the time zone it was told in."""

    INTERNAL = "INTERNALDATE"
    SENT = "Date:"
    SAVED = "SAVEDATE"  # RFC 8514 §4.3


@dataclass(frozen=True, slots=True)
class Before:
    """The message's day is earlier than `date`."""

    day: Day
    date: datetime.date


@dataclass(frozen=True, slots=True)
class On:
    day: Day
    date: datetime.date


@dataclass(frozen=True, slots=True)
class Since:
    """On `date` or later."""

    day: Day
    date: datetime.date


@dataclass(frozen=True, slots=True)
class Larger:
    octets: int


@dataclass(frozen=True, slots=True)
class Smaller:
    octets: int


@dataclass(frozen=True, slots=True)
class Uids:
    uids: SequenceSet


@dataclass(frozen=True, slots=True)
class Numbers:
    """Message sequence numbers."""

    numbers: SequenceSet


@dataclass(frozen=True, slots=True)
class ModSeq:
    """Changed at this mod-sequence or later (RFC 7162 §3.1.5)."""

    modseq: int


@dataclass(frozen=True, slots=True)
class Saved:
    """`$`: what the last search with RETURN (SAVE) found (RFC 5182)."""


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """The key, or something like it (RFC 6203)."""

    key: Key


@dataclass(frozen=True, slots=True)
class Older:
    """The message came so many seconds ago or earlier (RFC 5032)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Younger:
    """Not longer than so many seconds ago (RFC 5032)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class EmailId:
    """The content has this id (RFC 8474 §5.4)."""

    id: str


@dataclass(frozen=True, slots=True)
class ThreadId:
    id: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What has been stored under this name (RFC 5466 §3.1): to be put in its place before the search begins."""

    name: str


Key = (
    All
    | And
    | Or
    | Not
    | Flag
    | Header
    | Body
    | Text
    | Before
    | On
    | Since
    | Larger
    | Smaller
    | Uids
    | Numbers
    | ModSeq
    | Saved
    | Fuzzy
    | Older
    | Younger
    | EmailId
    | ThreadId
    | Filter
)


@dataclass(slots=True)
class Reader:
    """One search being read: the cursor, the character set of its strings, and how many keys there were."""

    args: Arguments
    rows: Mapping[str, Row]
    codec: str = "utf-8"  # RFC 3501 says US-ASCII, of which it is a superset; RFC 9051 §6.4.4 says UTF-8
    count: int = field(default=0, init=False)

    def key(self) -> Key:
        """`search-key`. Raises SyntaxFault."""
        self.count += 1
        if self.count > MAX_KEYS:
            raise SyntaxFault(f"more than {MAX_KEYS} search keys")
        args = self.args
        args.descend()
        key = self._key()
        args.ascend()
        return key

    def text(self) -> str:
        """An astring in the search's character set. Raises SyntaxFault."""
        octets = self.args.sp().astring()
        try:
            return octets.decode(self.codec)
        except UnicodeDecodeError:
            raise SyntaxFault("a string is not in the character set of the search") from None

    def _key(self) -> Key:
        args = self.args
        if args.peek(b"("):
            return _all_of(args.paren_list(lambda _: self.key()))
        if args.take(b"$"):
            return Saved()
        if not args.at_word():
            args.no_numbers()
            return Numbers(args.sequence_set())
        word = args.word()
        if word in REV1_KEYS:
            args.not_in_rev2(word)
        row = self.rows.get(word)
        if row is None:
            raise SyntaxFault("there is no such search key")
        return row(self)


Row = Callable[[Reader], Key]


def search_program(args: Arguments, rows: Mapping[str, Row] | None = None) -> Key:
    """`["CHARSET" SP astring SP] search-key *(SP search-key)`. Raises SyntaxFault, NO [BADCHARSET] where due."""
    codec = "utf-8"
    if args.take_word("CHARSET"):
        if args.utf8 and not args.rev2:  # RFC 6855 §3; RFC 9051 §6.4.4 lets clients say it
            raise SyntaxFault("CHARSET cannot be used once UTF8=ACCEPT is enabled")
        codec = _codec(args)
        args.sp()
    return _program(args, rows, codec)


def search_criteria(args: Arguments, rows: Mapping[str, Row] | None = None) -> Key:
    """`charset 1*(SP search-key)` (RFC 5256 §5), from the space before it on. Raises SyntaxFault as `search_program`."""
    codec = _codec(args)
    args.sp()
    return _program(args, rows, codec)


def search_keys(args: Arguments, rows: Mapping[str, Row] | None = None) -> Key:
    """`search-key *(SP search-key)` in UTF-8 and nothing else, as a filter is stored (RFC 5466 §4). Raises SyntaxFault."""
    key = _program(args, rows, "utf-8")
    args.end()
    return key


def _program(args: Arguments, rows: Mapping[str, Row] | None, codec: str) -> Key:
    reader = Reader(args, ROWS if rows is None else rows, codec)
    keys = [reader.key()]
    while args.take(b" "):
        keys.append(reader.key())
    return _all_of(keys)


def mentions(key: Key, kind: type[Key]) -> bool:
    """Whether there is such a key among those of a search, however deep."""
    if isinstance(key, And | Or):
        return any(mentions(part, kind) for part in key.keys)
    if isinstance(key, kind):
        return True
    return isinstance(key, Not | Fuzzy) and mentions(key.key, kind)


def _codec(args: Arguments) -> str:
    name = args.sp().astring().decode("ascii", "replace").upper()
    if name not in CHARSETS:
        raise SyntaxFault(
            "the character set is not supported", status="NO", code=f"BADCHARSET ({' '.join(CHARSETS)})"
        )
    return CHARSETS[name]


def _all_of(keys: list[Key]) -> Key:
    return keys[0] if len(keys) == 1 else And(tuple(keys))


# -- rows ---------------------------------------------------------------------------------------------------------


def constant(key: Key) -> Row:
    return lambda _: key


def header(name: str) -> Row:
    return lambda reader: Header(name, reader.text())


def dated(kind: type[Before] | type[On] | type[Since], day: Day) -> Row:
    return lambda reader: kind(day, reader.args.sp().date())


def _or(reader: Reader) -> Or:
    """An OR in an OR asks for one alternative more: a chain of hundreds, nested either way, costs no depth."""
    keys: list[Key] = []
    wanted = 2
    while wanted:
        reader.args.sp()
        if reader.args.take_word("OR"):
            wanted += 1
            continue
        key = reader.key()
        keys += key.keys if isinstance(key, Or) else (key,)
        wanted -= 1
    return Or(tuple(keys))


def _after_space(reader: Reader) -> Key:
    reader.args.sp()
    return reader.key()


def _header(reader: Reader) -> Key:
    name = reader.args.sp().astring()
    return Header(name.decode("ascii", "replace").lower(), reader.text())


def _modseq(reader: Reader) -> ModSeq:
    """`MODSEQ [SP entry-name SP entry-type-req] SP mod-sequence-valzer`: all flags of a message have one mod-sequence, so which
    of them is meant makes no difference (RFC 7162 §3.1.5)."""
    args = reader.args.sp()
    if args.peek(b'"'):
        if not args.quoted().lower().startswith(b"/flags/"):
            raise SyntaxFault("mod-sequences are of /flags/ only")
        if args.sp().word() not in ("PRIV", "SHARED", "ALL"):
            raise SyntaxFault("priv, shared or all is missing")
        args.sp()
    return ModSeq(args.number64())


def _objectid(args: Arguments) -> str:
    """RFC 8474 §7: letters, digits, "_" and "-"; whatever else is asked for is no id of ours."""
    return args.astring().decode("ascii", "replace")


def filter_name(args: Arguments) -> str:
    """RFC 5466 §4."""
    name = args.atom()
    if "/" in name:
        raise SyntaxFault("a filter cannot have that name")
    return name


def _filter(reader: Reader) -> Filter:
    """RFC 5466 §3.1: what is stored is in UTF-8, so the rest of the search has to be."""
    if reader.codec not in ("utf-8", "ascii"):
        raise SyntaxFault("filters go with UTF-8", code="BADCHARSET (UTF-8 US-ASCII)")
    return Filter(filter_name(reader.args.sp()))


def _uids(args: Arguments) -> Uids | Saved:
    return Saved() if args.take(b"$") else Uids(args.sequence_set())


def _between(low: int, high: int) -> SequenceSet:
    return SequenceSet.of([(low, high)] if low <= high else [])


def _keyword(reader: Reader) -> Flag:
    return Flag(reader.args.sp().atom())


ROWS: dict[str, Row] = {
    "ALL": constant(All()),
    "ANSWERED": constant(Flag("\\Answered")),
    "BCC": header("bcc"),
    "BEFORE": dated(Before, Day.INTERNAL),
    "BODY": lambda reader: Body(reader.text()),
    "CC": header("cc"),
    "DELETED": constant(Flag("\\Deleted")),
    "DRAFT": constant(Flag("\\Draft")),
    "EMAILID": lambda reader: EmailId(_objectid(reader.args.sp())),
    "FILTER": _filter,
    "FLAGGED": constant(Flag("\\Flagged")),
    "FROM": header("from"),
    "FUZZY": lambda reader: Fuzzy(_after_space(reader)),
    "HEADER": _header,
    "KEYWORD": _keyword,
    "LARGER": lambda reader: Larger(reader.args.sp().number()),
    "MODSEQ": _modseq,
    "NEW": constant(And((Flag("\\Recent"), Not(Flag("\\Seen"))))),
    "NOT": lambda reader: Not(_after_space(reader)),
    "OLD": constant(Not(Flag("\\Recent"))),
    "OLDER": lambda reader: Older(reader.args.sp().nz_number()),
    "ON": dated(On, Day.INTERNAL),
    "OR": _or,
    "RECENT": constant(Flag("\\Recent")),
    "SAVEDATESUPPORTED": constant(All()),  # RFC 8514 §4.3
    "SAVEDBEFORE": dated(Before, Day.SAVED),
    "SAVEDON": dated(On, Day.SAVED),
    "SAVEDSINCE": dated(Since, Day.SAVED),
    "SEEN": constant(Flag("\\Seen")),
    "SENTBEFORE": dated(Before, Day.SENT),
    "SENTON": dated(On, Day.SENT),
    "SENTSINCE": dated(Since, Day.SENT),
    "SINCE": dated(Since, Day.INTERNAL),
    "SMALLER": lambda reader: Smaller(reader.args.sp().number()),
    "SUBJECT": header("subject"),
    "TEXT": lambda reader: Text(reader.text()),
    "THREADID": lambda reader: ThreadId(_objectid(reader.args.sp())),
    "TO": header("to"),
    "UID": lambda reader: _uids(reader.args.sp()),
    "UIDAFTER": lambda reader: Uids(_between(reader.args.sp().nz_number() + 1, MAX_NUMBER)),  # RFC 9738 §3.2
    "UIDBEFORE": lambda reader: Uids(_between(1, reader.args.sp().nz_number() - 1)),
    "UNANSWERED": constant(Not(Flag("\\Answered"))),
    "UNDELETED": constant(Not(Flag("\\Deleted"))),
    "UNDRAFT": constant(Not(Flag("\\Draft"))),
    "UNFLAGGED": constant(Not(Flag("\\Flagged"))),
    "UNKEYWORD": lambda reader: Not(_keyword(reader)),
    "UNSEEN": constant(Not(Flag("\\Seen"))),
    "YOUNGER": lambda reader: Younger(reader.args.sp().nz_number()),
}
