"""The framing of `wire.imap` as `net.drive` wants a core to be."""

from __future__ import annotations

from correo.wire.imap import framing


class Core(framing.Server):
    """Stands still from `begin_tls` until the handshake is done."""

    tls_wanted = False

    def begin_tls(self) -> None:
        self.tls_wanted = True

    def tls_started(self) -> None:
        super().tls_started()
        self.tls_wanted = False
        self.resume()
