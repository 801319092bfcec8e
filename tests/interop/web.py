"""A web server by HTTPS inside a network namespace, whose pages a test can change at any time."""

from __future__ import annotations

import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.interop.network import Namespace


class Web:
    """`pages` by host and path, and how often each was `asked` for; what is not there is 404."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.asked: Counter[str] = Counter()

    @contextmanager
    def serving(
        self, namespace: Namespace, address: str, contexts: dict[str, ssl.SSLContext]
    ) -> Iterator[None]:
        """At port 443 of `address`, with the certificate of the name that is asked for, or the one for ""."""
        pages, asked = self.pages, self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                where = f"{self.headers['Host']}{self.path}"
                asked[where] += 1
                page = pages.get(where)
                self.send_response(404 if page is None else 200)
                self.send_header("Content-Type", "text/plain")
                self.end_headers()
                self.wfile.write((page or "").encode())

            def log_message(self, format: str, *arguments: Any) -> None:
                """pytest shows what matters."""

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
            connection.context = contexts.get(name or "", contexts[""])

        front = contexts[""]
        front.sni_callback = choose
        with namespace.inside():
            server = ThreadingHTTPServer((address, 443), Handler)
        with server:
            # The handshake is the handler's affair: a client that breaks it off must not end the server.
            server.socket = front.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            thread = threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
            )
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join()
