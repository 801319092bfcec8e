"""A reply to a mail transaction: basic code, enhanced code, text (RFC 5321 §4.2, RFC 3463)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ENHANCED = re.compile(r"^([245])\.(\d{1,3})\.(\d{1,3})(?:\s+|$)")


@dataclass(frozen=True, slots=True)
class Status:
    """What was answered. `code` is 200..599; `enhanced` is "" where none was given (RFC 2034)."""

    code: int
    enhanced: str
    text: str

    @property
    def ok(self) -> bool:
        return 200 <= self.code < 300

    @property
    def temporary(self) -> bool:
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        return self.code >= 500

    @property
    def class_and_detail(self) -> str:
        """The enhanced code, made from the basic code where the other side gave none (RFC 3464 §2.3.4 needs one)."""
        return self.enhanced or f"{self.code // 100 if self.code // 100 in (2, 4, 5) else 4}.0.0"

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)

    @classmethod
    def parse(cls, code: int, text: str) -> Status:
        """Take the enhanced code off the front of `text` where it is one of the same class (RFC 2034 §4)."""
        match = _ENHANCED.match(text)
        if match and int(match[1]) == code // 100:
            return cls(code, f"{match[1]}.{match[2]}.{match[3]}", text[match.end() :])
        return cls(code, "", text)
