"""Whether the server can be used by anybody to send mail to anybody: it is asked, and nothing is ever sent.

What is asked ends before the text of a message, so that there is no message, whatever the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from correo.net import Dialer, Stream
from correo.net.listen import split_host_port
from correo.net.tls import opportunistic_context
from correo.ops.checkup import Finding, ok, problem
from correo.wire.smtp.reply import NotSmtp, Reply, ReplyReader

PATIENCE = 5.0  # seconds for one answer
TO = "relay-test@example.org"  # nobody's, by RFC 2606 §3
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class _Silent(Exception):
    """It does not answer, or not as SMTP does."""


async def check_relaying(
    address: str, tls: str, hostname: str, domains: Sequence[str], dialer: Dialer, wait: float = 0.0
) -> list[Finding]:
    """Of one listener for SMTP; nothing is found where somebody else answers there, or nobody.

    `wait`: seconds for which the server lets others wait for its greeting.
    """
    host, port = split_host_port(address)
    try:
        async with asyncio.timeout(4 * PATIENCE + wait):
            taken = await _probe(EVERYWHERE.get(host, host), port, tls, hostname, domains, dialer, wait)
    except (OSError, TimeoutError, _Silent):
        return []
    about = f"relaying {address}"
    if taken:
        words = f"mail for {TO} was taken from {taken}, who did not log in: spammers find that within hours"
        return [problem(about, f"{words}; let no proxy make strangers look like this machine")]
    return [ok(about, "mail for others is taken from nobody who has not logged in")]


async def _probe(
    host: str, port: int, tls: str, hostname: str, domains: Sequence[str], dialer: Dialer, wait: float
) -> str:
    """From whom it was taken, or ""."""
    stream = await dialer.connect(host, port, PATIENCE)
    reader = ReplyReader()
    try:
        if tls == "implicit":
            await stream.start_tls(opportunistic_context(), server_side=False)
        greeting = await _answer(stream, reader, "", PATIENCE + wait)
        if greeting.code != 220 or not any(hostname in line for line in greeting.lines):
            raise _Silent
        await _answer(stream, reader, "EHLO localhost")
        # Nobody, a stranger, and somebody of ours, whose name anybody can use.
        for sender in ("", "relay-test@example.net", *(f"postmaster@{domain}" for domain in domains[:1])):
            mail = await _answer(stream, reader, f"MAIL FROM:<{sender}>")
            if mail.first_digit == 2 and (await _answer(stream, reader, f"RCPT TO:<{TO}>")).first_digit == 2:
                return f"<{sender}>"
            await _answer(stream, reader, "RSET")
        await _answer(stream, reader, "QUIT")
        return ""
    finally:
        stream.abort()


async def _answer(stream: Stream, reader: ReplyReader, command: str, patience: float = PATIENCE) -> Reply:
    if command:
        stream.write(command.encode() + b"\r\n")
        await stream.drain(PATIENCE)
    while (reply := reader.next()) is None:
        data = await stream.read(patience)
        if not isinstance(data, bytes) or not data:
            raise _Silent
        reader.feed(data)
    if isinstance(reply, NotSmtp) or reply.code == 421:
        raise _Silent
    return reply
