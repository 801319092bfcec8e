"""The options of sendmail(8) as programs use them: some mean something here, most mean nothing any more and are taken all the same."""

from __future__ import annotations

import getopt
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from correo.wire.smtp.dsn import FULL, HEADERS, MAX_ENVELOPE_ID

# Those with a value, as sendmail and Postfix have them; -q and -d have one only if it is joined to them.
LETTERS = "A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:r:stvx"
NAMES = {"mailq": "-bp", "newaliases": "-bi"}  # what the program is called says what it is to do
NOTIFY = frozenset({"NEVER", "SUCCESS", "FAILURE", "DELAY"})


class Mode(Enum):
    SEND = "m"
    VERIFY = "v"
    LIST = "p"
    TALK = "s"
    ALIASES = "i"
    FLUSH = "q"


class BadUsage(Exception):
    """The text says what cannot be asked."""


@dataclass(slots=True)
class Asked:
    mode: Mode = Mode.SEND
    recipients: list[str] = field(default_factory=list)  # as written, perhaps several in one
    from_header: bool = False  # recipients are taken from the header, too
    dots: bool = True  # a dot alone ends the message
    sender: str | None = None  # "" is nobody
    full_name: str = ""
    notify: str = ""
    ret: str = ""
    envelope_id: str = ""  # in xtext
    only: str = ""  # of the queue
    config: str = ""


def parse(program: str, arguments: Sequence[str]) -> Asked:
    """`program` is the name it was called by. Raises BadUsage."""
    asked = Asked()
    options, rest = _split([*([NAMES[program]] if program in NAMES else []), *arguments])
    for letter, value in options:
        _take(asked, letter, value)
    asked.recipients = rest
    if asked.notify.count(",") and "NEVER" in asked.notify:
        raise BadUsage("-N: never stands alone")
    return asked


def _split(arguments: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    options: list[tuple[str, str]] = []
    rest = list(arguments)
    while rest:
        # Their values are optional, for which getopt has no way to say.
        if rest[0].startswith(("-q", "-d")):
            word = rest.pop(0)
            options.append((word[:2], word[2:]))
            continue
        until = next((at for at, one in enumerate(rest) if one.startswith(("-q", "-d"))), len(rest))
        try:
            found, left = getopt.getopt(rest[:until], LETTERS)
        except getopt.GetoptError as wrong:
            raise BadUsage(str(wrong)) from None
        options += found
        if left or "--" in rest[:until]:
            return options, [*left, *rest[until:]]
        rest = rest[until:]
    return options, []


def _take(asked: Asked, letter: str, value: str) -> None:
    match letter:
        case "-t":
            asked.from_header = True
        case "-i":
            asked.dots = False
        case "-o" if "i" in value[:1]:
            asked.dots = False
        case "-f" | "-r":
            asked.sender = _path(value.strip())
        case "-F":
            asked.full_name = value
        case "-C":
            asked.config = value
        case "-I":
            asked.mode = Mode.ALIASES
        case "-b":
            asked.mode = _mode(value)
        case "-q" if not value[:1].isdigit():
            asked.mode, asked.only = Mode.FLUSH, _selection(value)
        case "-N":
            asked.notify = _notify(value)
        case "-R":
            asked.ret = _return(value)
        case "-V":
            asked.envelope_id = _xtext(value)


def _selection(value: str) -> str:
    """Of the queue: by id (-qI), or by whither it goes (-qR); "" is all of it."""
    if value and (value[0] not in "IR" or len(value) == 1):
        raise BadUsage(
            f"-q{value} is not possible here; write -qI and an id, or -qR and an address or domain"
        )
    return value[1:]


def _path(value: str) -> str:
    """The address in `Fred <fred@example.org>`, `<fred@example.org>`, or without brackets."""
    _, bracket, rest = value.rpartition("<")
    return rest.removesuffix(">") if bracket and rest.endswith(">") else value


def _mode(value: str) -> Mode:
    try:
        return Mode(value)
    except ValueError:
        how = "; the server is: correo serve" if value in ("d", "D", "l") else ""
        raise BadUsage(f"-b{value} is not possible here{how}") from None


def _notify(value: str) -> str:
    words = value.upper().split(",")
    if not NOTIFY.issuperset(words):
        raise BadUsage("-N must be never, or some of success,failure,delay")
    return ",".join(words)


def _return(value: str) -> str:
    word = value.upper()
    if word not in (FULL, HEADERS):
        raise BadUsage("-R must be full or hdrs")
    return word


def _xtext(value: str) -> str:
    """RFC 3461 §4."""
    octets = value.encode()
    encoded = "".join(chr(one) if 33 <= one <= 126 and one not in b"+=" else f"+{one:02X}" for one in octets)
    if not encoded or len(encoded) > MAX_ENVELOPE_ID:
        raise BadUsage(f"-V must have 1 to {MAX_ENVELOPE_ID} characters")
    return encoded
