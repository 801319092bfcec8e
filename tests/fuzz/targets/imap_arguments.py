"""What stands behind the commands of IMAP: each row's grammar, whatever is written; values read, written, and read again."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz.dialogs import ANYWHERE, IMAP, dialogs
from tests.fuzz.target import Target

from correo.access.imap.commands import BY_NAME, COMMANDS
from correo.wire import NEED_DATA
from correo.wire.imap import encode, utf7
from correo.wire.imap.framing import Command, Eof, Line, Server
from correo.wire.imap.grammar import Arguments, SyntaxFault
from correo.wire.imap.url import message_url

NAMES = tuple(row.name.encode() for row in COMMANDS)
READ = (
    "acl", "append", "fetch", "grammar", "listing", "metadata", "modifiers", "notify", "quota", "results", "resync", "search", "sort",
    "sources", "status", "store", "threads", "types", "url", "utf7",
)  # fmt: skip
LITERALS = 4_096
MODES = (
    (False, False, False),
    (True, False, False),
    (True, True, False),
    (False, False, True),
)  # utf8, rev2, uid_only


def run(octets: bytes) -> None:
    for utf8, rev2, uid_only in MODES:
        for command in _commands(octets, utf8, rev2, uid_only):
            _parse(command)
    _written_again(octets)


def _commands(octets: bytes, utf8: bool, rev2: bool, uid_only: bool) -> Iterator[Command]:
    core = Server(literal_limit=lambda _: LITERALS)
    core.utf8, core.rev2, core.uid_only = utf8, rev2, uid_only
    core.receive(octets)
    core.receive(b"")
    for _ in range(len(octets) + 2):
        event = core.next_event()
        if event is NEED_DATA or isinstance(event, Eof) or core.closed:
            return
        if isinstance(event, Command):
            yield event
        if isinstance(event, Line | Command):
            core.resume()


def _parse(command: Command) -> None:
    row = BY_NAME.get(command.name)
    if row is None:
        return
    try:
        row.parse(command.arguments)
    except SyntaxFault as fault:
        assert fault.reason.isprintable(), "control characters in what a client is told"
        assert fault.status in ("BAD", "NO")
        assert fault.code.isprintable()
        assert "]" not in fault.code


def _written_again(octets: bytes) -> None:
    if b"\0" not in octets:
        assert _whole(encode.quote(octets)).string() == octets
        assert _whole(encode.astring(octets)).astring() == octets
    try:
        name = utf7.decode(octets)
    except ValueError:
        name = octets.decode("utf-8", "replace")
    assert utf7.decode(utf7.encode(name)) == name
    if "\0" not in name:
        for utf8 in (False, True):
            args = _whole(encode.mailbox(name, utf8=utf8), utf8=utf8)
            wanted = "INBOX" if name.upper() == "INBOX" else name
            assert args.mailbox() == wanted, "a mailbox that is told cannot be asked for"
    found = message_url(octets.decode("utf-8", "replace"))
    assert found is None or len(found.cut(b"x" * 9)) <= 9


def _whole(written: bytes, utf8: bool = False) -> Arguments:
    """What we write, as what a client would say."""
    head, brace, rest = written.partition(b"}\r\n")
    if not brace or not head.startswith(b"{"):
        assert b"\r" not in written
        assert b"\n" not in written
        return Arguments(written, 0, utf8=utf8)
    assert int(head[1:]) == len(rest)
    return Arguments(head + b"}", 0, [(rest, b"")], utf8=utf8)


def seeds() -> Iterator[bytes]:
    yield from (b"".join(lines) for lines in dialogs("imap"))
    yield from (
        b"/Sent;UIDVALIDITY=1/;UID=2/;SECTION=1.2.MIME/;PARTIAL=0.5",
        b"&U,BTFw-",
        b"&AOk-",
        b"INBOX",
        b'a"b\\c',
    )


TARGET = Target(
    "imap-arguments", tuple(f"correo.wire.imap.{name}" for name in READ), run, seeds,
    (*IMAP, *ANYWHERE, *(b"a " + name + b" " for name in NAMES)),
)  # fmt: skip
