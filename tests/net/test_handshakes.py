"""What the log says of TLS handshakes that fail, and how much it says."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
import uvloop
from structlog.testing import capture_logs

from correo.clock.virtual import VirtualClock
from correo.net import Stream, listen
from correo.net.handshakes import FEW, MOST, WINDOW, FailedHandshakes
from correo.net.limits import ConnectionLimits
from correo.net.listen import Listener, bind
from correo.net.tls import server_context

LEFT = ConnectionResetError()


def test_one_network_gets_a_few_lines_in_each_window() -> None:
    clock = VirtualClock()
    failures = FailedHandshakes(clock)
    with capture_logs() as logged:
        for _ in range(FEW + 3):
            failures.note("imap", "192.0.2.1", LEFT)
        failures.note("imap", "192.0.2.2", TimeoutError())
    assert len(logged) == FEW + 1
    assert logged[0] == {
        "event": "TLS handshake failed",
        "log_level": "info",
        "protocol": "imap",
        "address": "192.0.2.1",
        "reason": "the client left",
    }
    assert logged[-1]["reason"] == "it took too long"
    clock.advance(WINDOW)
    with capture_logs() as logged:
        failures.note("smtp", "192.0.2.1", LEFT)
    assert [line["event"] for line in logged] == ["more TLS handshakes failed", "TLS handshake failed"]
    assert logged[0]["count"] == 3


def test_all_networks_together_are_bounded() -> None:
    failures = FailedHandshakes(VirtualClock())
    with capture_logs() as logged:
        for number in range(MOST + 100):
            failures.note("imap", f"2001:db8:0:{number:x}::1", LEFT)
    assert len(logged) == MOST


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_reasons(
    tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = trustme.CA().issue_cert("mail.example.org")
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "certificate.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    server = server_context(tmp_path / "certificate.pem", tmp_path / "key.pem")
    failures: list[str] = []

    async def serve(stream: Stream) -> None:
        raise AssertionError("nobody got so far")

    async def main() -> None:
        def note(address: str, error: OSError | TimeoutError) -> None:
            told.note("imap", address, error)
            done.set()

        told, done = FailedHandshakes(VirtualClock()), asyncio.Event()
        limits = ConnectionLimits(10, 10)
        listener = Listener(bind("127.0.0.1:0"), serve, limits, b"", lambda: server, failed=note)
        await listener.start()
        port = int(listener.address.rpartition(":")[2])
        for words in (b"EHLO client.example\r\n", b"GET / HTTP/1.1\r\n", b""):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(words)
            if not words:
                writer.close()
            async with asyncio.timeout(30):
                await done.wait()
            done.clear()
            writer.close()
        monkeypatch.setattr(listen, "HANDSHAKE_SECONDS", 0.05)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(30):
            await done.wait()
        done.clear()
        writer.close()
        monkeypatch.undo()
        await asyncio.to_thread(_distrust, port)
        async with asyncio.timeout(30):
            await done.wait()
        listener.stop_accepting()
        await listener.drain(1)

    with asyncio.Runner(loop_factory=loop) as runner, capture_logs() as logged:
        runner.run(main())
    failures += [line["reason"] for line in logged if line["event"] == "TLS handshake failed"]
    assert failures[1:3] == ["http request", "the client left"]
    assert failures[0] in ("wrong version number", "packet length too long", "record layer failure")
    assert failures[3] == "it took too long"
    assert failures[4] == "tlsv1 alert unknown ca"


def _distrust(port: int) -> None:
    """A client that does not know who issued the certificate. Under TLS 1.3 it says so after the server's handshake has ended."""
    context = ssl.create_default_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", port), 5) as sock, pytest.raises(ssl.SSLError):
        context.wrap_socket(sock, server_hostname="mail.example.org")
