"""Where one IMAP command ends and the next begins: lines, literals, limits (RFC 3501 §2.2, §4.3, RFC 7888).

    core = Server(literal_limit=lambda name: 64 << 20 if name == "APPEND" else LITERAL_LIMIT)
    core.receive(data)                     # b"" at the end of the stream
    event = core.next_event()              # NEED_DATA: send take_output(), read, call receive() again
    core.send(encode.ok(event.tag, "done"))
    core.resume()                          # after a Command: only now is the next one looked for

A line ends in CRLF; a lone LF is taken for one, as other servers do. Nothing is hidden by it, unlike in the DATA
of SMTP: a command is never handed on to another server, and literals are counted.

A command over a limit, or without a name, is read to its end where that end is near, so that the stream stays in
step: non-synchronising literals are swallowed, synchronising ones not asked for. Where the end is too far, the
event is Fatal. (`wire.buffer.LineBuffer` is not used: it forgets the end of an overlong line, which may announce
a literal.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from correo.wire import NEED_DATA, Need
from correo.wire.imap.grammar import Arguments

LINE_LIMIT = 65_536  # octets of a command without its literals; 8,000 in RFC 2683 §3.2.1.5
LITERAL_LIMIT = 65_536  # octets in all literals of a command without a message: names, passwords, text
MAX_LITERALS = 256  # in one command; each costs an object, however short it is
TAG_LIMIT = 64  # octets; repeated in every reply. Clients use 2 to 20
NAME_LIMIT = 64  # octets of a command name; the longest there is has 16
RAW_LINE_LIMIT = 16_384  # octets of a line outside a command; SASL wants 12,288 (RFC 4954 §4)
MAX_SWALLOWED = 1_048_576  # octets of a refused command that are read for the sake of the next one
MAX_AHEAD = 262_144  # octets waiting behind a command; no more may be brought until it is answered

# RFC 3501 §9: `tag`, and the name of a command, of which UID makes one with the word after it.
_TAG = re.compile(rb'([^\x00-\x20\x7f-\xff(){%%*"\\+]{1,%d})(?: |\Z)' % TAG_LIMIT).match
_NAME = re.compile(rb'((?:[Uu][Ii][Dd] )?[^\x00-\x20\x7f-\xff(){%%*"\\\]]{1,%d})(?= |\Z)' % NAME_LIMIT).match
# A literal announced at the end of a line; 20 digits hold every number that any RFC allows.
_MARK = re.compile(rb"\{(\d{1,20})(\+?)\}\Z").search
_LONGEST_MARK = len("{}+\r") + 20  # what must be kept of a line that is being thrown away


@dataclass(frozen=True, slots=True)
class Command:
    """`name` is in upper case; UID and the word after it are one name, "UID FETCH". The core waits for `resume()`."""

    tag: str
    name: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Refused:
    """A command over a limit; it is gone, and the next may follow. `code`: a response code for the reply."""

    tag: str
    reason: str
    code: str


@dataclass(frozen=True, slots=True)
class BadLine:
    """No command: the tag (then it is None) or the name is missing or malformed."""

    tag: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """What `expect_line()` asked for, without the line's end. The core waits for `expect_line()` or `resume()`."""

    octets: bytes = field(repr=False)  # it may be a password


@dataclass(frozen=True, slots=True)
class Fatal:
    """The stream cannot be followed any further; the core is closed. Say BYE and hang up."""

    reason: str


@dataclass(frozen=True, slots=True)
class Eof:
    """The client is gone, or the core was closed. Unfinished commands are forgotten."""


Event = Command | Refused | BadLine | Line | Fatal | Eof
_READY = b"+ Ready\r\n"
_ENDLESS = "the end of a command that is too long is too far"


class _Mode(Enum):
    COMMAND = "command"
    LINE = "line"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(slots=True)
class _Draft:
    """A command that is still coming, or is being swallowed: then `refusal` is what will be said of it."""

    tag: str
    name: str
    at: int  # where the arguments start in the first text
    room: int  # octets of text it may still have
    literal_room: int  # octets of literals it may still have
    refusal: Refused | BadLine | None = None
    wanted: int | None = None  # octets of a literal that are still to come
    swallowed: int = 0
    texts: list[bytes] = field(default_factory=list)
    literals: list[bytes] = field(default_factory=list)


class Server:
    """The server's end of one connection. One task owns it.

    `literal_limit`: how many octets all literals of a command of this name ("APPEND", "UID SEARCH") may have
    together, or less than 0 where there may be none; asked when the first of them is announced.
    `longest_literal`: how many octets each of them may have, where that is less.
    `reserve`: whether there is room for so many octets more; asked before each literal is taken, and counted until the
    caller has the command, or the refusal of it.
    `utf8`, `rev2`, `uid_only`: to be set when the client has enabled them (see `Arguments`), for the commands after that.
    """

    def __init__(
        self,
        *,
        literal_limit: Callable[[str], int] = lambda _: LITERAL_LIMIT,
        longest_literal: Callable[[str], int] | None = None,
        reserve: Callable[[int], bool] = lambda _: True,
        line_limit: int = LINE_LIMIT,
    ) -> None:
        self.literal_limit = literal_limit
        self._longest_literal = longest_literal or literal_limit
        self._reserve = reserve
        self.utf8 = self.rev2 = self.uid_only = False
        self._line_limit = line_limit
        self._raw_limit = RAW_LINE_LIMIT
        self._mode = _Mode.COMMAND
        self._input = bytearray()
        self._searched = 0  # octets of the input known to hold no LF: a line is not searched twice
        self._draft: _Draft | None = None
        self._output: list[bytes] = []
        self._eof = False
        self._overrun = False

    # -- the driver's side ----------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """b"" says that nothing more will come. To be called after NEED_DATA, once."""
        if self._mode is _Mode.CLOSED:
            return
        if not data:
            self._eof = True
        elif self._mode is _Mode.PAUSED and len(self._input) > MAX_AHEAD:
            self.overrun()
        else:
            self._input += data

    def overrun(self) -> None:
        """Too much has been brought ahead of the reply: the next event is Fatal."""
        self._overrun = True

    def take_output(self) -> bytes:
        output = b"".join(self._output)
        self._output.clear()
        return output

    def next_event(self) -> Event | Need:
        """What the client has said next; while paused NEED_DATA, whatever has arrived. Eof is said again and again."""
        if self._mode is _Mode.CLOSED:
            return Eof()
        if self._overrun:
            return self._fatal("too much was sent ahead of the reply")
        if self._mode is _Mode.PAUSED:
            return NEED_DATA
        event = self._line_event() if self._mode is _Mode.LINE else self._command_event()
        if event is not NEED_DATA or not self._eof:
            return event
        self.close()
        return Eof()

    # -- the session's side ---------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Nothing more will be read; output may still be waiting."""
        return self._mode is _Mode.CLOSED

    @property
    def paused(self) -> bool:
        """A command, or a line of one, waits to be answered."""
        return self._mode is _Mode.PAUSED

    def send(self, data: bytes) -> None:
        self._output.append(data)

    def resume(self) -> None:
        """The command is answered: go on to the next."""
        self._enter(_Mode.COMMAND)

    def expect_line(self, limit: int = RAW_LINE_LIMIT) -> None:
        """The next event is one Line of at most `limit` octets: a SASL response, the DONE of IDLE."""
        self._raw_limit = limit
        self._enter(_Mode.LINE)

    def tls_started(self) -> None:
        """Forget all that came in clear: another may have slipped it in (RFC 3501 §6.2.1). Does not resume."""
        self._drop_input()

    def close(self) -> None:
        self._mode = _Mode.CLOSED
        self._drop_input()

    # -- lines ----------------------------------------------------------------------------------------------------

    def _enter(self, mode: _Mode) -> None:
        if self._mode is not _Mode.CLOSED:
            self._mode = mode

    def _drop_input(self) -> None:
        self._input.clear()
        self._searched = 0
        self._draft = None
        self._overrun = False

    def _take_input(self) -> bytes:
        """What came in and has not been read, for a layer that has been put in between."""
        octets = bytes(self._input)
        self._drop_input()
        return octets

    def _fatal(self, reason: str) -> Fatal:
        self.close()
        return Fatal(reason)

    def _take_line(self) -> bytes | None:
        end = self._input.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._input)
            return None
        line = bytes(self._input[:end])
        del self._input[: end + 1]
        self._searched = 0
        return line[:-1] if line.endswith(b"\r") else line

    def _line_event(self) -> Event | Need:
        line = self._take_line()
        # Without its LF the line may end in the CR that does not count.
        if len(self._input) > self._raw_limit + 1 if line is None else len(line) > self._raw_limit:
            return self._fatal("the line is too long")
        if line is None:
            return NEED_DATA
        self._mode = _Mode.PAUSED
        return Line(line)

    # -- commands -------------------------------------------------------------------------------------------------

    def _command_event(self) -> Event | Need:
        while True:
            draft = self._draft
            if draft is not None and draft.wanted is not None and not self._take_literal(draft):
                return NEED_DATA
            line = self._take_line()
            if line is None:
                return self._line_unfinished(draft)
            if draft is None and not line.endswith(b"}") and len(line) <= self._line_limit:
                return self._read(self._begin(line), line)
            event = self._line_finished(draft, line)
            if event is not None:
                return event

    def _line_unfinished(self, draft: _Draft | None) -> Fatal | Need:
        """Of a line too long nothing is kept but its end, which may announce a literal."""
        if draft is None or draft.refusal is None:
            room = self._line_limit if draft is None else draft.room
            if len(self._input) <= room + 1:  # the last octet may be the CR that does not count
                return NEED_DATA
            draft = self._draft = self._overlong(draft, bytes(self._input[:room]))
        excess = len(self._input) - _LONGEST_MARK
        if excess > 0:
            del self._input[:excess]
            self._searched = len(self._input)
            draft.swallowed += excess
        return self._fatal(_ENDLESS) if draft.swallowed > MAX_SWALLOWED else NEED_DATA

    def _line_finished(self, draft: _Draft | None, line: bytes) -> Event | None:
        if draft is None or draft.refusal is None:
            room = self._line_limit if draft is None else draft.room
            if len(line) > room:
                draft = self._overlong(draft, line[:room])
            elif draft is None:
                draft = self._begin(line)
            self._draft = draft
        mark = _MARK(line, max(0, len(line) - _LONGEST_MARK))
        if mark is None:
            return self._swallow(draft, len(line)) if draft.refusal else self._read(draft, line)
        size, synchronising = int(mark[1]), not mark[2]
        if draft.refusal is None:
            draft.refusal = self._judged(draft, size)
        if draft.refusal is None:
            draft.texts.append(line)
            draft.room -= len(line)
            draft.literal_room -= size
            if synchronising:
                self.send(_READY)
        elif synchronising:  # not asked for, so it will not come (RFC 3501 §7.5)
            return self._swallow(draft, len(line))
        else:
            draft.swallowed += len(line) + size
            if draft.swallowed > MAX_SWALLOWED:
                return self._fatal(_ENDLESS)
        draft.wanted = size
        return None

    def _begin(self, line: bytes) -> _Draft:
        """Read the tag and the name."""
        tag = _TAG(line)
        if tag is None:
            return _Draft("", "", 0, self._line_limit, 0, BadLine(None, "the tag is missing or malformed"))
        word = str(tag[1], "ascii")
        name = _NAME(line, tag.end())
        if name is None:
            refusal = BadLine(word, "the name of the command is missing or malformed")
            return _Draft(word, "", 0, self._line_limit, 0, refusal)
        return _Draft(word, str(name[1].upper(), "ascii"), name.end(), self._line_limit, 0)

    def _overlong(self, draft: _Draft | None, text: bytes) -> _Draft:
        """`text`: as much of the line as there was room for, however it came in."""
        if draft is None:
            tag = _TAG(text)
            known = tag is not None and tag.end(1) < len(text)
            draft = _Draft(str(tag[1], "ascii") if tag and known else "", "", 0, 0, 0)
        reason = "the command is too long"
        draft.refusal = Refused(draft.tag, reason, "LIMIT") if draft.tag else BadLine(None, reason)
        return draft

    def _judged(self, draft: _Draft, size: int) -> Refused | None:
        if not draft.texts:
            draft.literal_room = self.literal_limit(draft.name)
        if size > min(draft.literal_room, self._longest_literal(draft.name)):
            return Refused(draft.tag, "the literal is too big", "TOOBIG")
        if len(draft.texts) == MAX_LITERALS:
            return Refused(draft.tag, "there are too many literals", "LIMIT")
        if not self._reserve(size):
            return Refused(draft.tag, "the server is busy, try again later", "UNAVAILABLE")
        return None

    def _take_literal(self, draft: _Draft) -> bool:
        """Whether all of it has come."""
        wanted, have = draft.wanted or 0, len(self._input)
        if draft.refusal is not None:
            del self._input[:wanted]
            draft.wanted = wanted - have if wanted > have else None
            return draft.wanted is None
        if have < wanted:
            return False
        with memoryview(self._input) as octets:
            draft.literals.append(bytes(octets[:wanted]))
        del self._input[:wanted]
        draft.wanted = None
        return True

    def _swallow(self, draft: _Draft, size: int) -> Event | None:
        """The last line of a refused command."""
        if draft.swallowed + size > MAX_SWALLOWED:
            return self._fatal(_ENDLESS)
        self._draft = None
        return draft.refusal

    def _read(self, draft: _Draft, line: bytes) -> Command | Refused | BadLine:
        """The last line of a command."""
        self._draft = None
        if draft.refusal is not None:
            return draft.refusal
        self._mode = _Mode.PAUSED
        if not draft.texts:
            return Command(draft.tag, draft.name, self._arguments(line, draft.at, ()))
        first, *texts = [*draft.texts, line]
        rest = tuple(zip(draft.literals, texts, strict=True))
        return Command(draft.tag, draft.name, self._arguments(first, draft.at, rest))

    def _arguments(self, text: bytes, at: int, rest: Sequence[tuple[bytes, bytes]]) -> Arguments:
        return Arguments(text, at, rest, utf8=self.utf8, rev2=self.rev2, uid_only=self.uid_only)
