"""The framing of `wire.imap` as `net.drive` wants a core to be, with compression between the two (RFC 4978)."""

from __future__ import annotations

from collections.abc import Callable

from correo.wire import NEED_DATA, Need
from correo.wire.imap import framing
from correo.wire.imap.deflate import Damaged, Packer, Unpacker

UNPACKED = 64 * 1024  # octets that are unpacked at once; more only when these make no event


class Core(framing.Server):
    """Stands still from `begin_tls` until the handshake is done."""

    tls_wanted = False
    overheard: Callable[[bytes], None] | None = None  # told of output not yet packed, for who watches
    _packer: Packer | None = None
    _unpacker: Unpacker | None = None
    _before = b""  # output of the time before compression that nobody has taken yet
    _ended = False  # the client will send no more; what it sent may still be packed

    def begin_tls(self) -> None:
        self.tls_wanted = True

    def tls_started(self) -> None:
        super().tls_started()
        self.tls_wanted = False
        self.resume()

    # -- compression --------------------------------------------------------------------------------------------------

    @property
    def compressing(self) -> bool:
        return self._packer is not None

    def begin_compression(self) -> None:
        """All that was given to `send` by now goes out as it is; what came in behind the command is packed already."""
        self._before = super().take_output()
        self._packer, self._unpacker = Packer(), Unpacker()
        self._unpacker.feed(self._take_input())

    def take_output(self) -> bytes:
        output = super().take_output()
        if self._packer is None:
            return output
        before, self._before = self._before, b""
        if self.overheard is not None:
            self.overheard(before + output)
        return before + self._packer.pack(output)

    def receive(self, data: bytes) -> None:
        if self._unpacker is None or self.closed:
            super().receive(data)
        elif not data:
            self._ended = True
        elif self.paused and self._unpacker.waiting > framing.MAX_AHEAD:
            self.overrun()
        else:
            self._unpacker.feed(data)

    def next_event(self) -> framing.Event | Need:
        event = super().next_event()
        while event is NEED_DATA and self._unpacker is not None and not self.paused:
            try:
                octets = self._unpacker.take(UNPACKED)
            except Damaged:
                return self._fatal("the compressed stream is damaged")
            if not octets and not self._ended:
                break
            super().receive(octets)
            event = super().next_event()
        return event
