"""Certificates that are renewed while the server runs: seen by their files, whether or not anybody sends a signal."""

from __future__ import annotations

import asyncio

import structlog

from correo.net.certificates import Certificates

log = structlog.get_logger("correo")

GLANCE = 30.0  # seconds between looks; one costs a stat of each file


async def see_certificates(certificates: Certificates) -> None:
    """A duty of the server, which never ends."""
    while True:
        await asyncio.sleep(GLANCE)
        if not certificates.changed():
            continue
        try:
            certificates.load_again()
        except OSError as error:  # perhaps one file of two is new so far; the other will be seen, too
            log.error("changed certificates do not serve, those before stay", reason=str(error))
        else:
            log.info("certificates reloaded")
