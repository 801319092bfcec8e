"""The core with compression switched on: the same events, however they are cut, and no more memory than without."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import pytest

from correo.access.imap.core import UNPACKED, Core
from correo.wire import NEED_DATA
from correo.wire.imap.framing import MAX_AHEAD, Command, Eof, Fatal


def compressing() -> Core:
    core = Core()
    core.receive(b"c COMPRESS DEFLATE\r\n")
    assert isinstance(core.next_event(), Command)
    core.send(b"c OK\r\n")
    core.begin_compression()
    core.resume()
    return core


class Client:
    def __init__(self) -> None:
        self._deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        self._inflate = zlib.decompressobj(-15)

    def says(self, octets: bytes) -> bytes:
        return self._deflate.compress(octets) + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def hears(self, octets: bytes) -> bytes:
        return self._inflate.decompress(octets)


def names(core: Core, pieces: Iterable[bytes]) -> list[str]:
    """The commands that come; each is answered at once with its tag."""
    found = []
    for piece in pieces:
        core.receive(piece)
        while (event := core.next_event()) is not NEED_DATA:
            assert isinstance(event, Command)
            found.append(event.name)
            core.send(event.tag.encode() + b" OK\r\n")
            core.resume()
    return found


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_commands_and_answers_are_compressed(size: int) -> None:
    core, client = compressing(), Client()
    packed = client.says(b"d NOOP\r\ne LOGIN {5+}\r\nalice x\r\nf NOOP\r\n")
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert names(core, pieces) == ["NOOP", "LOGIN", "NOOP"]
    plain, packed = core.take_output()[:6], core.take_output()
    assert plain == b"c OK\r\n"
    assert packed == b""


def test_what_was_said_before_goes_out_as_it_is() -> None:
    core, client = compressing(), Client()
    assert core.compressing
    core.receive(client.says(b"d NOOP\r\n"))
    assert isinstance(core.next_event(), Command)
    core.send(b"d OK\r\n")
    output = core.take_output()
    assert output.startswith(b"c OK\r\n")
    assert client.hears(output.removeprefix(b"c OK\r\n")) == b"d OK\r\n"
    core.send(b"* BYE\r\n")
    assert client.hears(core.take_output()) == b"* BYE\r\n"


def test_what_came_with_the_command_is_packed_already() -> None:
    core, client = Core(), Client()
    core.receive(b"c COMPRESS DEFLATE\r\n" + client.says(b"d NOOP\r\n"))
    assert isinstance(core.next_event(), Command)
    core.begin_compression()
    core.resume()
    event = core.next_event()
    assert isinstance(event, Command)
    assert event.tag == "d"


def test_a_clear_command_after_it_ends_the_connection() -> None:
    core = compressing()
    core.receive(b"d NOOP\r\n" * 10)
    assert isinstance(core.next_event(), Fatal)
    assert core.closed


def test_the_end_comes_after_all_that_was_packed() -> None:
    core, client = compressing(), Client()
    core.receive(client.says(b"d NOOP\r\n"))
    core.receive(b"")
    assert isinstance(core.next_event(), Command)
    core.resume()
    assert isinstance(core.next_event(), Eof)
    assert core.closed


def test_a_bomb_of_one_line_is_refused_while_it_is_small() -> None:
    core, client = compressing(), Client()
    core.receive(client.says(b"x" * 50_000_000))
    assert isinstance(core.next_event(), Fatal)
    assert core.closed


def test_a_bomb_behind_a_command_stays_packed() -> None:
    core, client = compressing(), Client()
    core.receive(client.says(b"d NOOP\r\n" + b"x" * 50_000_000))
    assert isinstance(core.next_event(), Command)
    assert len(core._input) <= UNPACKED
    assert core.next_event() is NEED_DATA


def test_nobody_may_run_ahead_for_ever() -> None:
    core = compressing()
    core.receive(Client().says(b"d NOOP\r\n"))
    assert isinstance(core.next_event(), Command)
    for _ in range(MAX_AHEAD // 1000 + 2):
        core.receive(bytes(1000))
    assert isinstance(core.next_event(), Fatal)
