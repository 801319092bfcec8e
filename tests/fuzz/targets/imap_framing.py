"""Where IMAP commands end: literals, limits, lines that are asked for; and the same packed (RFC 4978)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from tests.fuzz.dialogs import ANYWHERE, IMAP, dialogs
from tests.fuzz.target import Target, alike, cuts

from correo.access.imap.core import UNPACKED, Core
from correo.wire import NEED_DATA
from correo.wire.imap.framing import BadLine, Command, Eof, Fatal, Line, Refused

LINE, LITERALS = 200, 150
MOST_EVENTS = 2_000  # after which the client hangs up: a thousand octets may unpack to a million lines
WAYS = (
    b"plain",
    b"packed",
    b"deflate",
)  # as it is; packed here and to come out the same; to be unpacked, whatever it is


def dialogue(pieces: list[bytes], packed: bool) -> tuple[list[str], bytes]:
    core = Core(literal_limit=lambda _: LITERALS, line_limit=LINE)
    if packed:
        core.begin_compression()
    heard: list[str] = []
    output = b""
    for piece in [*pieces, b""]:
        core.receive(piece)
        for _ in range(MOST_EVENTS + 1 if packed else len(piece) + 2):
            event = core.next_event()
            if event is NEED_DATA:
                assert len(core._input) <= LINE + LITERALS + UNPACKED, "more is kept than the limits say"
                break
            heard.append(_answer(core, event))
            output += core.take_output()
            if core.closed:
                return heard, _unpacked(output) if packed else output
            if packed and len(heard) == MOST_EVENTS:
                return heard, b""
        else:
            raise AssertionError("more events than octets")
        output += core.take_output()
    raise AssertionError("no end")


def _answer(core: Core, event: object) -> str:
    if isinstance(event, Command):
        core.send(b"%b OK\r\n" % event.tag.encode("ascii"))
        if event.name == "IDLE":
            core.expect_line(20)
        else:
            core.resume()
        args = event.arguments
        assert sum(len(literal) for literal, _ in args._rest) <= LITERALS
        return f"{event.tag} {event.name} {args._text[args._at :]!r} {args._rest!r}"
    assert isinstance(event, Refused | BadLine | Line | Fatal | Eof)
    core.resume()
    return repr(event.octets) if isinstance(event, Line) else repr(event)


def _unpacked(octets: bytes) -> bytes:
    return zlib.decompressobj(-15).decompress(octets)


def run(octets: bytes) -> None:
    way, _, stream = octets.partition(b"\n")
    match way:
        case b"packed":
            alike(lambda pieces: dialogue(pieces, packed=True), packed(stream))
            plain = dialogue([stream] if stream else [], packed=False)
            again = dialogue([packed(stream)], packed=True)
            assert again == plain or len(again[0]) == MOST_EVENTS, "packed it says something else"
        case b"deflate":
            # zlib gives nothing of a piece that is damaged anywhere in it, so that the pieces make a difference.
            for pieces in cuts(stream):
                dialogue(pieces, packed=True)
        case _:
            alike(lambda pieces: dialogue(pieces, packed=False), stream)


def packed(stream: bytes) -> bytes:
    deflate = zlib.compressobj(zlib.crc32(stream) % 10, zlib.DEFLATED, -15)
    return deflate.compress(stream) + deflate.flush(zlib.Z_SYNC_FLUSH)


def seeds() -> Iterator[bytes]:
    for lines in dialogs("imap"):
        stream = b"".join(lines)
        yield WAYS[0] + b"\n" + stream
        yield WAYS[1] + b"\n" + stream
    yield WAYS[2] + b"\n" + packed(b"a NOOP\r\nb IDLE\r\nDONE\r\n")
    yield WAYS[2] + b"\n" + packed(b"a" * 50_000)
    for text in (
        b"a LOGIN {3}\r\nbob {3+}\r\nxyz\r\n",
        b"a X {151+}\r\n" + b"x" * 151 + b"\r\nb NOOP\r\n",
        b"x" * 300 + b"{2+}\r\nab\r\nb NOOP\n",
    ):
        yield WAYS[0] + b"\n" + text


TARGET = Target(
    "imap-framing", ("correo.wire.imap.framing", "correo.wire.imap.deflate", "correo.access.imap.core"), run, seeds,
    (*IMAP, *ANYWHERE, *WAYS, b"{150+}\r\n", b"{151}\r\n", b"{1048577+}\r\n"),
)  # fmt: skip
