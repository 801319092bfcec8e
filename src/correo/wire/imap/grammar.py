"""Reading the arguments of a command: `Arguments` is a cursor whose methods have the names of RFC 3501 §9.

    def parse(args: Arguments) -> Copy:                     # copy = "COPY" SP sequence-set SP mailbox
        copy = Copy(args.sp().sequence_set(), args.sp().mailbox())
        args.end()
        return copy

Every method either takes what it is named after or raises SyntaxFault; nothing backtracks, so reading a command
costs time in proportion to its length.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from correo.mail.instant import MINUTE, SECOND
from correo.wire.imap import utf7
from correo.wire.imap.types import MAX_NUMBER, MAX_NUMBER64, DateTime, Range, SequenceSet

T = TypeVar("T")
_Pattern = Callable[[bytes, int], re.Match[bytes] | None]

MAX_DEPTH = 100  # nested lists and search keys; people's filters stay below 20, Python's stack near 1,000
HIERARCHY = "/"  # the hierarchy separator of every mailbox name

# RFC 3501 §9. CHAR is 7-bit; 8-bit octets come in strings only.
_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+').match
_ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+').match
_LIST_MAILBOX = re.compile(rb'[^\x00-\x20\x7f-\xff(){"\\]+').match
_WORD = re.compile(rb"[A-Za-z0-9._-]+").match
_FLAG = re.compile(rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+').match
_QUOTED = re.compile(rb'"([^"\\\r\n\x00]*+(?:\\["\\][^"\\\r\n\x00]*+)*)"').match
_ESCAPE = re.compile(rb'\\(["\\])')
_LITERAL = re.compile(rb"(~?)\{\d{1,20}\+?\}\Z").match
_NUMBER = re.compile(rb"\d{1,20}").match
_NZ_NUMBER = re.compile(rb"[1-9]\d{0,19}").match
_SET = re.compile(rb"[0-9*][0-9*:,]*+").match
_SET_MEMBER = re.compile(rb"(\*|[1-9]\d{0,9})(?::(\*|[1-9]\d{0,9}))?").fullmatch
_DATE = re.compile(rb'("?)(\d\d?)-([A-Za-z]{3})-(\d{4})\1').match
_DATE_TIME = re.compile(rb'"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"').match

_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1
    )
}
_AFTER_INBOX = (b"", HIERARCHY.encode("ascii"))
_EPOCH = datetime.date(1970, 1, 1).toordinal()


class SyntaxFault(Exception):
    """The command cannot be carried out as it is written; it becomes one tagged reply and nothing else.

    `reason`: plain words without anything the client sent. `status`: "BAD", or "NO" where an RFC wants that.
    `code`: the response code without brackets, "" for none.
    """

    def __init__(self, reason: str, *, status: str = "BAD", code: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.code = code


class Arguments:
    """What follows the name of a command, from the space on.

    `text` is read from index `at`. Where a literal stood, a piece of text ends with its `{n}`; `rest` holds, for
    each literal, its octets and the text after it. `utf8`: the client has enabled UTF8=ACCEPT or IMAP4rev2, so
    mailbox names are UTF-8 (RFC 6855 §3, RFC 9051 §5.1). `rev2`: it has enabled IMAP4rev2, whose grammar lacks some words of
    IMAP4rev1. `uid_only`: it has enabled UIDONLY, and there are no message numbers (RFC 9586).
    """

    __slots__ = ("_at", "_depth", "_next", "_rest", "_text", "rev2", "uid_only", "utf8")

    def __init__(
        self,
        text: bytes,
        at: int = 0,
        rest: Sequence[tuple[bytes, bytes]] = (),
        *,
        utf8: bool = False,
        rev2: bool = False,
        uid_only: bool = False,
    ) -> None:
        self._text = text
        self._at = at
        self._rest = rest
        self._next = 0
        self._depth = 0
        self.utf8 = utf8
        self.rev2 = rev2
        self.uid_only = uid_only

    def unread(self) -> tuple[bytes, Sequence[tuple[bytes, bytes]]]:
        """What has not been stepped over: text, then each literal with the text after it."""
        return self._text[self._at :], self._rest[self._next :]

    def copy(self) -> Arguments:
        """To read ahead."""
        text, rest = self.unread()
        return Arguments(text, 0, rest, utf8=self.utf8, rev2=self.rev2, uid_only=self.uid_only)

    # -- one octet, one word --------------------------------------------------------------------------------------

    def sp(self) -> Arguments:
        """Exactly one space (RFC 3501 §9 note 2); returns the cursor: `args.sp().mailbox()` reads as the ABNF."""
        if not self._text.startswith(b" ", self._at):
            raise SyntaxFault("a space and a further argument are missing")
        self._at += 1
        return self

    def end(self) -> None:
        if not self.at_end():
            raise SyntaxFault("there is something after the last argument")

    def at_end(self) -> bool:
        return self._at == len(self._text) and self._next == len(self._rest)

    def peek(self, token: bytes) -> bool:
        return self._text.startswith(token, self._at)

    def take(self, token: bytes) -> bool:
        """Steps over `token` where it comes next; says whether it did."""
        if self._text.startswith(token, self._at):
            self._at += len(token)
            return True
        return False

    def take_folded(self, token: bytes) -> bool:
        """As `take`, in any case of letters; `token` in upper case."""
        if self._text[self._at : self._at + len(token)].upper() != token:
            return False
        self._at += len(token)
        return True

    def expect(self, token: bytes) -> None:
        if not self.take(token):
            raise SyntaxFault(f"{token.decode('ascii')} is missing")

    def at_word(self) -> bool:
        """Whether a keyword comes next, rather than a number, a list or a string."""
        return self._text[self._at : self._at + 1].isalpha()

    def word(self) -> str:
        """A keyword of a command's own grammar (`FLAGS.SILENT`, `BODY.PEEK`), in upper case."""
        return str(self._match(_WORD, "a keyword")[0].upper(), "ascii")

    def take_word(self, word: str) -> bool:
        """Steps over the keyword where it comes next, in any case; `word` in upper case."""
        match = _WORD(self._text, self._at)
        if match is None or match[0].upper() != word.encode("ascii"):
            return False
        self._at = match.end()
        return True

    # -- atoms, strings, numbers ----------------------------------------------------------------------------------

    def atom(self) -> str:
        return str(self._match(_ATOM, "an atom")[0], "ascii")

    def astring(self) -> bytes:
        match = _ASTRING(self._text, self._at)
        if match is None:
            return self.string()
        self._at = match.end()
        return match[0]

    def string(self) -> bytes:
        """A quoted string or a literal, without NUL (RFC 3501 §9 note 3)."""
        if self._text.startswith(b'"', self._at):
            return self.quoted()
        octets = self.literal()
        if b"\x00" in octets:
            raise SyntaxFault("a string cannot hold a NUL")
        return octets

    def nstring(self) -> bytes | None:
        return None if self.take_word("NIL") else self.string()

    def quoted(self) -> bytes:
        """8-bit octets are let in as UTF-8, which RFC 9051 §9 and RFC 6855 §3 allow and RFC 3501 did not yet."""
        octets = self._match(_QUOTED, "a quoted string")[1]
        if not octets.isascii():
            try:
                octets.decode("utf-8")
            except UnicodeDecodeError:
                raise SyntaxFault("a quoted string is not UTF-8") from None
        return _ESCAPE.sub(rb"\1", octets) if b"\\" in octets else octets

    def literal(self) -> bytes:
        """`{n}` with whatever octets followed, NUL among them: a message may hold one, whatever the RFCs wish."""
        return self._counted(b"")

    def literal8(self) -> bytes:
        """`~{n}`, the binary literal of RFC 3516 §4.4."""
        return self._counted(b"~")

    def number(self) -> int:
        return self._integer(_NUMBER, MAX_NUMBER)

    def nz_number(self) -> int:
        return self._integer(_NZ_NUMBER, MAX_NUMBER)

    def number64(self) -> int:
        """RFC 9051 §9; also the mod-sequence of RFC 7162 §7."""
        return self._integer(_NUMBER, MAX_NUMBER64)

    # -- names, sets, flags, dates --------------------------------------------------------------------------------

    def spelled_mailbox(self) -> str:
        """The decoded name as the client wrote it, for those who have to tell what became of it (RFC 9051 §6.3.9.7)."""
        return self._name(self.astring())

    def mailbox(self) -> str:
        """The decoded name; INBOX, alone or as the first level, is in capitals however it was written."""
        octets = self.astring()
        if octets[:5].upper() == b"INBOX" and octets[5:6] in _AFTER_INBOX:
            octets = b"INBOX" + octets[5:]
        return self._name(octets)

    def not_in_rev2(self, what: str) -> None:
        """To be called for what RFC 9051 has taken out of the grammar: it is refused once the client has enabled IMAP4rev2."""
        if self.rev2:
            raise SyntaxFault(f"IMAP4rev2 has no {what}")

    def no_numbers(self) -> None:
        """To be called where message numbers stand (RFC 9586 §3.5, §3.7)."""
        if self.uid_only:
            raise SyntaxFault("UIDs are required once UIDONLY is enabled", code="UIDREQUIRED")

    def list_mailbox(self) -> str:
        """A pattern for LIST; `*` and `%` stand for themselves in modified UTF-7."""
        match = _LIST_MAILBOX(self._text, self._at)
        if match is None:
            return self._name(self.string())
        self._at = match.end()
        return self._name(match[0])

    def sequence_set(self) -> SequenceSet:
        ranges: list[Range] = []
        star_ends: list[int | None] = []
        for member in self._match(_SET, "a set of message numbers")[0].split(b","):
            match = _SET_MEMBER(member)
            if match is None:
                raise SyntaxFault("a set of message numbers is malformed")
            first, second = match[1], match[2] or match[1]
            if first == b"*" or second == b"*":
                other = second if first == b"*" else first
                star_ends.append(None if other == b"*" else _number(other))
            else:
                ranges.append((_number(first), _number(second)))
        return SequenceSet.of(ranges, star_ends)

    def flag(self) -> str:
        """A system flag or a keyword. Which of them can be stored is the mailbox's to say."""
        return str(self._match(_FLAG, "a flag")[0], "ascii")

    def flag_list(self) -> list[str]:
        return self.paren_list(Arguments.flag, least=0)

    def date(self) -> datetime.date:
        """With or without quotes."""
        match = self._match(_DATE, "a date as in 1-Feb-1994")
        return _day(match[2], match[3], match[4])

    def date_time(self) -> DateTime:
        """In quotes. A leap second is the one before it; years 2 to 9998, so that every zone can show it."""
        match = self._match(_DATE_TIME, 'a date and time as in "17-Jul-1996 02:44:25 -0700"')
        days = _day(match[1], match[2], match[3]).toordinal() - _EPOCH
        hour, minute, second = int(match[4]), int(match[5]), int(match[6])
        zone_hour, zone_minute = int(match[8]), int(match[9])
        if hour > 23 or minute > 59 or second > 60 or zone_hour > 23 or zone_minute > 59:
            raise SyntaxFault("the time of day or the zone does not exist")
        offset = (zone_hour * 60 + zone_minute) * (-1 if match[7] == b"-" else 1)
        minutes = (days * 24 + hour) * 60 + minute - offset
        return DateTime(minutes * MINUTE + min(second, 59) * SECOND, offset)

    # -- lists ----------------------------------------------------------------------------------------------------

    def paren_list(self, item: Callable[[Arguments], T], *, least: int = 1) -> list[T]:
        """`"(" item *(SP item) ")"`; with `least=0` also `()`. `item`: `Arguments.astring`, or a rule of your own."""
        self.expect(b"(")
        self.descend()
        items: list[T] = []
        if least or not self.peek(b")"):
            items.append(item(self))
            while self.take(b" "):
                items.append(item(self))
        self.expect(b")")
        self.ascend()
        return items

    def descend(self) -> None:
        """To be called by a rule before it calls itself, and `ascend` after: no command may exhaust the stack."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SyntaxFault(f"it is nested more than {MAX_DEPTH} deep")

    def ascend(self) -> None:
        self._depth -= 1

    # -- underneath -----------------------------------------------------------------------------------------------

    def _match(self, pattern: _Pattern, what: str) -> re.Match[bytes]:
        match = pattern(self._text, self._at)
        if match is None:
            raise SyntaxFault(f"{what} is missing or malformed")
        self._at = match.end()
        return match

    def _counted(self, prefix: bytes) -> bytes:
        match = _LITERAL(self._text, self._at)
        if match is None or match[1] != prefix or self._next == len(self._rest):
            raise SyntaxFault("a binary literal is missing" if prefix else "a string is missing or malformed")
        octets, self._text = self._rest[self._next]
        self._next += 1
        self._at = 0
        return octets

    def _integer(self, pattern: _Pattern, most: int) -> int:
        value = int(self._match(pattern, "a number")[0])
        if value > most:
            raise SyntaxFault("a number is out of range")
        return value

    def _name(self, octets: bytes) -> str:
        try:
            name = octets.decode("utf-8") if self.utf8 else utf7.decode(octets)
        except ValueError:
            raise SyntaxFault(
                f"the mailbox name is not {'UTF-8' if self.utf8 else 'modified UTF-7'}"
            ) from None
        if "\x00" in name:
            raise SyntaxFault("a mailbox name cannot hold a NUL")
        return name


def _number(digits: bytes) -> int:
    number = int(digits)
    if number > MAX_NUMBER:
        raise SyntaxFault("a message number is out of range")
    return number


def _day(day: bytes, month: bytes, year: bytes) -> datetime.date:
    try:
        if 2 <= int(year) <= 9998:
            return datetime.date(int(year), _MONTHS[month.lower()], int(day))
    except (KeyError, ValueError):
        pass
    raise SyntaxFault("the date does not exist")
