"""The unique-ids that Dovecot makes from `pop3_uidl_format`, where it has not kept them."""

from __future__ import annotations

import re

from correo.mailbox import is_uidl

DOVECOT = "%08Xu%08Xv"  # its default
FILE_NAME = "%f"  # qmail, and old versions of Courier

_LONG = {"uid": "u", "uidvalidity": "v", "filename": "f", "guid": "g"}
_VARIABLE = re.compile(r"%(?:%|(0?)(\d{0,2})([XLU]*)([uvfg])|\{(uid|uidvalidity|filename|guid)\})")


class UidlFormat:
    """A template with the variables of Dovecot: %u UID, %v UIDVALIDITY, %f file name, %g GUID; `%08Xu` is hexadecimal in 8 digits."""

    def __init__(self, template: str) -> None:
        """Raises ValueError for what is no template, or would call all messages the same."""
        if "%" in _VARIABLE.sub("", template):
            raise ValueError(f"{template!r} has a variable that is none of %u %v %f %g (as in {DOVECOT})")
        self._template = template
        if self("a", 1, 1, "a") == self("b", 2, 1, "b"):
            raise ValueError(f"{template!r} names no message: use %u or %f")

    def __call__(self, name: str, uid: int, uidvalidity: int, guid: str) -> str | None:
        """None where that makes no unique-id (RFC 1939 §7)."""
        values: dict[str, str | int] = {"u": uid, "v": uidvalidity, "f": name, "g": guid or name}
        made = _VARIABLE.sub(lambda match: _value(match, values), self._template)
        return made if is_uidl(made) else None


def _value(match: re.Match[str], values: dict[str, str | int]) -> str:
    if match[0] == "%%":
        return "%"
    value = values[_LONG[match[5]] if match[5] else match[4]]
    zero, width, modifiers = match[1] or "", match[2] or "", match[3] or ""
    text = f"{value:x}" if "X" in modifiers and isinstance(value, int) else str(value)
    text = text.lower() if "L" in modifiers else text.upper() if "U" in modifiers else text
    return text.rjust(int(width or 0), "0" if zero else " ")
