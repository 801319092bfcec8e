"""A test server for each test of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from correo.testing import MailServer


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server
