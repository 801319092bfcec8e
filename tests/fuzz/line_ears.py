"""The same for SMTP and POP3: what clients make of the replies, one for each thing that was said."""

from __future__ import annotations

import re
from collections import deque
from typing import Any

from correo.wire.pop3 import server as pop3
from correo.wire.smtp import server as smtp
from correo.wire.smtp.chunks import BeginChunk
from correo.wire.smtp.data import Chunk

MAX_REPLY = 512  # octets of a line, with its end (RFC 5321 §4.5.3.1.5, RFC 2449 §4)
LINE_END = 2  # octets that a message whose last line has no end is given, and that are not counted
UNKNOWN = -1_000

_SMTP = re.compile(rb"([2-5][0-9]{2})([ -])([\t\x20-\x7e\x80-\xff]*)").fullmatch
_ENHANCED = re.compile(rb"([245])\.[0-9]{1,3}\.[0-9]{1,3} ").match
_POP3 = re.compile(rb"(\+OK|-ERR|\+)(?: [\x20-\x7e\x80-\xff]*)?").fullmatch
_LISTED = re.compile(rb"[1-9][0-9]* [0-9]+").fullmatch
_NAMED = re.compile(rb"[1-9][0-9]* [\x21-\x7e]{1,70}").fullmatch
_COUNTED = re.compile(rb"\+OK ([0-9]+) ([0-9]+)").match
_OK = re.compile(rb"\+OK ([0-9]+) octets").match


class SmtpEar:
    """Also of LMTP, where one message has as many replies as recipients."""

    packing = False

    def __init__(self, *, many: bool = False) -> None:
        """`many`: a message is answered once for each recipient."""
        self._many = many
        self._buffer = b""
        self._codes: set[bytes] = set()
        self._owed = 1  # the greeting
        self.ended = False

    def understood(self, event: Any) -> None:
        if isinstance(event, smtp.EndOfData | smtp.EndOfChunk) and self._many:
            self._owed += 1_000
        elif not isinstance(event, smtp.Eof | BeginChunk | Chunk):
            self._owed += 1

    @property
    def unanswered(self) -> list[str]:
        return []

    def heard(self, octets: bytes) -> None:
        *lines, self._buffer = (self._buffer + octets).split(b"\r\n")
        for line in lines:
            assert len(line) + 2 <= MAX_REPLY, f"a reply of {len(line)} octets"
            said = _SMTP(line)
            assert said, f"no reply: {line!r}"
            code, more, text = said.groups()
            enhanced = _ENHANCED(text)
            assert not enhanced or enhanced[1] == code[:1], f"a reply that contradicts itself: {line!r}"
            self._codes.add(code)
            assert len(self._codes) == 1, f"a reply with two codes: {self._codes}"
            if more == b" ":
                self._codes.clear()
                self.ended = code in (b"221", b"421")
                self._owed -= 1
                assert self._owed >= 0 or self.ended, f"a reply to nothing: {line!r}"


class Pop3Ear:
    packing = False

    def __init__(self) -> None:
        self._buffer = b""
        self._asked: deque[tuple[str, str]] = deque([("greeting", "")])
        self._inside = ""  # of whose answer lines are coming
        self._size = UNKNOWN  # octets that were announced
        self.ended = False

    def understood(self, event: Any) -> None:
        match event:
            case pop3.Command(verb=verb, argument=argument):
                self._asked.append((verb, argument))
            case pop3.AuthResponse() | pop3.TooLong():
                self._asked.append(("?", ""))

    @property
    def unanswered(self) -> list[str]:
        return [verb for verb, _ in self._asked] + ([self._inside] if self._inside else [])

    def heard(self, octets: bytes) -> None:
        *lines, self._buffer = (self._buffer + octets).split(b"\r\n")
        for line in lines:
            if self._inside:
                self._line(line)
            else:
                self._reply(line)

    def _reply(self, line: bytes) -> None:
        assert len(line) + 2 <= MAX_REPLY, f"a reply of {len(line)} octets"
        said = _POP3(line)
        assert said, f"no reply: {line!r}"
        if not self._asked:
            assert said[1] == b"-ERR", f"a reply to nothing: {line!r}"  # as it hangs up on who is silent
            self.ended = True
            return
        verb, argument = self._asked.popleft()
        if said[1] != b"+OK":
            assert said[1] == b"-ERR" or verb in ("AUTH", "?"), f"{verb}: {line!r}"
            return
        if verb == "STAT":
            assert _COUNTED(line), line
        several = verb in ("RETR", "TOP", "CAPA") or (
            verb in ("LIST", "UIDL", "LANG", "AUTH") and not argument.strip()
        )
        if several:
            self._inside = verb
            announced = _OK(line) if verb == "RETR" else None
            self._size = int(announced[1]) if announced else UNKNOWN

    def _line(self, line: bytes) -> None:
        if line == b".":
            assert self._size <= 0, f"{self._size} octets of a message are missing"
            self._inside, self._size = "", UNKNOWN
            return
        if line.startswith(b"."):
            assert line.startswith(b".."), f"a dot that is not doubled: {line!r}"
            line = line[1:]
        if self._inside == "LIST":
            assert _LISTED(line), line
        elif self._inside == "UIDL":
            assert _NAMED(line), line
        elif self._size > UNKNOWN:
            self._size -= len(line) + 2
            assert self._size >= -LINE_END, "a message is longer than it was said to be"
