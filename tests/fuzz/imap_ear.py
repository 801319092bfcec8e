"""What an IMAP client that believes every word makes of what it hears: it fails where a response has no meaning, or contradicts another.

Each command is answered once and in its turn (RFC 9051 §2.2.1, §5.5); a mailbox only grows but by EXPUNGE and VANISHED; those do not come
while numbers are in use (RFC 9051 §7.5.1); a message keeps its UID, and UIDs ascend (§2.3.1.1).
"""

from __future__ import annotations

import re
import zlib
from collections import deque
from dataclasses import dataclass
from typing import Any

from correo.wire.imap import framing

MAX_NESTED = 400  # parentheses in one another; the bodies of messages have at most a hundred

_CODE = rb"\[[A-Z][A-Z0-9-]*(?: [^\]\r\n\x00]+)?\] "
_STATE = re.compile(rb"(OK|NO|BAD|BYE|PREAUTH) (?:" + _CODE + rb")?([^\r\n\x00]+)").fullmatch
_NUMBERED = re.compile(
    rb"([1-9][0-9]*|0) (EXISTS|RECENT|EXPUNGE|FETCH|UIDFETCH)(?: (.+))?", re.DOTALL
).fullmatch
_WORD = re.compile(rb"([A-Z]+)(?: (.*))?", re.DOTALL).fullmatch
_LITERAL = re.compile(rb"~?\{(\d+)\}\Z").search
_TOKEN = re.compile(
    rb'(?P<open>\()|(?P<close>\))|(?P<space> )|(?P<literal>~?\{\d+\}\r\n)|"(?P<quoted>(?:[^"\\\r\n\x00]|\\["\\])*)"'
    rb"|(?P<section>(?:BODY|BINARY|BINARY\.SIZE)\[[^\]\r\n\"{]*\](?:<\d+>)?)|(?P<atom>[^\x00-\x20\x7f()\"{]+)"
)
_FLAG = re.compile(rb"\\?[^\x00-\x20\x7f-\xff(){%*\"\\]+").fullmatch
_DATE = re.compile(
    rb"[ 0-3][0-9]-[A-Z][a-z]{2}-[0-9]{4} [0-2][0-9]:[0-5][0-9]:[0-6][0-9] [+-][0-9]{4}"
).fullmatch
_SET = re.compile(rb"[1-9]\d*(?::[1-9]\d*)?(?:,[1-9]\d*(?::[1-9]\d*)?)*").fullmatch
WORDS = frozenset(
    b"CAPABILITY ENABLED FLAGS LIST LSUB SEARCH ESEARCH SORT THREAD STATUS NAMESPACE ID QUOTA QUOTAROOT ACL LISTRIGHTS MYRIGHTS METADATA"
    b" VANISHED UIDBATCHES XTRACE".split()
)
STRINGS = frozenset((b"BODY", b"BINARY", b"RFC822", b"RFC822.HEADER", b"RFC822.TEXT", b"PREVIEW"))
NUMBERS_STAY = frozenset(("FETCH", "STORE", "SEARCH", "SORT", "THREAD"))
OPENING = frozenset(("SELECT", "EXAMINE"))
LEAVING = frozenset(("CLOSE", "UNSELECT", "UNAUTHENTICATE"))
LONG = frozenset(("IDLE", "AUTHENTICATE"))  # they wait for another line


@dataclass(frozen=True, slots=True)
class String:
    octets: bytes


class ImapEar:
    def __init__(self) -> None:
        self._buffer = b""
        self._unpacker: Any = None
        self._greeted = False
        self.asked: deque[tuple[str, str]] = deque()  # tag and name of commands that are not answered
        self.ended = False  # BYE was said
        self.uids: list[int | None] | None = None  # by number, where a mailbox is open
        self.flags: dict[int, frozenset[bytes]] = {}  # by UID, as they were told last
        self.notified = False  # NOTIFY was said: there may be news at any time
        self.packing = False
        self.answered: list[str] = []  # tags

    # -- what the server has understood ----------------------------------------------------------------------------------

    def understood(self, event: Any) -> None:
        match event:
            case framing.Command(tag=tag, name=name):
                self.asked.append((tag, name))
                self.notified = self.notified or name == "NOTIFY"
            case framing.Refused(tag=tag) | framing.BadLine(tag=tag):
                self.asked.append((tag or "*", "?"))

    @property
    def unanswered(self) -> list[str]:
        return [name for _, name in self.asked if name not in LONG]

    # -- what it says ------------------------------------------------------------------------------------------------------

    def heard(self, octets: bytes) -> None:
        self._buffer += self._unpacker.decompress(octets) if self._unpacker else octets
        while (response := self._take()) is not None:
            self._response(response)

    def _take(self) -> bytes | None:
        """One response with its literals, without its end."""
        start = 0
        while (end := self._buffer.find(b"\r\n", start)) >= 0:
            if mark := _LITERAL(self._buffer, start, end):
                start = end + 2 + int(mark[1])
                if start > len(self._buffer):
                    return None
                continue
            response, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
            return response
        return None

    def _response(self, response: bytes) -> None:
        if response.startswith(b"+ "):
            assert self._greeted, "a continuation instead of a greeting"
            return
        tag, _, rest = response.partition(b" ")
        if tag == b"*":
            assert not self.ended, f"after BYE: {response!r}"
            self._untagged(rest)
        else:
            self._tagged(tag.decode("ascii"), rest)

    def _tagged(self, tag: str, rest: bytes) -> None:
        state = _STATE(rest)
        assert state, f"no ending of a command: {rest!r}"
        assert state[1] in (b"OK", b"NO", b"BAD"), f"no ending of a command: {rest!r}"
        assert self.asked, f"nobody has asked: {tag} {rest!r}"
        expected, name = self.asked.popleft()
        assert tag == expected, f"{tag} is answered, and {expected} was to be"
        self.answered.append(tag)
        if (state[1] == b"NO" and name in OPENING) or (state[1] == b"OK" and name in LEAVING):
            self.uids = None
        elif state[1] == b"OK" and name == "COMPRESS":
            self._unpacker, self.packing = zlib.decompressobj(-15), True
            self._buffer = self._unpacker.decompress(self._buffer)

    def _untagged(self, rest: bytes) -> None:
        if state := _STATE(rest):
            assert self._greeted or state[1] in (b"OK", b"PREAUTH", b"BYE")
            self._greeted = True
            self.ended = state[1] == b"BYE"
            if state[1] == b"BAD" and self.asked and self.asked[0][0] == "*":
                self.asked.popleft()
            if rest.startswith(b"OK [CLOSED]"):
                self.uids = None
            return
        if numbered := _NUMBERED(rest):
            self._numbered(int(numbered[1]), numbered[2], numbered[3] or b"")
            return
        word = _WORD(rest)
        assert word, f"no response: {rest[:200]!r}"
        assert word[1] in WORDS, f"no response: {rest[:200]!r}"
        parsed = parse(word[2] or b"")
        if word[1] == b"VANISHED":
            self._vanished(parsed)
        elif word[1] == b"FLAGS":
            _are_flags(parsed[0])

    def _numbered(self, number: int, what: bytes, rest: bytes) -> None:
        name = self.asked[0][1] if self.asked else ""
        if what == b"EXISTS":
            if self.uids is None or name in OPENING:
                assert name in OPENING, "EXISTS of no mailbox"
                self.uids, self.flags = [], {}
            assert number >= len(self.uids), f"{len(self.uids)} messages became {number}"
            self.uids += [None] * (number - len(self.uids))
            return
        if what == b"RECENT":
            return
        assert self.uids is not None, f"{what!r} of no mailbox"
        if what == b"EXPUNGE":
            assert name not in NUMBERS_STAY, f"EXPUNGE in the midst of {name}"
            assert self.asked or self.notified, "EXPUNGE while nothing was asked"
            assert 1 <= number <= len(self.uids), f"EXPUNGE {number} of {len(self.uids)}"
            del self.uids[number - 1]
            return
        attributes = _attributes(rest)
        if what == b"FETCH":
            assert 1 <= number <= len(self.uids), f"FETCH {number} of {len(self.uids)}"
            if b"UID" in attributes:
                self._identified(number, int(attributes[b"UID"]))
            uid = self.uids[number - 1]
        else:
            uid = number
        if uid is not None and b"FLAGS" in attributes:
            self.flags[uid] = frozenset(flag.lower() for flag in attributes[b"FLAGS"])

    def _identified(self, number: int, uid: int) -> None:
        assert self.uids is not None
        assert uid > 0
        known = self.uids[number - 1]
        assert known in (None, uid), f"message {number} had UID {known} and has {uid}"
        if known is None:
            below = next((one for one in reversed(self.uids[: number - 1]) if one), 0)
            above = next((one for one in self.uids[number:] if one), 1 << 32)
            assert below < uid < above, f"UID {uid} of {number} is not between {below} and {above}"
            self.uids[number - 1] = uid

    def _vanished(self, parsed: list[Any]) -> None:
        earlier = parsed[0] == [b"EARLIER"]
        assert _SET(parsed[-1]), f"no set of UIDs: {parsed}"
        if earlier:
            return
        assert self.uids is not None, "VANISHED of no mailbox"
        gone = {uid for span in parsed[-1].split(b",") for uid in _span(span)}
        assert len(gone) <= len(self.uids), f"{len(gone)} of {len(self.uids)} messages vanished"
        left = [uid for uid in self.uids if uid not in gone]
        unknown = len(gone) - (len(self.uids) - len(left))
        if unknown:  # of those whose UIDs were never told: which numbers they had cannot be known
            assert left.count(None) >= unknown, f"{gone} vanished of {self.uids}"
            left = [None] * (len(left) - unknown)
        self.uids = left


def _span(text: bytes) -> range:
    low, _, high = text.partition(b":")
    first, last = sorted((int(low), int(high or low)))
    assert last - first < 100_000
    return range(first, last + 1)


def parse(octets: bytes) -> list[Any]:
    """Atoms as bytes, strings, and lists of them. Raises AssertionError where it is not that (RFC 9051 §9)."""
    stack: list[list[Any]] = [[]]
    at = 0
    while at < len(octets):
        token = _TOKEN.match(octets, at)
        assert token, f"no token: {octets[at : at + 80]!r} in {octets[:200]!r}"
        at = token.end()
        match token.lastgroup:
            case "open":
                assert len(stack) < MAX_NESTED, "too deep"
                stack.append([])
            case "close":
                assert len(stack) > 1, f"a parenthesis too many: {octets[:200]!r}"
                done = stack.pop()
                stack[-1].append(done)
            case "literal":
                size = int(token["literal"].strip(b"~{}\r\n"))
                stack[-1].append(String(octets[at : at + size]))
                assert len(octets) >= at + size
                at += size
            case "quoted":
                stack[-1].append(String(token["quoted"]))
            case "section" | "atom":
                stack[-1].append(token[0])
    assert len(stack) == 1, f"parentheses that do not end: {octets[:200]!r}"
    return stack[0]


def _attributes(rest: bytes) -> dict[bytes, Any]:
    (items,) = parse(rest)
    assert isinstance(items, list), f"no list of attributes: {rest[:200]!r}"
    assert items, "FETCH without attributes"
    assert len(items) % 2 == 0, f"attributes without values: {items}"
    found = dict(zip(items[::2], items[1::2], strict=True))
    for name, value in found.items():
        _check(name, value)
    return found


def _check(name: bytes, value: Any) -> None:
    key = name.partition(b"[")[0]
    if key in (b"UID", b"RFC822.SIZE", b"BINARY.SIZE"):
        assert value.isdigit(), f"{name!r} {value!r}"
    elif key == b"FLAGS":
        _are_flags(value)
    elif key == b"INTERNALDATE":
        assert isinstance(value, String), value
        assert _DATE(value.octets), value
    elif key == b"ENVELOPE":
        assert len(value) == 10, f"an ENVELOPE of {len(value)}: {value}"
        assert all(one == b"NIL" or isinstance(one, list) for one in value[2:8]), value
        assert all(len(one) == 4 for people in value[2:8] if people != b"NIL" for one in people), value
    elif key == b"BODYSTRUCTURE" or name == b"BODY":
        assert isinstance(value, list), value
        assert value, "a part without anything"
    elif key in STRINGS:
        assert value == b"NIL" or isinstance(value, String), f"{name!r} {value!r}"
    elif key in (b"MODSEQ", b"EMAILID"):
        assert isinstance(value, list), value
        assert len(value) == 1, value
    else:
        assert key in (b"THREADID", b"SAVEDATE"), f"an attribute {name!r}"


def _are_flags(value: Any) -> None:
    assert isinstance(value, list), value
    assert all(isinstance(flag, bytes) and _FLAG(flag) for flag in value), f"no flags: {value}"
    folded = [flag.lower() for flag in value]
    assert len(set(folded)) == len(folded), f"a flag twice: {value}"
