"""Who comes to us by IMAP."""

from __future__ import annotations

import re

from correo.wire.imap.framing import BadLine, Command, Event, Fatal, Line, Refused
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.watched.lines import (
    CLIENT,
    HIDDEN,
    MAX_LINE,
    SERVER,
    LineReader,
    Shown,
    of_message,
    readable,
)
from correo.wire.watched.smtp import shown_auth

NAMES = frozenset(
    [
        "APPEND",
        "AUTHENTICATE",
        "CANCELUPDATE",
        "CAPABILITY",
        "CHECK",
        "CLOSE",
        "COMPRESS",
        "COPY",
        "CREATE",
        "DELETE",
        "DELETEACL",
        "ENABLE",
        "ESEARCH",
        "EXAMINE",
        "EXPUNGE",
        "FETCH",
        "GETACL",
        "GETMETADATA",
        "GETQUOTA",
        "GETQUOTAROOT",
        "ID",
        "IDLE",
        "LIST",
        "LISTRIGHTS",
        "LOGIN",
        "LOGOUT",
        "LSUB",
        "MOVE",
        "MYRIGHTS",
        "NAMESPACE",
        "NOOP",
        "NOTIFY",
        "RENAME",
        "REPLACE",
        "SEARCH",
        "SELECT",
        "SETACL",
        "SETMETADATA",
        "SETQUOTA",
        "SORT",
        "STARTTLS",
        "STATUS",
        "STORE",
        "SUBSCRIBE",
        "THREAD",
        "UIDBATCHES",
        "UNAUTHENTICATE",
        "UNSELECT",
        "UNSUBSCRIBE",
        "XTRACE",
    ]
)
_WITH_MESSAGES = frozenset({"APPEND", "REPLACE", "UID REPLACE"})
_LONGEST_MARK = 30  # octets
SHORT = 200  # octets of a literal that stands for a name or a word, and is shown

_MARK = re.compile(rb"\{(\d{1,20})\+?\}\r?\Z").search
_FETCHED = re.compile(rb"\* \d+ (?:UID)?FETCH ").match
# What FETCH answers in quotes is of the message, but for the date that it came.
_QUOTED = re.compile(rb'(INTERNALDATE )?"((?:[^"\\]|\\.)*)(?:"|\Z)', re.DOTALL)
_LEFT_OUT = b"\0"  # where something is missing in a line: no answer has it


class Imap:
    def __init__(self, *, data: bool = False) -> None:
        """`data`: messages are shown, too."""
        self._data = data
        self._line = _Answer(show=data)
        self._asking = True  # in an exchange of AUTHENTICATE, as far as is known
        self._untold = b""  # what stood where a tag should, and is said again in the answer

    def heard(self, event: Event) -> list[Shown]:
        return [Shown(CLIENT, text) for text in self._heard(event)]

    def said(self, octets: bytes) -> list[Shown]:
        return [Shown(SERVER, self._answer(line)) for line in self._line.feed(octets)]

    def settled(self) -> list[Shown]:
        return []

    def _heard(self, event: Event) -> list[str]:
        self._untold = b""
        match event:
            case Command(tag, name, arguments):
                self._asking = name == "AUTHENTICATE"
                if name.removeprefix("UID ") not in NAMES:
                    return self._unknown(tag, "<no command that is known>")
                return self._command(tag, name, arguments)
            case Line(octets):
                return [readable(octets) if octets.upper() in (b"DONE", b"*") else HIDDEN]
            case Refused(tag, reason):
                return self._unknown(tag, f"<a command that is not taken: {reason}>")
            case BadLine(tag, reason):
                return self._unknown(tag or "", f"<no command: {reason}>")
            case Fatal(reason):
                return [f"<{reason}>"]
            case _:
                return []

    def _unknown(self, tag: str, text: str) -> list[str]:
        self._untold = tag.encode()
        return [text]

    def _command(self, tag: str, name: str, arguments: Arguments) -> list[str]:
        text, rest = arguments.unread()
        if name == "LOGIN":
            return [f"{tag} LOGIN {_user(arguments)} {HIDDEN}"]
        if name == "AUTHENTICATE":
            return [f"{tag} {shown_auth(name, text.decode('utf-8', 'replace'))}"]
        lines = [f"{tag} {name}{readable(text)}"]
        carries = name in _WITH_MESSAGES
        for literal, after in rest:
            if carries and self._data:
                lines += map(readable, literal.removesuffix(b"\r\n").split(b"\r\n"))
                lines.append(readable(after))
            elif carries:
                lines[-1] += f" {of_message(len(literal))}{readable(after)}"
            elif len(literal) > SHORT:
                lines[-1] += f" <{len(literal):,} octets>{readable(after)}"
            else:
                lines[-1] += f" {readable(literal)}{readable(after)}"
        return lines

    def _answer(self, line: bytes) -> str:
        if line.startswith(b"+ ") and self._asking and line not in (b"+ Ready", b"+ "):
            return f"+ {HIDDEN}"
        if self._untold and line.startswith(self._untold + b" "):
            return readable(b"<tag>" + line[len(self._untold) :])
        if self._data or not (fetched := _FETCHED(line)):
            return readable(line)
        if _LEFT_OUT in line:
            return f"{readable(fetched[0])}<a long line>"
        return readable(_QUOTED.sub(_size_of_quoted, line))


def _size_of_quoted(found: re.Match[bytes]) -> bytes:
    if found[1] or not found[2]:
        return found[0]
    return b'"<%d>"' % len(found[2])


class _Answer:
    """What the server says, in lines that go on behind a literal."""

    __slots__ = ("_left", "_line", "_literal", "_show")

    def __init__(self, *, show: bool) -> None:
        self._show = show
        self._line = bytearray()
        self._left = 0  # octets of the literal that are still to come
        self._literal = LineReader()

    def feed(self, octets: bytes) -> list[bytes]:
        lines: list[bytes] = []
        at = 0
        while at < len(octets):
            if self._left:
                piece = octets[at : at + self._left]
                self._left -= len(piece)
                at += len(piece)
                if self._show:
                    lines += self._literal.feed(piece)
                    if not self._left and self._literal:
                        lines.append(self._literal.rest())
                continue
            end = octets.find(b"\n", at) + 1
            self._line += octets[at : end or len(octets)]
            at = end or len(octets)
            if end:
                lines += self._ended()
        if len(self._line) > 2 * MAX_LINE and not self._left:
            self._line[MAX_LINE:-_LONGEST_MARK] = _LEFT_OUT  # its end may announce a literal
        return lines

    def _ended(self) -> list[bytes]:
        line = bytes(self._line).removesuffix(b"\n").removesuffix(b"\r")
        mark = _MARK(line)
        if mark is None:
            self._line.clear()
            return [line]
        self._left = int(mark[1])
        if self._show:
            self._line.clear()
            return [line]
        self._line = bytearray(line + b" " + of_message(self._left).encode())
        return []


def _user(arguments: Arguments) -> str:
    """Who wants to log in; hidden where the command is not what it should be."""
    copied = arguments.copy()
    try:
        user = copied.sp().astring()
        copied.sp().astring()
        copied.end()
    except SyntaxFault:
        return HIDDEN
    return readable(user)
