"""The fixtures of pytest. pytest loads this module wherever Correo is installed, so it imports nothing until a test asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from correo.testing.server import MailServer


@pytest.fixture(scope="session")
def mail_server_options() -> dict[str, Any]:
    """Arguments for `correo.testing.MailServer`; override it in conftest.py."""
    return {}


@pytest.fixture
def mail_server(mail_server_options: dict[str, Any]) -> Iterator[MailServer]:
    """A mail server of this test's own; see Correo's docs/testing.md."""
    from correo.testing.server import MailServer

    with MailServer(**mail_server_options) as server:
        yield server


@pytest.fixture(scope="session")
def _session_mail_server(mail_server_options: dict[str, Any]) -> Iterator[MailServer]:
    from correo.testing.server import MailServer

    with MailServer(**mail_server_options) as server:
        yield server


@pytest.fixture
def shared_mail_server(_session_mail_server: MailServer) -> MailServer:
    """One mail server for the whole session, emptied by its `clear` before each test that uses it."""
    _session_mail_server.clear()
    return _session_mail_server
